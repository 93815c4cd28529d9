/* The tracked files of a source, and its life.  How it is scanned is in scan.c. */
#include "daemon/inbox/source.h"

#include <fcntl.h>
#include <search.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"

const char *const scan_words[SCAN_RESULTS] = {"none yet", "files", "empty", "failed"};

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

struct file *
source_find(const struct source *s, const char *name)
{
	void *node = tfind(name, (void *const *) &s->by_name, compare_names);

	/* a node begins with its key, which is the name at the end of the file */
	return node != NULL ? (struct file *) (void *) (*(char **) node - offsetof(struct file, name)) : NULL;
}

/* Its settle time or its back-off is over: is it still the same? */
static void
on_file_timer(evutil_socket_t fd, short what, void *context)
{
	struct file *f = context;

	(void) fd;
	(void) what;
	f->source->calls->check_is_due(f->source->context, f);
}

struct file *
source_add(struct source *s, const char *name, bool takeable)
{
	const size_t most = takeable ? LIMIT_LISTING : LIMIT_LISTING - LIMIT_LISTING / 10;
	size_t kept = 0;
	struct file *f;

	for (int state = 0; state < FILE_STATES; state++)
		kept += s->counts[state];
	if (kept >= most || (f = file_new(s, s->base, name, on_file_timer)) == NULL)
		return NULL;
	if (tsearch(f->name, &s->by_name, compare_names) == NULL) {
		file_free(f);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&s->tracked, f, tracked);
	s->counts[f->state]++;
	return f;
}

void
source_forget(struct source *s, struct file *f)
{
	tdelete(f->name, &s->by_name, compare_names);
	TAILQ_REMOVE(&s->tracked, f, tracked);
	if (f->state == FILE_DUE)
		queue_remove(&s->due, &f->due);
	s->counts[f->state]--;
	file_free(f);
	s->freed++;
	source_use_room(s);
}

void
source_use_room(struct source *s)
{
	/* not for each single file: a scan goes through the whole directory */
	if (s->capped && s->freed > 0 && !s->closed && s->listing == NULL && !s->sweeping &&
	    (s->freed >= LIMIT_LISTING / 2 || source_open_files(s) == 0))
		loop_after(s->timer, 0);
}

static void
move(struct file *f, enum file_state to)
{
	struct source *s = f->source;

	if (f->state == to)
		return;
	if (f->state == FILE_DUE)
		queue_remove(&s->due, &f->due);
	s->counts[f->state]--;
	s->counts[to]++;
	f->state = to;
	f->since_ms = loop_now_ms();
	if (to == FILE_DUE) {
		queue_add(&s->due, &f->due);
		s->calls->due(s->context);
	}
}

struct file *
source_take(struct source *s)
{
	struct queue_node *first = queue_first(&s->due);
	struct file *f;

	if (first == NULL || s->dir < 0)
		return NULL;
	f = (struct file *) (void *) ((char *) first - offsetof(struct file, due));
	move(f, FILE_RUNNING);
	f->stage[0] = '\0';
	f->committed = false;
	f->stage_records = 0;
	return f;
}

bool
source_is_fetched(const struct source *s)
{
	return s->config->sftp.host != NULL;
}

const char *
source_sidecar(const struct source *s)
{
	if (source_is_fetched(s)) /* handback-fetch has seen to it */
		return NULL;
	return s->config->checksum != NULL ? s->config->checksum : s->config->marker;
}

static struct file_rule
rule_of(const struct source *s)
{
	return (struct file_rule){.told_by_name = source_sidecar(s) != NULL || source_is_fetched(s) ||
	                                          s->config->api.on, /* handback-receive links whole files */
	                          .settle_ms = s->config->settle_ms};
}

static void
apply(struct file *f, const struct file_action *action)
{
	if (action->stops)
		event_del(f->timer);
	if (action->settles)
		move(f, FILE_SETTLING);
	move(f, action->to);
	if (action->ms >= 0)
		loop_after(f->timer, action->ms);
	if (action->message != NULL)
		log_write(LOG_WARNING, action->message,
		          LOG_FIELDS(log_text("source", f->source->name), log_text("name", f->name),
		                     log_text("why", action->why)));
}

