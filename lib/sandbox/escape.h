/*
 * Test builds only: tries, from within the sandbox, what a captured parser would
 * try.  Each attempt must be refused by the kernel or end the process.
 */
#ifndef HANDBACK_SANDBOX_ESCAPE_H
#define HANDBACK_SANDBOX_ESCAPE_H

#define ESCAPE_NONE 98 /* exit status: there is no escape of this number */
#define ESCAPED 99     /* exit status: it worked */

/* Attempt n, from 1.  Returns when it was refused; exits with ESCAPED or ESCAPE_NONE otherwise, its name on
 * descriptor 2. */
void escape_try(unsigned n);

#endif
