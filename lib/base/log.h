/*
 * The log: one event, one line, on stderr as key=value, or in the journal with
 * fields when stderr is the journal's.  Only the programs' own code calls this;
 * library code returns what went wrong instead.
 *
 * Values are escaped, so a hostile name can neither break a line nor drive a
 * terminal.  Never pass a member's data or a secret.
 */
#ifndef HANDBACK_BASE_LOG_H
#define HANDBACK_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h> /* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG */

struct log_field {
	const char *key; /* lower case and '_'; upper case in the journal */
	const void *bytes;
	size_t len;
	int64_t number; /* when bytes is NULL */
};

/* NULL text is left out of the line. */
struct log_field log_text(const char *key, const char *text);
struct log_field log_bytes(const char *key, const void *bytes, size_t len);
struct log_field log_int(const char *key, int64_t number);
struct log_field log_errno(int number); /* error="No such file or directory" */

#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {NULL, NULL, 0, 0}})

/* The program's name stands in the journal; level is the least urgent that is written. */
void log_open(const char *program, int level);
void log_set_level(int level);
/* "error", "warning", "notice", "info" or "debug"; false for another word. */
extern const char *const log_level_words[];
bool log_level_from_word(const char *word, int *ret_level);
const char *log_level_word(int level);

/* fields may be NULL: log_write(LOG_INFO, "stopped", NULL). */
void log_write(int level, const char *message, const struct log_field *fields);

#endif
