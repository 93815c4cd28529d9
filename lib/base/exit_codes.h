/* What every program of handback says with its exit status; docs/operator.md has the same table. */
#ifndef HANDBACK_BASE_EXIT_CODES_H
#define HANDBACK_BASE_EXIT_CODES_H

enum exit_code {
	EXIT_CLEAN = 0,       /* done, nothing waits */
	EXIT_INTERNAL = 1,    /* internal error */
	EXIT_USAGE = 2,       /* the command line, the configuration or a profile is wrong */
	EXIT_HELD = 3,        /* done, but files or records are on hold */
	EXIT_FAILED = 4,      /* files could not be handled now and stay where they are */
	EXIT_PROOF = 5,       /* audit verify, a report's two sums, try --diff: a difference was found */
	EXIT_UNAVAILABLE = 6, /* the database or the spool cannot be reached, or has another schema version */
};

#endif
