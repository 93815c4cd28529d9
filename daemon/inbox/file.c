#include "daemon/inbox/file.h"

#include "lib/base/log.h"
#include "daemon/loop.h"
#include "daemon/inbox/source.h"

/* Unless an event told that it is finished, a file is looked at twice, however short the settle time. */
#define CHECK_TWICE_MS 100

const char *const file_state_words[FILE_STATES] = {"settling", "due",     "running",
                                                   "waiting",  "refused", "handled"};

static struct file_print
print_of(const struct stat *st)
{
	return (struct file_print){st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim};
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* No order, no age: clocks of file servers are wrong.  Only whether something is different. */
static bool
same_print(const struct file_print *a, const struct file_print *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

/* Why it can never be taken, NULL when it is a plain file.  Links to a file are judged when it has settled.
 */
static const char *
not_ours(const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		return NULL;
	case S_IFLNK:
		return "a symbolic link; links are never followed: deliver the file itself";
	case S_IFDIR:
		return "a directory; only files directly in the inbound directory are taken";
	case S_IFIFO:
		return "a FIFO, not a file";
	case S_IFSOCK:
		return "a socket, not a file";
	default:
		return "a device, not a file";
	}
}

static void
refuse(struct file *f, const char *why)
{
	if (f->timer != NULL)
		event_del(f->timer);
	source_move(f->source, f, FILE_REFUSED);
	if (!f->told)
		log_write(
		    LOG_WARNING, "not taken",
		    LOG_FIELDS(log_text("source", f->source->name), log_text("name", f->name), log_text("why", why)));
	f->told = true;
}

/* Starts the settle time, or ends it at once where nothing has to be waited for. */
static void
settle(struct file *f, const struct stat *st, bool twinned, enum file_sight sight)
{
	/* a twin, an event or handback-fetch says that it is complete */
	bool by_name = source_twin(f->source) != NULL || source_is_fetched(f->source);
	bool told_complete = by_name || sight == FILE_FINISHED;
	int64_t ms = by_name ? 0 : f->source->config->settle_ms;

	source_move(f->source, f, FILE_SETTLING);
	event_del(f->timer);
	if (!twinned)
		return;
	if (ms < CHECK_TWICE_MS && (!told_complete || st->st_nlink > 1))
		ms = CHECK_TWICE_MS;
	if (ms == 0)
		source_move(f->source, f, FILE_DUE);
	else
		loop_after(f->timer, ms);
}

/* Nothing has changed since the last time that we looked. */
static void
seen_unchanged(struct file *f, const struct stat *st, bool twinned, enum file_sight sight)
{
	bool over = sight == FILE_TIMER;

	switch (f->state) {
	case FILE_HANDLED:
		if (!f->told)
			log_write(LOG_WARNING, "handled, but still there: remove it, nobody else will",
			          LOG_FIELDS(log_text("source", f->source->name), log_text("name", f->name)));
		f->told = true;
		break;
	case FILE_REFUSED:
		if (st->st_nlink == 1)
			settle(f, st, twinned, sight);
		break;
	case FILE_SETTLING:
	case FILE_WAITING:
		if (over && twinned && st->st_nlink > 1)
			refuse(
			    f,
			    "it has other names (hard links), through which it could change: deliver a file of its own");
		else if (over && twinned)
			source_move(f->source, f, FILE_DUE);
		else if (!twinned || (f->state == FILE_SETTLING && !event_pending(f->timer, EV_TIMEOUT, NULL)) ||
		         (sight == FILE_FINISHED && (f->busy || f->source->config->settle_ms == 0)))
			settle(f, st, twinned, sight);
		break;
	case FILE_DUE:
	case FILE_RUNNING:
	case FILE_STATES:
		break;
	}
}

void
file_seen(struct file *f, const struct stat *st, bool twinned, enum file_sight sight)
{
	struct file_print print = print_of(st);
	bool changed = !f->printed || !same_print(&f->print, &print);
	const char *why = not_ours(st);

	if (f->state == FILE_RUNNING)
		return; /* the worker compares for itself */
	f->printed = true;
	f->print = print;
	if (why != NULL)
		refuse(f, why);
	else if (changed) {
		if (f->state == FILE_HANDLED)
			f->seen_us = loop_wall_us(); /* another file under the same name */
		f->failures = 0;
		f->told = false;
		settle(f, st, twinned, sight);
	} else
		seen_unchanged(f, st, twinned, sight);
}

void
file_unreadable(struct file *f, int error)
{
	if (f->state != FILE_RUNNING)
		refuse(f, strerrordesc_np(error));
	f->printed = false; /* whatever is seen next is a change */
}

/* The settle time or the back-off is over: is it still the same? */
static void
on_timer(evutil_socket_t fd, short what, void *context)
{
	struct file *f = context;

	(void) fd;
	(void) what;
	source_check_file(f->source, f, FILE_TIMER);
}

void
file_handled(struct file *f)
{
	f->failures = 0;
	f->told = false;
	source_move(f->source, f, FILE_HANDLED);
}

void
file_wait(struct file *f, int64_t ms, bool busy)
{
	f->busy = busy;
	source_move(f->source, f, FILE_WAITING);
	loop_after(f->timer, ms);
}

struct file *
file_new(struct source *source, const char *name)
{
	size_t len = strlen(name);
	struct file *f = calloc(1, sizeof *f + len + 1);

	if (f == NULL)
		return NULL;
	memcpy(f->name, name, len);
	f->source = source;
	f->due.name = f->name;
	f->seen_us = loop_wall_us();
	f->since_ms = loop_now_ms();
	f->timer = evtimer_new(source->base, on_timer, f);
	if (f->timer == NULL || event_priority_set(f->timer, LOOP_FILES) < 0) {
		file_free(f);
		return NULL;
	}
	return f;
}

void
file_free(struct file *f)
{
	if (f == NULL)
		return;
	if (f->timer != NULL)
		event_free(f->timer);
	free(f);
}
