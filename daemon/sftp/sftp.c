#include "daemon/sftp/sftp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/config/schedule.h"
#include "lib/protocol/message.h"

#define GRACE_MS 8000 /* beyond the run's own deadline; the fetcher gives itself five seconds */
#define LEAVE_MS 5000 /* after it was asked to end */
#define FIRST_BACKOFF_MS 5000
#define CEILING_MS (60 * 60 * 1000LL)
#define LOGIN_CEILING_MS (6 * 60 * 60 * 1000LL) /* a partner may lock an account that fails too often */
#define REQUESTS_MS (60 * 1000)                 /* between two looks for request files */
#define SOON_MS 1000  /* after a file was archived, so that several are dealt with at once */
#define CLOSE_MS 2000 /* a poll that is due by then is made now */
#define ONCE_RUNS 3
#define LINES_PER_S 5000               /* more is not a report */
#define ONCE_SETTLE_MS (2 * 60 * 1000) /* longer than this a single run does not wait for a file */
#define DAY_MINUTES (24 * 60)

const char *const sftp_state_words[SFTP_STATES] = {"resting", "running", "closed"};
const char *const sftp_poll_words[SFTP_POLL_RESULTS] = {"none yet", "files", "empty", "failed"};

/* ---- when ---- */

/* Milliseconds from now until the source's windows let it poll; 0: now. */
static int64_t
until_window(const struct config_sftp *config, int64_t now_us)
{
	int64_t minute = now_us / 60000000 % DAY_MINUTES, wait = DAY_MINUTES;

	for (const char *const *w = config->window; w != NULL && *w != NULL; w++) {
		int from, to;

		if (!config_window(*w, &from, &to))
			continue;
		if (from < to ? minute >= from && minute < to : minute >= from || minute < to)
			return 0;
		if ((from - minute + DAY_MINUTES) % DAY_MINUTES < wait)
			wait = (from - minute + DAY_MINUTES) % DAY_MINUTES;
	}
	return config->window == NULL ? 0 : wait * 60000 - now_us / 1000 % 60000;
}

/* Sets the timer for what comes first: the next poll, or what is due afterwards. */
static void
arm(struct sftp *s)
{
	int64_t ms = s->next_ms != 0 ? s->next_ms - loop_now_ms() : INT64_MAX;

	if (s->after_due && ms > SOON_MS)
		ms = SOON_MS + until_window(&s->config->sftp, loop_wall_us() + SOON_MS * 1000);
	if (s->config->sftp.requests_directory != NULL && ms > s->requests_ms - loop_now_ms())
		ms = s->requests_ms > loop_now_ms() ? s->requests_ms - loop_now_ms() : 0;
	if (ms != INT64_MAX)
		loop_after(s->timer, ms);
}

static void
poll_in(struct sftp *s, int64_t ms)
{
	s->next_ms = loop_now_ms() + ms + until_window(&s->config->sftp, loop_wall_us() + ms * 1000);
	arm(s);
}

int64_t
sftp_next_us(const struct sftp *s)
{
	return s->next_ms != 0 ? loop_wall_us() + (s->next_ms - loop_now_ms()) * 1000 : 0;
}

/* Milliseconds from now until the schedule's next time after a moment; 0 when that has passed. */
static int64_t
until_scheduled(const struct config_sftp *config, int64_t after_us)
{
	struct schedule schedule;
	int64_t next, now_us = loop_wall_us();
	char why[200];

	/* the configuration was checked; a zone can be taken from the machine, though */
	if (!schedule_read(&schedule, config->schedule, why, sizeof(why)) ||
	    (next = schedule_next(&schedule, config->zone, after_us / 1000000)) < 0)
		return CEILING_MS;
	return next * 1000000 > now_us ? (next * 1000000 - now_us + 999) / 1000 : 0;
}

