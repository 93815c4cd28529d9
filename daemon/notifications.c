#include "daemon/notifications.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "daemon/mail.h"
#include "daemon/supervise/child.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/spawn.h"

#define SCAN_MS 2000
#define FIRST_MS 5000
#define CEILING_MS (15 * 60 * 1000)
#define DEADLINE_MS 30000
#define MAIL_WORDS (NOTIFICATION_RECIPIENTS + 4)

struct notifications {
	struct event_base *base;
	const struct config *config;
	struct event *timer;
	struct child *child; /* the command that runs, or NULL */
	enum { STAGE_COMMAND, STAGE_MAIL, STAGE_LIST, STAGE_DONE } stage;
	unsigned failures;
	char name[LIMIT_NAME_BYTES + 1]; /* the one that is being sent */
};

static int
open_spool(const struct config *config)
{
	return open(config->spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void
notifications_keep(const struct config *config, const struct notification *notification)
{
	int spool = open_spool(config);

	if (spool < 0 || notification_put(spool, notification) < 0)
		log_write(LOG_ERR, "cannot store a notification",
		          LOG_FIELDS(log_text("notification", notification->kind),
		                     log_text("subject", notification->subject), log_errno(errno)));
	if (spool >= 0)
		close(spool);
}

/* The first that waits; false when none does. */
static bool
next_notification(struct notifications *n, int spool)
{
	DIR *dir = io_list(spool, NOTIFICATION_DIR);

	n->name[0] = '\0';
	for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		size_t len = strlen(e->d_name);

		if (e->d_name[0] == '.' || len < 6 || strcmp(e->d_name + len - 5, ".json") != 0)
			continue;
		if (n->name[0] == '\0' || strcmp(e->d_name, n->name) < 0)
			snprintf(n->name, sizeof(n->name), "%s", e->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return n->name[0] != '\0';
}

static void
set_sent(struct notifications *n, int spool)
{
	char from[sizeof(n->name) + 16], to[sizeof(n->name) + 24];
	int dir = io_make_dirs(spool, NOTIFICATION_SENT, 0700);

	snprintf(from, sizeof(from), NOTIFICATION_DIR "/%s", n->name);
	snprintf(to, sizeof(to), NOTIFICATION_SENT "/%s", n->name);
	if (dir < 0 || renameat(spool, from, spool, to) < 0)
		log_write(LOG_ERR, "cannot move a notification to those that were sent",
		          LOG_FIELDS(log_text("notification", n->name), log_errno(errno)));
	if (dir >= 0)
		close(dir);
}

/* The notification on a descriptor: as it is, or as a mail; to: whom that goes to, NULL: nobody.  *ret_to is the caller's to free. */
static int
open_notification(const struct notifications *n, int spool, char **ret_to)
{
	char path[sizeof(n->name) + 16], *text;
	size_t len;
	int fd = -1;

	*ret_to = NULL;
	snprintf(path, sizeof(path), NOTIFICATION_DIR "/%s", n->name);
	if (n->stage == STAGE_COMMAND)
		return openat(spool, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (io_read_file(spool, path, LIMIT_PROFILE_BYTES, &text, &len) < 0)
		return -1;
	if (n->stage == STAGE_MAIL) {
		*ret_to = strdup(n->config->notifications_mail);
		fd = *ret_to != NULL ? mail_plain(*ret_to, n->name, text) : -1;
	} else {
		*ret_to = mail_list(text);
		errno = 0; /* it names nobody */
		if (*ret_to != NULL)
			fd = mail_report(*ret_to, n->name, text, n->config->reports);
	}
	free(text);
	return fd;
}

static void on_ended(void *context, int status, const char *why);

static const struct child_calls command_calls = {.ended = on_ended, .priority = LOOP_FILES};

/* argv of who takes a mail; to is cut at its commas. */
static void
mail_words(const struct notifications *n, char *to, const char *ret[MAIL_WORDS])
{
	size_t count = 0;

	ret[count++] = n->config->notifications_sendmail;
	ret[count++] = "-oi";
	ret[count++] = "--";
	for (char *rest = to, *one; (one = strsep(&rest, ",")) != NULL && count < MAIL_WORDS - 1;)
		ret[count++] = one;
	ret[count] = NULL;
}

/* 1: it runs; 0: there is nobody to send it to; -1 with errno. */
static int
start(struct notifications *n, int spool)
{
	const char *words[MAIL_WORDS] = {n->config->notifications_command, NULL};
	char *to;
	int in = open_notification(n, spool, &to);
	const struct spawn_fd fds[] = {{in, 0}, {2, 2}};
	pid_t pid = -1;

	if (in >= 0) {
		if (to != NULL)
			mail_words(n, to, words);
		const struct spawn s = {.path = words[0], .argv = words, .env = spawn_environment(), .fds = fds, .fd_count = 2};

		pid = spawn(&s);
		close(in);
	}
	bool nobody = in < 0 && n->stage == STAGE_LIST && to == NULL && errno == 0;
	free(to);
	if (pid < 0)
		return nobody ? 0 : -1;
	n->child = child_adopt(n->base, pid, &command_calls, n);
	if (n->child == NULL) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -1;
	}
	child_deadline(n->child, DEADLINE_MS, "it did not end in time");
	return 1;
}

static void
later(struct notifications *n, const char *why)
{
	int64_t ms = loop_backoff(++n->failures, FIRST_MS, CEILING_MS);

	log_write(
	    LOG_WARNING, "cannot send a notification",
	    LOG_FIELDS(log_text("notification", n->name), log_text("why", why), log_int("again_in_ms", ms)));
	n->stage = STAGE_COMMAND;
	loop_after(n->timer, ms);
}

static void
done(struct notifications *n, int spool)
{
	set_sent(n, spool);
	n->stage = STAGE_COMMAND;
	n->failures = 0;
	loop_after(n->timer, 0);
}

/* From the stage where it is: the command, the mail, the mail to its own list; then it is sent. */
static void
step(struct notifications *n, int spool)
{
	int started = 0;

	for (; n->stage < STAGE_DONE; n->stage++) {
		if ((n->stage == STAGE_COMMAND && n->config->notifications_command == NULL) ||
		    (n->stage == STAGE_MAIL && n->config->notifications_mail == NULL))
			continue;
		started = start(n, spool);
		if (started != 0)
			break;
	}
	if (started < 0)
		later(n, strerrordesc_np(errno));
	else if (started == 0)
		done(n, spool);
}

static void
on_timer(evutil_socket_t fd, short what, void *context)
{
	struct notifications *n = context;
	int spool;

	(void) fd;
	(void) what;
	if (n->child != NULL)
		return;
	spool = open_spool(n->config);
	if (spool < 0 || !next_notification(n, spool))
		loop_after(n->timer, SCAN_MS);
	else
		step(n, spool);
	if (spool >= 0)
		close(spool);
}

static void
on_ended(void *context, int status, const char *why)
{
	struct notifications *n = context;
	int spool;

	(void) why; /* it was killed by a signal: no good end either */
	child_free(n->child);
	n->child = NULL;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		later(n, n->stage == STAGE_COMMAND ? "notifications.command did not end well" : "notifications.sendmail did not take it");
		return;
	}
	spool = open_spool(n->config);
	if (spool < 0) {
		later(n, strerrordesc_np(errno));
		return;
	}
	n->stage++;
	step(n, spool);
	close(spool);
}

struct notifications *
notifications_new(struct event_base *base, const struct config *config)
{
	struct notifications *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	*n = (struct notifications){.base = base, .config = config};
	n->timer = evtimer_new(base, on_timer, n);
	if (n->timer == NULL || loop_after(n->timer, 0) < 0) {
		notifications_free(n);
		return NULL;
	}
	return n;
}

void
notifications_configure(struct notifications *n, const struct config *config)
{
	n->config = config;
}

void
notifications_free(struct notifications *n)
{
	if (n == NULL)
		return;
	child_free(n->child);
	if (n->timer != NULL)
		event_free(n->timer);
	free(n);
}
