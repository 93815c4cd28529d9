/* What the programs that read a partner's bytes do before they lock themselves down. */
#ifndef HANDBACK_PARSERS_CHILD_H
#define HANDBACK_PARSERS_CHILD_H

#include "lib/protocol/parse_job.h"

/* First of all: dies from now on with whoever made descriptor 3 (lib/protocol/parse_job.h), who must be the
 * parent. name is the program's, for its messages. */
void child_begin(const char *name);

/* Ends the process with an exit_code, and why on descriptor 2. */
_Noreturn void child_leave(int status, const char *why);

/* Ends the process unless the descriptor is the regular file that the job speaks of. */
void child_check_file(const struct parse_job *job, int fd);

#endif
