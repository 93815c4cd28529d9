#include "fetch/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"

#define TICK_MS 250
#define GRACE_MS 5000

/* Read and written by the signal handler: lock-free atomics only. */
static _Atomic int socket_fd = -1;
static _Atomic int phase = WATCH_ANSWERS;
static _Atomic int64_t phase_start, last_answer;   /* of the phase; of the server */
static _Atomic int64_t window_start, window_bytes; /* for the minimum rate */
static _Atomic int64_t expired_at;
static const char *_Atomic expired_why;
static struct watch_limits limits;
static int64_t run_start;

int64_t
watch_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
expire(const char *why, int64_t now)
{
	if (atomic_load(&expired_at) == 0) {
		atomic_store(&expired_why, why);
		atomic_store(&expired_at, now > 0 ? now : 1);
	}
	int fd = atomic_load(&socket_fd);
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}

/* Does the server keep up with what is asked of it now? */
static void
check_server(int64_t now)
{
	int now_phase = atomic_load(&phase);
	if (now_phase == WATCH_CONNECT) {
		if (now - atomic_load(&phase_start) >= limits.connect_ms)
			expire("connect: the server did not finish the key exchange in time", now);
		return;
	}
	if (now - atomic_load(&last_answer) >= limits.stall_ms)
		expire("stalled: nothing came from the server for the stall time", now);
	int64_t length = now - atomic_load(&window_start);
	if (now_phase != WATCH_BYTES || length < limits.stall_ms)
		return;
	if (atomic_load(&window_bytes) < limits.rate_per_s * (length / 1000))
		expire("too slow: fewer bytes than the minimum rate came over the stall time", now);
	atomic_store(&window_start, now);
	atomic_store(&window_bytes, 0);
}

static void
end_process(void)
{
	ssize_t ignored = write(limits.last_word_fd, limits.last_word, strlen(limits.last_word));
	(void) ignored;
	_exit(EXIT_FAILED);
}

/* Whoever asked for this run has hung up, or sends nothing more. */
static bool
nobody_asks(void)
{
	struct pollfd asker = {.fd = limits.last_word_fd, .events = POLLRDHUP};
	return poll(&asker, 1, 0) == 1 && (asker.revents & (POLLRDHUP | POLLHUP)) != 0;
}

static void
on_tick(int signal_number)
{
	int saved = errno;
	int64_t now = watch_now_ms();
	int64_t since = atomic_load(&expired_at);
	if (since != 0 && now - since > GRACE_MS)
		end_process();
	if (signal_number == SIGTERM || nobody_asks())
		expire("stopped: asked to end", now);
	else if (now - run_start > limits.run_ms)
		expire("deadline: the time for the whole run is over", now);
	else
		check_server(now);
	errno = saved;
}

void
watch_start(const struct watch_limits *l)
{
	limits = *l;
	run_start = watch_now_ms();
	watch_phase(WATCH_ANSWERS);
	struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGALRM);
	sigaddset(&action.sa_mask, SIGTERM);
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	struct itimerval timer = {.it_interval = {.tv_usec = TICK_MS * 1000},
	                          .it_value = {.tv_usec = TICK_MS * 1000}};
	setitimer(ITIMER_REAL, &timer, NULL);
}

void
watch_socket(int fd)
{
	atomic_store(&socket_fd, fd);
}

void
watch_phase(enum watch_phase p)
{
	int64_t now = watch_now_ms();
	atomic_store(&phase_start, now);
	atomic_store(&last_answer, now);
	atomic_store(&window_start, now);
	atomic_store(&window_bytes, 0);
	atomic_store(&phase, (int) p);
}

void
watch_progress(int64_t bytes)
{
	atomic_fetch_add(&window_bytes, bytes);
	atomic_store(&last_answer, watch_now_ms());
}

const char *
watch_expired(void)
{
	return atomic_load(&expired_at) != 0 ? atomic_load(&expired_why) : NULL;
}

int64_t
watch_left_ms(void)
{
	int64_t left = limits.run_ms - (watch_now_ms() - run_start);
	return left > 0 ? left : 0;
}
