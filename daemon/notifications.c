#include "daemon/notifications.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "daemon/supervise/child.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/spawn.h"

#define SCAN_MS 2000
#define FIRST_MS 5000
#define CEILING_MS (15 * 60 * 1000)
#define DEADLINE_MS 30000
#define SENDMAIL "/usr/sbin/sendmail"

struct notifications {
	struct event_base *base;
	const struct config *config;
	struct event *timer;
	struct child *child; /* the command that runs, or NULL */
	bool mailing;        /* it is the mail's turn */
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

/* The notification on a descriptor: as it is, or as a mail. */
static int
open_notification(const struct notifications *n, int spool)
{
	char path[sizeof(n->name) + 16], *text;
	size_t len;
	int fd;

	snprintf(path, sizeof(path), NOTIFICATION_DIR "/%s", n->name);
	if (!n->mailing)
		return openat(spool, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (io_read_file(spool, path, LIMIT_PROFILE_BYTES, &text, &len) < 0)
		return -1;
	fd = memfd_create("mail", MFD_CLOEXEC);
	if (fd >= 0)
		dprintf(fd,
		        "To: %s\nSubject: handback: %.*s\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
		        "Content-Type: text/plain; charset=utf-8\n\n%.*s",
		        n->config->notifications_mail, (int) strlen(n->name) - 5, n->name, (int) len, text);
	free(text);
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static void on_ended(void *context, int status, const char *why);

static const struct child_calls command_calls = {.ended = on_ended, .priority = LOOP_FILES};

static int
start(struct notifications *n, int spool)
{
	const char *const hook[] = {n->config->notifications_command, NULL};
	const char *const mail[] = {SENDMAIL, "-oi", "--", n->config->notifications_mail, NULL};
	int in = open_notification(n, spool);
	const struct spawn_fd fds[] = {{in, 0}, {2, 2}};
	const struct spawn s = {.path = n->mailing ? mail[0] : hook[0],
	                        .argv = n->mailing ? mail : hook,
	                        .env = spawn_environment(),
	                        .fds = fds,
	                        .fd_count = 2};
	pid_t pid = in >= 0 ? spawn(&s) : -1;

	if (in >= 0)
		close(in);
	if (pid < 0)
		return -1;
	n->child = child_adopt(n->base, pid, &command_calls, n);
	if (n->child == NULL) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -1;
	}
	child_deadline(n->child, DEADLINE_MS, "it did not end in time");
	return 0;
}

static void
later(struct notifications *n, const char *why)
{
	int64_t ms = loop_backoff(++n->failures, FIRST_MS, CEILING_MS);

	log_write(
	    LOG_WARNING, "cannot send a notification",
	    LOG_FIELDS(log_text("notification", n->name), log_text("why", why), log_int("again_in_ms", ms)));
	n->mailing = false;
	loop_after(n->timer, ms);
}

/* One step: the command, then the mail, then it is sent. */
static void
step(struct notifications *n, int spool)
{
	if (!n->mailing && n->config->notifications_command == NULL)
		n->mailing = true;
	if (n->mailing && n->config->notifications_mail == NULL) {
		set_sent(n, spool);
		n->mailing = false;
		n->failures = 0;
		loop_after(n->timer, 0);
		return;
	}
	if (start(n, spool) < 0)
		later(n, strerrordesc_np(errno));
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
		later(n, n->mailing ? SENDMAIL " did not take it" : "notifications.command did not end well");
		return;
	}
	spool = open_spool(n->config);
	if (spool < 0) {
		later(n, strerrordesc_np(errno));
		return;
	}
	if (!n->mailing && n->config->notifications_mail != NULL) {
		n->mailing = true;
		step(n, spool);
	} else {
		set_sent(n, spool);
		n->mailing = false;
		n->failures = 0;
		loop_after(n->timer, 0);
	}
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
