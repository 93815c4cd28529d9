/* The clock that waits are measured by. */
#ifndef HANDBACK_BASE_CLOCK_H
#define HANDBACK_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC: no step of the wall clock is in it, and no time that the machine slept. */
int64_t clock_now_ms(void);

#endif