void
source_seen(struct file *f, const struct stat *st, bool complete, enum file_sight sight)
{
	struct file_rule rule = rule_of(f->source);
	struct file_action action = file_seen(f, st, complete, sight, &rule);

	apply(f, &action);
}

void
source_unreadable(struct file *f, int error)
{
	struct file_action action = file_unreadable(f, error);

	apply(f, &action);
}

void
source_handled(struct file *f)
{
	f->failures = 0;
	f->logged = false;
	move(f, FILE_HANDLED);
}

void
source_wait(struct file *f, int64_t ms, bool busy)
{
	f->busy = busy;
	move(f, FILE_WAITING);
	loop_after(f->timer, ms);
}

size_t
source_open_files(const struct source *s)
{
	return s->counts[FILE_SETTLING] + s->counts[FILE_DUE] + s->counts[FILE_RUNNING];
}

static void
on_timer(evutil_socket_t fd, short what, void *context)
{
	struct source *s = context;

	(void) fd;
	(void) what;
	s->calls->scan_is_due(s->context, s);
}

static void
source_free(struct source *s)
{
	if (s->timer != NULL)
		event_free(s->timer);
	if (s->listing != NULL)
		closedir(s->listing);
	if (s->dir >= 0)
		close(s->dir);
	free(s->name);
	free(s->partner);
	free(s);
}

struct source *
source_new(struct event_base *base, const struct config_source *config, int64_t rescan_ms, bool once,
           const struct source_calls *calls, void *context)
{
	struct source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = (struct source){.base = base,
	                     .calls = calls,
	                     .context = context,
	                     .config = config,
	                     .rescan_ms = rescan_ms,
	                     .once = once,
	                     .dir = -1,
	                     .watch = -1};
	TAILQ_INIT(&s->tracked);
	s->asked_scan = 1;
	s->name = strdup(config->name);
	s->partner = strdup(config->partner);
	s->timer = evtimer_new(base, on_timer, s);
	if (s->name == NULL || s->partner == NULL || s->timer == NULL ||
	    event_priority_set(s->timer, LOOP_SCANS) < 0 || loop_after(s->timer, 0) < 0) {
		source_free(s);
		return NULL;
	}
	return s;
}

void
source_configure(struct source *s, const struct config_source *config, int64_t rescan_ms)
{
	s->config = config;
	s->rescan_ms = rescan_ms;
	s->was_mount = false; /* whoever reloads has seen to it */
}

/* Forgets all but the running files, and, when there are none, the source. */
static void
wind_up(struct source *s)
{
	for (struct file *f = TAILQ_FIRST(&s->tracked), *next; f != NULL; f = next) {
		next = TAILQ_NEXT(f, tracked);
		if (f->state != FILE_RUNNING)
			source_forget(s, f);
	}
	if (TAILQ_EMPTY(&s->tracked))
		source_free(s);
}

void
source_close(struct source *s)
{
	s->closed = true;
	s->config = NULL; /* the configuration goes its own way */
	event_del(s->timer);
	if (s->listing != NULL)
		closedir(s->listing);
	s->listing = NULL;
	s->sweeping = false;
	wind_up(s);
}

void
source_end(struct source *s)
{
	if (s->closed)
		wind_up(s);
}

void
source_remove_sidecar(struct source *s, const struct file *f)
{
	char name[2 * LIMIT_NAME_BYTES];
	struct stat st;

	if (s->closed || s->dir < 0 || source_sidecar(s) == NULL ||
	    snprintf(name, sizeof(name), "%s%s", f->name, source_sidecar(s)) > LIMIT_NAME_BYTES)
		return;
	/* another file by the same name: the sidecar file may be that one's */
	if (fstatat(s->dir, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	/* a sidecar file without its file means nothing; when it cannot be removed it does no harm */
	if (f->sidecar.inode != 0)
		(void) aside_remove(s->dir, name, &f->sidecar);
}
