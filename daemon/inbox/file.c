#include "daemon/inbox/file.h"

#include "daemon/loop.h"

/* Unless an event showed that it is finished, a file is looked at twice, however short the settle time. */
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

static struct file_action
stay(const struct file *f)
{
	return (struct file_action){.to = f->state, .ms = -1};
}

static struct file_action
refuse(struct file *f, const char *why)
{
	bool logged = f->logged;

	f->logged = true;
	return (struct file_action){
	    .to = FILE_REFUSED, .stops = true, .ms = -1, .message = logged ? NULL : "not taken", .why = why};
}

/* Starts the settle time, or ends it at once where nothing has to be waited for. */
static struct file_action
settle(const struct stat *st, bool complete, enum file_sight sight, const struct file_rule *rule)
{
	struct file_action action = {.to = FILE_SETTLING, .settles = true, .stops = true, .ms = -1};
	bool told_complete = rule->told_by_name || sight == FILE_FINISHED;
	int64_t ms = rule->told_by_name ? 0 : rule->settle_ms;

	if (!complete)
		return action;
	if (ms < CHECK_TWICE_MS && (!told_complete || st->st_nlink > 1))
		ms = CHECK_TWICE_MS;
	if (ms == 0)
		action.to = FILE_DUE;
	else
		action.ms = ms;
	return action;
}

static struct file_action
still_there(struct file *f)
{
	struct file_action action = stay(f);

	if (!f->logged)
		action.message = "handled, but still there: remove it, nobody else will";
	f->logged = true;
	return action;
}

/* Nothing has changed since the last time that we looked. */
static struct file_action
seen_unchanged(struct file *f, const struct stat *st, bool complete, enum file_sight sight,
               const struct file_rule *rule)
{
	bool over = sight == FILE_TIMER;

	switch (f->state) {
	case FILE_HANDLED:
		return still_there(f);
	case FILE_REFUSED:
		if (st->st_nlink == 1)
			return settle(st, complete, sight, rule);
		break;
	case FILE_SETTLING:
	case FILE_WAITING:
		if (over && complete && st->st_nlink > 1)
			return refuse(
			    f,
			    "it has other names (hard links), through which it could change: deliver a file of its own");
		if (over && complete)
			return (struct file_action){.to = FILE_DUE, .ms = -1};
		if (!complete || (f->state == FILE_SETTLING && !event_pending(f->timer, EV_TIMEOUT, NULL)) ||
		    (sight == FILE_FINISHED && (f->busy || rule->settle_ms == 0)))
			return settle(st, complete, sight, rule);
		break;
	case FILE_DUE:
	case FILE_RUNNING:
	case FILE_STATES:
		break;
	}
	return stay(f);
}

struct file_action
file_seen(struct file *f, const struct stat *st, bool complete, enum file_sight sight,
          const struct file_rule *rule)
{
	struct file_print print = print_of(st);
	bool changed = !f->printed || !same_print(&f->print, &print);
	const char *why = not_ours(st);

	if (f->state == FILE_RUNNING)
		return stay(f); /* the worker compares for itself */
	f->printed = true;
	f->print = print;
	if (why != NULL)
		return refuse(f, why);
	if (!changed)
		return seen_unchanged(f, st, complete, sight, rule);
	if (f->state == FILE_HANDLED)
		f->seen_us = loop_wall_us(); /* another file under the same name */
	f->failures = 0;
	f->crashed = 0;
	f->logged = false;
	return settle(st, complete, sight, rule);
}

struct file_action
file_unreadable(struct file *f, int error)
{
	f->printed = false; /* whatever is seen next is a change */
	return f->state == FILE_RUNNING ? stay(f) : refuse(f, strerrordesc_np(error));
}

struct file *
file_new(struct source *source, struct event_base *base, const char *name, event_callback_fn on_timer)
{
	size_t len = strlen(name);
	struct file *f = calloc(1, sizeof(*f) + len + 1);

	if (f == NULL)
		return NULL;
	memcpy(f->name, name, len);
	f->source = source;
	f->due.name = f->name;
	f->seen_us = loop_wall_us();
	f->since_ms = loop_now_ms();
	f->timer = evtimer_new(base, on_timer, f);
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
