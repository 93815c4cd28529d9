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

struct loop_pulse {
	struct event *timer;
	int64_t every_ms, expected_ms;
	int64_t worst_ms, worst_before_ms, minute_ms; /* of this minute, of the one before, when this one began */
	loop_beat *beat;
	void *context;
};

static void
on_pulse(evutil_socket_t fd, short what, void *context)
{
	struct loop_pulse *pulse = context;
	int64_t now = loop_now_ms(), late = now - pulse->expected_ms;

	(void) fd;
	(void) what;
	if (late < 0)
		late = 0;
	if (now - pulse->minute_ms > 60000) {
		pulse->worst_before_ms = pulse->worst_ms;
		pulse->worst_ms = 0;
		pulse->minute_ms = now;
	}
	if (late > pulse->worst_ms)
		pulse->worst_ms = late;
	pulse->expected_ms = now + pulse->every_ms;
	loop_after(pulse->timer, pulse->every_ms);
	pulse->beat(pulse->context, late,
	            pulse->worst_ms > pulse->worst_before_ms ? pulse->worst_ms : pulse->worst_before_ms);
}

struct loop_pulse *
loop_pulse_new(struct event_base *base, int64_t every_ms, loop_beat *beat, void *context)
{
	struct loop_pulse *pulse = calloc(1, sizeof(*pulse));

	if (pulse == NULL)
		return NULL;
	*pulse = (struct loop_pulse){.every_ms = every_ms, .beat = beat, .context = context};
	pulse->expected_ms = loop_now_ms() + every_ms;
	pulse->minute_ms = loop_now_ms();
	pulse->timer = evtimer_new(base, on_pulse, pulse);
	if (pulse->timer == NULL || event_priority_set(pulse->timer, LOOP_SCANS) < 0 ||
	    loop_after(pulse->timer, every_ms) < 0) {
		loop_pulse_free(pulse);
		return NULL;
	}
	return pulse;
}

void
loop_pulse_free(struct loop_pulse *pulse)
{
	if (pulse == NULL)
		return;
	if (pulse->timer != NULL)
		event_free(pulse->timer);
	free(pulse);
}