/* The fetcher's corner of the spool, which it could have put a link for: -1 with errno then. */
static int
open_corner(const struct sftp *s)
{
	int in = io_open_dir(AT_FDCWD, s->config->directory), corner, saved;

	if (in < 0)
		return -1;
	corner = openat(in, ".fetch", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	saved = errno;
	close(in);
	errno = saved;
	return corner;
}

/*
 * The file of news for the fetcher, who may be another user, of our group there: -1 with errno.  A FIFO in
 * its place would make us wait.
 */
static int
open_news(const struct sftp *s)
{
	int corner = open_corner(s), fd = -1, saved;

	if (corner < 0)
		return -1;
	fd =
	    openat(corner, "archived", O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void) fchmod(fd, 0660); /* not ours to change where it was another's: then it reads it anyhow */
	saved = errno;
	close(corner);
	errno = saved;
	return fd;
}

/* Does a request file lie there that is to be uploaded?  The directory is local. */
static bool
has_requests(const struct sftp *s)
{
	int in = io_open_dir(AT_FDCWD, s->config->directory);
	DIR *list = in >= 0 ? io_list(in, ".requests") : NULL;
	const struct dirent *e = NULL;

	while (list != NULL && (e = readdir(list)) != NULL && e->d_name[0] == '.')
		;
	if (list != NULL)
		closedir(list);
	if (in >= 0)
		close(in);
	return e != NULL;
}

/* When the last poll that went well ended, by the fetcher's mark; now where there is none. */
static int64_t
last_poll_us(const struct sftp *s)
{
	int corner = open_corner(s), rc = -1;
	struct stat st;

	if (corner >= 0) {
		rc = fstatat(corner, "last_poll", &st, AT_SYMLINK_NOFOLLOW);
		close(corner);
	}
	/* the mark is the fetcher's: a time to come would put off the next poll until then */
	int64_t now = loop_wall_us(), marked = rc == 0 ? (int64_t) st.st_mtim.tv_sec : -1;
	return marked >= 0 && marked < now / 1000000 ? marked * 1000000 : now;
}

/* The first poll after a start or a reload. */
static void
poll_first(struct sftp *s)
{
	/* a time that passed meanwhile is made up for; whoever reloads may have fixed what failed */
	if (s->config->sftp.schedule != NULL && !s->once && s->failures == 0)
		poll_in(s, until_scheduled(&s->config->sftp, last_poll_us(s)));
	else
		poll_in(s, s->once ? 0 : loop_jitter(SOON_MS)); /* many sources do not start at once */
}

/* When the next run is due, after one that went well. */
static int64_t
next_after_success(const struct sftp *s)
{
	int64_t ms = s->config->sftp.schedule == NULL
	                 ? loop_jitter(s->config->sftp.interval_ms)
	                 : until_scheduled(&s->config->sftp, loop_wall_us() + CLOSE_MS * 1000);

	/* the second poll for what was just seen need not wait for the interval */
	if (s->run.waiting > 0 && s->config->settle_ms + SOON_MS < ms)
		ms = s->config->settle_ms + SOON_MS;
	return ms;
}

/* Where somebody may count our attempts. */
static bool
is_counted(const char *stage)
{
	return strcmp(stage, "login") == 0 || strcmp(stage, "host_key") == 0 || strcmp(stage, "key_file") == 0;
}

static int64_t
backoff(const struct sftp *s)
{
	const char *stage = s->run.stage;
	int64_t interval = s->config->sftp.interval_ms, ceiling = interval > CEILING_MS ? interval : CEILING_MS;

	if (strcmp(stage, "busy") == 0)
		return loop_jitter(interval);
	/* never more often than the interval */
	if (is_counted(stage))
		return loop_backoff(s->failures + 1, interval,
		                    ceiling > LOGIN_CEILING_MS ? ceiling : LOGIN_CEILING_MS);
	/* a transfer that was cut goes on where it was */
	return loop_backoff(s->failures, FIRST_BACKOFF_MS, s->run.progress ? interval : ceiling);
}

/* With a schedule it is tried again for an hour, and a login only at the times of the schedule. */
static int64_t
next_after_failure(struct sftp *s)
{
	const struct config_sftp *config = &s->config->sftp;
	int64_t again = backoff(s), now_us = loop_wall_us(), next;

	if (config->schedule == NULL)
		return again;
	if (is_counted(s->run.stage))
		return until_scheduled(config, now_us + again * 1000);
	if (s->trying_until_us == 0)
		s->trying_until_us = now_us + CEILING_MS * 1000;
	next = until_scheduled(config, now_us + CLOSE_MS * 1000);
	if (again < next && now_us + again * 1000 < s->trying_until_us)
		return again;
	s->trying_until_us = 0;
	return next;
}

/* ---- a run ---- */

static void
tell_failure(struct sftp *s)
{
	bool news = strcmp(s->error, s->run.why) != 0 || strcmp(s->error_stage, s->run.stage) != 0;

	s->failures++;
	s->failure_us = loop_wall_us();
	log_write(news ? LOG_WARNING : LOG_DEBUG, "SFTP run failed",
	          LOG_FIELDS(log_text("source", s->name), log_text("host", s->config->sftp.host),
	                     log_text("stage", s->run.stage), log_text("why", s->run.why),
	                     log_int("failures", s->failures)));
	memcpy(s->error, s->run.why, sizeof(s->error));
	memcpy(s->error_stage, s->run.stage, sizeof(s->error_stage));
}

static void
tell_success(struct sftp *s)
{
	if (s->failures > 0)
		log_write(LOG_NOTICE, "SFTP works again", LOG_FIELDS(log_text("source", s->name)));
	s->failures = 0;
	s->trying_until_us = 0;
	s->success_us = loop_wall_us();
	s->error[0] = s->error_stage[0] = '\0';
}

static void
fail(struct sftp *s, const char *stage, const char *why)
{
	s->run.failed = true;
	snprintf(s->run.stage, sizeof(s->run.stage), "%s", stage);
	snprintf(s->run.why, sizeof(s->run.why), "%s", why);
}

/* When to run next. */
static void
plan(struct sftp *s)
{
	bool settles = s->run.waiting > 0 && s->config->settle_ms <= ONCE_SETTLE_MS && s->runs < ONCE_RUNS;

	if (s->again)
		poll_in(s, 0);
	else if (s->once && s->run.mode == FETCH_POLL && !s->run.failed && settles)
		poll_in(s, s->config->settle_ms + SOON_MS);
	else if (!s->once && s->run.mode == FETCH_POLL)
		poll_in(s, s->run.failed ? next_after_failure(s) : next_after_success(s));
	else
		arm(s); /* the next poll stays where it was */
	s->again = false;
}

/* The run has ended; what it reported is in s->run. */
static void
finish(struct sftp *s)
{
	s->state = SFTP_RESTING;
	if (s->run.mode == FETCH_POLL && !s->run.polled) {
		s->poll = SFTP_FAILED;
		s->polls_by_result[SFTP_FAILED]++;
		s->polled_us = loop_wall_us();
	}
	if (s->run.failed)
		tell_failure(s);
	else
		tell_success(s);
	s->requests_ms = loop_now_ms() + (s->run.failed ? backoff(s) : REQUESTS_MS);
	if (s->run.files > 0)
		s->calls->brought(s->context, s);
	plan(s);
	s->calls->changed(s->context);
}

static bool
on_line(void *context, char *line)
{
	struct sftp *s = context;

	/* it was asked to leave; whatever it still brings the next poll finds */
	return s->state == SFTP_CLOSED || sftp_take_line(s, line);
}

static void
on_ended(void *context, int status, const char *why)
{
	struct sftp *s = context;
	char how[320];

	child_free(s->child);
	s->child = NULL;
	event_del(s->timer);
	if (s->state == SFTP_CLOSED) {
		s->calls->off(s->context, s);
		return;
	}
	if (why[0] != '\0')
		fail(s, "fetcher", why);
	else if (!s->run.failed && !s->run.done) {
		if (WIFSIGNALED(status))
			snprintf(how, sizeof(how), "handback-fetch was killed by signal %d", WTERMSIG(status));
		else
			snprintf(how, sizeof(how), "handback-fetch ended with status %d and gave no reason",
			         WEXITSTATUS(status));
		fail(s, "fetcher", how);
	}
	finish(s);
}

static const struct child_calls child_calls = {
    .line = on_line, .ended = on_ended, .priority = LOOP_FILES, .lines_per_s = LINES_PER_S};

static void
start(struct sftp *s)
{
	char why[LIMIT_MESSAGE_BYTES];
	const char *const argv[] = {"handback-fetch", NULL};
	const struct spawn_fd fds[] = {{STDERR_FILENO, STDERR_FILENO}};
	const struct spawn program = {.path = s->program,
	                              .argv = argv,
	                              .env = spawn_environment(),
	                              .fds = fds,
	                              .fd_count = 1,
	                              .death_signal = SIGTERM};
	struct channel_packets job;
	bool poll_now = s->next_ms != 0 && s->next_ms <= loop_now_ms() + CLOSE_MS;

	s->runs++;
	s->run = (struct sftp_run){.mode = poll_now ? FETCH_POLL : FETCH_AFTER};
	s->after_due = false;
	if (poll_now)
		s->next_ms = 0;
	if (!fetch_source_job(&job, &s->run.turn, s->config, s->run.mode, false, why, sizeof(why))) {
		fail(s, "key_file", why);
		finish(s);
		return;
	}
	s->child = child_start(s->base, &program, getenv("HANDBACK_FETCH_SOCKET"), &job, &child_calls, s);
	if (s->child == NULL) {
		snprintf(why, sizeof(why), "handback-fetch cannot be started or reached: %s", strerrordesc_np(errno));
		fail(s, "fetcher", why);
		finish(s);
		return;
	}
	s->state = SFTP_RUNNING;
	loop_after(s->timer, s->config->sftp.deadline_ms + GRACE_MS);
	s->calls->changed(s->context);
}

static bool
is_due(const struct sftp *s)
{
	return s->after_due || (s->next_ms != 0 && s->next_ms <= loop_now_ms() + CLOSE_MS);
}

/* Nothing else is due: request files go within a minute, whatever the times of polls. */
static bool
looks_for_requests(struct sftp *s)
{
	if (s->config->sftp.requests_directory == NULL || loop_now_ms() < s->requests_ms)
		return false;
	s->requests_ms = loop_now_ms() + REQUESTS_MS;
	return until_window(&s->config->sftp, loop_wall_us()) == 0 && has_requests(s);
}

static void
on_timer(evutil_socket_t fd, short what, void *context)
{
	struct sftp *s = context;

	(void) fd;
	(void) what;
	if (s->state == SFTP_RESTING && (is_due(s) || looks_for_requests(s)))
		start(s);
	else if (s->state == SFTP_RESTING)
		arm(s);
	else if (s->child != NULL)
		child_kill(s->child,
		           s->state == SFTP_CLOSED ? "it did not leave" : "it did not keep its own deadline");
}

/* ---- life ---- */

struct sftp *
sftp_source_new(struct event_base *base, const struct config_source *config, const char *program, bool once,
                const struct sftp_calls *calls, void *context)
{
	struct sftp *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->base = base;
	s->calls = calls;
	s->context = context;
	s->program = program;
	s->once = once;
	s->config = config;
	s->name = strdup(config->name);
	s->timer = evtimer_new(base, on_timer, s);
	if (s->name == NULL || s->timer == NULL || event_priority_set(s->timer, LOOP_FILES) < 0) {
		sftp_source_free(s);
		return NULL;
	}
	poll_first(s);
	return s;
}

void
sftp_configure(struct sftp *s, const struct config_source *config)
{
	s->config = config;
	if (s->state == SFTP_RESTING)
		poll_first(s);
	else
		s->again = config->sftp.schedule == NULL;
	s->failures = 0;
}

void
sftp_source_close(struct sftp *s)
{
	s->state = SFTP_CLOSED;
	s->config = NULL;
	event_del(s->timer);
	if (s->child == NULL) {
		s->calls->off(s->context, s);
		return;
	}
	child_stop(s->child);
	loop_after(s->timer, LEAVE_MS);
}

void
sftp_kill(struct sftp *s)
{
	if (s->child != NULL)
		child_kill(s->child, "it did not leave in time");
}

void
sftp_source_free(struct sftp *s)
{
	if (s == NULL)
		return;
	child_free(s->child);
	if (s->timer != NULL)
		event_free(s->timer);
	free(s->name);
	free(s);
}

void
sftp_poll(struct sftp *s)
{
	if (s->state == SFTP_RESTING)
		poll_in(s, 0);
	else
		s->again = true;
}

/*
 * One line, appended by one write: the fetcher renames the file and reads it.  The directory is local and the
 * line is short, so this is no longer a wait than the removal of a sidecar file.  When it fails the fetcher
 * brings the file once more, and it is known by its content.
 */
void
sftp_archived(struct sftp *s, const char *stored, int64_t seen_us, const struct job_result *result)
{
	struct message_line line;
	int fd;

	if (s->state == SFTP_CLOSED)
		return;
	message_start(&line, "archived");
	message_add(&line, "name", stored);
	message_add_int(&line, "seen", seen_us);
	message_add(&line, "state", result->state);
	message_add_int(&line, "records", result->records);
	message_add_int(&line, "confirmed", result->confirmed);
	message_add_int(&line, "reversed", result->reversed);
	message_add_int(&line, "held", result->held);
	fd = open_news(s);
	if (fd < 0 || !message_end(&line) || io_write_all(fd, line.text, line.length) < 0)
		log_write(LOG_WARNING,
		          "cannot note for the fetcher that a file is archived: it will be downloaded again",
		          LOG_FIELDS(log_text("source", s->name), log_text("name", stored), log_errno(errno)));
	if (fd >= 0)
		close(fd);
	if (s->config->sftp.after == CONFIG_AFTER_LEAVE && s->config->sftp.answer == NULL && !result->answered)
		return;
	s->after_due = true;
	if (s->state == SFTP_RESTING)
		arm(s);
}

bool
sftp_is_quiet(const struct sftp *s)
{
	return s->state == SFTP_CLOSED ||
	       (s->state == SFTP_RESTING && s->runs > 0 && s->next_ms == 0 && !s->after_due);
}
