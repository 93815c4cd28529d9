/* How a program with a loop of its own hears that it is to stop. */
#ifndef HANDBACK_BASE_STOP_H
#define HANDBACK_BASE_STOP_H

/*
 * From now on SIGTERM and SIGINT end nothing by themselves: the descriptor is readable once one came.  A
 * connection that is gone ends nothing either (SIGPIPE).  -1 with errno.
 */
int stop_signals(void);

#endif
