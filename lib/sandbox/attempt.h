/* Test builds only: what a program that was taken over would try from within its sandbox, or behind its
 * unit's walls. */
#ifndef HANDBACK_SANDBOX_ATTEMPT_H
#define HANDBACK_SANDBOX_ATTEMPT_H

/*
 * The attempt that $HANDBACK_ATTEMPT names ("read /etc/shadow"), if any.  Says "refused" and why on
 * descriptor 2 and returns, or ends the process: with ESCAPED (lib/sandbox/escape.h) when it worked.
 */
void attempt_escape(void);

#endif
