/*
 * A screen that is redrawn until somebody has seen enough: on the terminal's
 * other screen, so that what was there before comes back, cut to its size, and
 * drawn at once when that changes.
 */
#ifndef HANDBACK_CTL_WATCH_H
#define HANDBACK_CTL_WATCH_H

#include "ctl/session.h"

/* Writes one picture for the terminal as it is now. */
typedef int watch_draw(struct session *s, FILE *out);

/*
 * Draws every so many seconds until Ctrl-C, SIGTERM or SIGHUP, and leaves the terminal as it was.  Where
 * stdout is no terminal, one picture follows the other.  EXIT_CLEAN, or what draw gave that is neither that
 * nor EXIT_UNAVAILABLE: what is unavailable now may be there in a moment.
 */
int watch(struct session *s, watch_draw *draw, int seconds);

#endif
