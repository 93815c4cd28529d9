/* Files of lines in the fetcher's corner: what is appended to one line at a time, and may be cut by a crash.
 */
#ifndef HANDBACK_FETCH_LINES_H
#define HANDBACK_FETCH_LINES_H

/* Hands each whole line, without its newline, to take; a last one without a newline is left out.  No file: no
 * lines.  0, or -1 with errno: of the file, or of a take that returned other than 0, which ends it. */
int lines_read(int directory, const char *name, int (*take)(void *context, char *line), void *context);

#endif
