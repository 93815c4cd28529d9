#include "lib/finance/output/terminal.h"

#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/finance/output/number.h"

#define BAR_COLUMNS 24
#define QUIET_MS 500 /* what takes less needs no bar */
#define REDRAW_MS 100

static bool
is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value;
}

static int
stdout_width(void)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");

	if (!isatty(STDOUT_FILENO)) /* a file has no width, whatever a shell or a test runner put into the
	                               environment */
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	if (columns != NULL) {
		char *end = NULL;
		long width = strtol(columns, &end, 10);
		if (end != columns && *end == 0 && width >= 20 && width <= 10000)
			return (int) width;
	}
	return 80;
}

static int
stdout_height(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

void
terminal_detect(struct terminal *ret)
{
	const char *term = getenv("TERM");
	bool dumb = term == NULL || strcmp(term, "dumb") == 0;

	/* wcwidth() knows nothing beyond ASCII in the "C" locale; nothing else of the locale is wanted */
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		setlocale(LC_CTYPE, "");
	ret->width = stdout_width();
	ret->height = stdout_height();
	ret->screen = isatty(STDOUT_FILENO) && !dumb;
	ret->colour = ret->screen && !is_set("NO_COLOR");
	ret->progress = isatty(STDERR_FILENO) && !dumb;
}

const char *
terminal_ink(const struct terminal *t, enum ink ink)
{
	static const char *const inks[] = {
	    [INK_PLAIN] = "",        [INK_BOLD] = "\033[1m", [INK_DIM] = "\033[2m",     [INK_GOOD] = "\033[32m",
	    [INK_WAIT] = "\033[33m", [INK_BAD] = "\033[31m", [INK_ACCENT] = "\033[36m",
	};

	return t->colour ? inks[ink] : "";
}

const char *
terminal_plain(const struct terminal *t, enum ink ink)
{
	return t->colour && ink != INK_PLAIN ? "\033[0m" : "";
}

void
progress_start(struct progress *p, const struct terminal *t, const char *what, const char *unit,
               int64_t total)
{
	*p = (struct progress){.on = t->progress, .what = what, .unit = unit, .total = total};
	p->started_ms = clock_now_ms();
	p->drawn_ms = p->started_ms + QUIET_MS - REDRAW_MS;
}

/* The bar in eighths of a column. */
static void
draw_bar(int64_t part, int64_t whole)
{
	static const char *const eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int64_t filled = whole > 0 ? part * BAR_COLUMNS * 8 / whole : 0;

	for (int i = 0; i < BAR_COLUMNS; i++) {
		int64_t here = filled - 8 * i;
		fputs(here >= 8 ? "█" : here <= 0 ? " " : eighths[here], stderr);
	}
}

void
progress_at(struct progress *p, int64_t done)
{
	if (!p->on)
		return;
	int64_t now = clock_now_ms();
	if (now - p->drawn_ms < REDRAW_MS)
		return;

	int64_t part = done < p->total ? done : p->total;
	int64_t percent = p->total > 0 ? part * 100 / p->total : 0;
	int64_t left_s = part > 0 ? (now - p->started_ms) * (p->total - part) / part / 1000 : 0;
	char *shown = number_of(done), *total = number_of(p->total);

	fprintf(stderr, "\r\033[K%s ▕", p->what);
	draw_bar(part, p->total);
	fprintf(stderr, "▏%3d %%  %s of %s %s", (int) percent, shown, total, p->unit);
	if (left_s > 0)
		fprintf(stderr, "  %d s left", (int) left_s);
	fflush(stderr);
	free(shown);
	free(total);
	p->drawn_ms = now;
}

void
progress_end(struct progress *p)
{
	if (p->on && p->drawn_ms > p->started_ms + QUIET_MS - REDRAW_MS)
		fputs("\r\033[K", stderr);
	p->on = false;
}
