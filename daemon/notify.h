/* What systemd hears (sd_notify); nothing where there is none.  The wrapper of libsystemd's daemon part. */
#ifndef HANDBACK_DAEMON_NOTIFY_H
#define HANDBACK_DAEMON_NOTIFY_H

#include <stdint.h>

void notify_ready(void);
void notify_reloading(void); /* notify_ready follows, whether it was taken or not */
void notify_stopping(void);
void notify_watchdog(void);
/* Still starting: not to be taken for dead for another minute. */
void notify_starting(void);
/* One line in words; sent only when it has changed. */
void notify_status(const char *words);

/* How often notify_watchdog has to be called at least, in ms; 0: nobody waits for it. */
int64_t notify_watchdog_ms(void);

#endif
