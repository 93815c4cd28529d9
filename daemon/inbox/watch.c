#include "daemon/inbox/watch.h"

#include <errno.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "daemon/loop.h"

struct watch {
	int fd;
	struct event *readable;
	const struct watch_calls *calls;
	void *context;
};

static void
report(struct watch *w, const struct inotify_event *e)
{
	if ((e->mask & IN_Q_OVERFLOW) != 0)
		w->calls->overflow(w->context);
	else if ((e->mask & IN_IGNORED) != 0)
		w->calls->gone(w->context, e->wd);
	else if ((e->mask & IN_MOVE_SELF) != 0)
		/* the watch would follow the directory to where it went: let go of it; IN_IGNORED comes then */
		inotify_rm_watch(w->fd, e->wd);
	else if ((e->mask & (IN_DELETE_SELF | IN_UNMOUNT)) != 0)
		; /* IN_IGNORED follows */
	else if (e->len > 0)
		w->calls->name(w->context, e->wd, e->name, (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0);
}

/* One buffer each time: what is left makes the event come again, after more urgent ones. */
static void
on_readable(evutil_socket_t fd, short what, void *context)
{
	_Alignas(struct inotify_event) char buf[64 << 10];
	struct watch *w = context;
	ssize_t n = read(fd, buf, sizeof(buf));

	(void) what;
	for (char *at = buf; n > 0 && at < buf + n;) {
		const struct inotify_event *e = (const struct inotify_event *) (void *) at;

		at += sizeof(*e) + e->len;
		report(w, e);
	}
}

struct watch *
watch_new(struct event_base *base, const struct watch_calls *calls, void *context)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	*w = (struct watch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .calls = calls, .context = context};
	if (w->fd < 0 || (w->readable = event_new(base, w->fd, EV_READ | EV_PERSIST, on_readable, w)) == NULL ||
	    event_priority_set(w->readable, LOOP_SCANS) < 0 || event_add(w->readable, NULL) < 0) {
		watch_free(w);
		return NULL;
	}
	return w;
}

void
watch_free(struct watch *w)
{
	int saved = errno;

	if (w == NULL)
		return;
	if (w->readable != NULL)
		event_free(w->readable);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
	errno = saved;
}

int
watch_add(struct watch *w, int dir)
{
	char path[32];

	/* by descriptor, so that what is watched is what is looked at */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	return inotify_add_watch(w->fd, path,
	                         IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF |
	                             IN_ONLYDIR | IN_EXCL_UNLINK);
}

void
watch_remove(struct watch *w, int id)
{
	if (id >= 0)
		inotify_rm_watch(w->fd, id);
}
