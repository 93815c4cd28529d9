#include "daemon/notify.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

void
notify_ready(void)
{
	sd_notify(0, "READY=1");
}

void
notify_reloading(void)
{
	struct timespec now;

	/* systemd pairs this with the READY=1 that follows by the time */
	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	           (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void
notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

void
notify_watchdog(void)
{
	sd_notify(0, "WATCHDOG=1");
}

void
notify_starting(void)
{
	sd_notify(0, "EXTEND_TIMEOUT_USEC=60000000");
}

void
notify_status(const char *words)
{
	static char last[256];

	if (strcmp(last, words) == 0)
		return;
	snprintf(last, sizeof(last), "%s", words);
	sd_notifyf(0, "STATUS=%s", last);
}

int64_t
notify_watchdog_ms(void)
{
	uint64_t us = 0;

	return sd_watchdog_enabled(0, &us) > 0 ? (int64_t) (us / 1000) : 0;
}
