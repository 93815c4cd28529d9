#include "ctl/watch.h"

#include <signal.h>
#include <time.h>

#include "lib/finance/output/memory.h"

#define ENTER "\033[?1049h\033[?25l" /* the other screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define TO_END_OF_LINE "\033[K"
#define TO_END "\033[J"

/* As many lines as the terminal has; what is wiped is what is behind the new text, so that nothing flickers.
 */
static void
put_picture(const char *text, int height)
{
	fputs(HOME, stdout);
	for (int line = 1; *text != 0; line++) {
		size_t len = strcspn(text, "\n");

		fwrite(text, 1, len, stdout);
		fputs(TO_END_OF_LINE, stdout);
		text += len + (text[len] == '\n');
		if (*text == 0 || line == height)
			break;
		fputc('\n', stdout);
	}
	fputs(TO_END, stdout);
}

static int
draw_once(struct session *s, watch_draw *draw)
{
	char *text = NULL;
	size_t len = 0;

	if (!s->terminal.screen || s->format != FORMAT_TEXT)
		return draw(s, stdout);
	FILE *out = open_memstream(&text, &len);
	if (out == NULL)
		return EXIT_INTERNAL;
	terminal_detect(&s->terminal);
	int code = draw(s, out);
	if (fclose(out) == 0)
		put_picture(text, s->terminal.height);
	free(text);
	return code;
}

/* Waits for the next picture; false when somebody has seen enough. */
static bool
wait_for_next(const sigset_t *signals, int seconds)
{
	const struct timespec pause = {.tv_sec = seconds};

	switch (sigtimedwait(signals, NULL, &pause)) {
	case SIGINT:
	case SIGTERM:
	case SIGHUP:
		return false;
	default: /* time is over, or the size has changed */
		return true;
	}
}

int
watch(struct session *s, watch_draw *draw, int seconds)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
	const bool screen = s->terminal.screen && s->format == FORMAT_TEXT;
	sigset_t signals, before;
	int code;

	/* they are waited for between two pictures, so that none comes in the middle of one */
	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&signals, numbers[i]);
	sigprocmask(SIG_BLOCK, &signals, &before);
	if (screen)
		fputs(ENTER, stdout);
	do {
		code = draw_once(s, draw);
		fflush(stdout);
	} while ((code == EXIT_CLEAN || code == EXIT_UNAVAILABLE) && !ferror(stdout) &&
	         wait_for_next(&signals, seconds));
	if (screen)
		fputs(LEAVE, stdout);
	fflush(stdout);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return code == EXIT_UNAVAILABLE ? EXIT_CLEAN : code;
}
