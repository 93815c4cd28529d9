#include "daemon/loop.h"

#include <sys/random.h>

struct event_base *
loop_new(void)
{
	/* after 5 ms or 64 callbacks of less urgent work, look for signals and workers again */
	const struct timeval slice = {0, 5000};
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config != NULL && event_config_set_max_dispatch_interval(config, &slice, 64, LOOP_FILES) == 0 &&
	    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
		base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	if (base != NULL && event_base_priority_init(base, LOOP_PRIORITIES) < 0) {
		event_base_free(base);
		return NULL;
	}
	return base;
}

int64_t
loop_now_ms(void)
{
	struct timespec now;

	/* with the time that the machine slept: a file is not younger for it */
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
loop_wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
loop_jitter(int64_t ms)
{
	uint32_t random = 0;

	if (ms < 4 || getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		return ms;
	return ms - ms / 4 + random % (ms / 2);
}

int64_t
loop_backoff(unsigned failures, int64_t first_ms, int64_t ceiling_ms)
{
	int64_t ms = first_ms;

	for (unsigned i = 1; i < failures && ms < ceiling_ms; i++)
		ms *= 2;
	return loop_jitter(ms < ceiling_ms ? ms : ceiling_ms);
}

int
loop_after(struct event *timer, int64_t ms)
{
	struct timeval when = {0, 0};

	if (ms > 0) {
		when.tv_sec = ms / 1000;
		when.tv_usec = ms % 1000 * 1000;
	}
	return event_add(timer, &when);
}

int
loop_ask_again(struct event *exited)
{
	struct event_base *base = event_get_base(exited);
	event_callback_fn callback = event_get_callback(exited);
	void *context = event_get_callback_arg(exited);

	event_del(exited);
	if (event_assign(exited, base, -1, EV_TIMEOUT, callback, context) < 0 ||
	    event_priority_set(exited, LOOP_FIRST) < 0)
		return -1;
	return loop_after(exited, 20);
}

struct loop_heartbeat {
	struct event *timer;
	int64_t every_ms, expected_ms;
	int64_t worst_ms, worst_before_ms, minute_ms; /* of this minute, of the one before, when this one began */
	loop_beat_call *beat;
	void *context;
};

static void
on_heartbeat(evutil_socket_t fd, short what, void *context)
{
	struct loop_heartbeat *heartbeat = context;
	int64_t now = loop_now_ms(), late = now - heartbeat->expected_ms;

	(void) fd;
	(void) what;
	if (late < 0)
		late = 0;
	if (now - heartbeat->minute_ms > 60000) {
		heartbeat->worst_before_ms = heartbeat->worst_ms;
		heartbeat->worst_ms = 0;
		heartbeat->minute_ms = now;
	}
	if (late > heartbeat->worst_ms)
		heartbeat->worst_ms = late;
	heartbeat->expected_ms = now + heartbeat->every_ms;
	loop_after(heartbeat->timer, heartbeat->every_ms);
	heartbeat->beat(heartbeat->context, late,
	                heartbeat->worst_ms > heartbeat->worst_before_ms ? heartbeat->worst_ms
	                                                                 : heartbeat->worst_before_ms);
}

struct loop_heartbeat *
loop_heartbeat_new(struct event_base *base, int64_t every_ms, loop_beat_call *beat, void *context)
{
	struct loop_heartbeat *heartbeat = calloc(1, sizeof(*heartbeat));

	if (heartbeat == NULL)
		return NULL;
	*heartbeat = (struct loop_heartbeat){.every_ms = every_ms, .beat = beat, .context = context};
	heartbeat->expected_ms = loop_now_ms() + every_ms;
	heartbeat->minute_ms = loop_now_ms();
	heartbeat->timer = evtimer_new(base, on_heartbeat, heartbeat);
	if (heartbeat->timer == NULL || event_priority_set(heartbeat->timer, LOOP_SCANS) < 0 ||
	    loop_after(heartbeat->timer, every_ms) < 0) {
		loop_heartbeat_free(heartbeat);
		return NULL;
	}
	return heartbeat;
}

void
loop_heartbeat_free(struct loop_heartbeat *heartbeat)
{
	if (heartbeat == NULL)
		return;
	if (heartbeat->timer != NULL)
		event_free(heartbeat->timer);
	free(heartbeat);
}
