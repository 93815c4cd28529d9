/*
 * A file for others: whole under a temporary name first, and only then under its last one, which never
 * replaces another.  The temporary name says after a cut whether that was done.
 */
#ifndef HANDBACK_OUTBOUND_PLACE_H
#define HANDBACK_OUTBOUND_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACE_MODE 0640
#define PLACE_NAME_SIZE 256

/* ".NAME.part" */
void place_temporary(char *buf, size_t size, const char *name);
/* Opened anew for writing, of mode PLACE_MODE; -1 with errno. */
int place_open(int dir, const char *temporary);
/* Gives the last name, durably, once: a temporary name that is gone says that it was given before, whoever
 * has taken the file since.  False with a sentence: the file is not of so many bytes, or cannot have the
 * name. */
bool place_file(int dir, const char *name, int64_t bytes, const char **ret_why);

#endif
