/*
 * Where our programs find one another, by one rule:
 *
 *  1. $HANDBACK_LIBEXEC/NAME where that is set and has it (tests);
 *  2. in a build tree, the folder of the program beside our own (build/daemon/handbackd
 *     finds build/reconcile/handback-reconcile);
 *  3. where it is installed.
 */
#ifndef HANDBACK_BASE_PATHS_H
#define HANDBACK_BASE_PATHS_H

#include <stdbool.h>
#include <stddef.h>

#define PATHS_CONFIG "/etc/handback/handback.yaml"

/* The names of our programs, from 0 on; NULL behind the last. */
const char *paths_name(int i);

/* The program's path in buf; false, with errno, when it is at none of the places (ENOENT), none of ours
 * (EINVAL) or too long (ENAMETOOLONG). */
bool paths_program(char *buf, size_t size, const char *name);

#endif
