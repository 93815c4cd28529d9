/*
 * The lines that our processes say to each other: a verb, then key=value pairs,
 * separated by tabs; values escaped by text_escape.
 *
 *     job	source=airline	name=6f75742e637376
 *
 * The reader trusts nothing: a line that the writer cannot have written is
 * refused whole.  No allocation on either side.
 */
#ifndef HANDBACK_PROTOCOL_MESSAGE_H
#define HANDBACK_PROTOCOL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_BYTES (16 << 10) /* one line, without its newline */
#define MESSAGE_PAIRS 40

/* A message that was read; everything points into the line. */
struct message {
	const char *verb; /* a-z and _ */
	size_t pairs;
	struct {
		const char *key;   /* a-z, 0-9 and _ */
		const char *value; /* NUL-ended; a value may hold NUL bytes too */
		size_t length;
	} pair[MESSAGE_PAIRS];
};

/* Reads one line (NUL-ended, without newline), writing into it.  False, with *ret undefined, when it is no
 * message: a bad verb, key or escape, a key twice, too many pairs. */
bool message_read(struct message *ret, char *line);

/* The value of a key, or NULL when it is absent or holds a NUL. */
const char *message_text(const struct message *m, const char *key);
/* A decimal number within [min, max]; false, *ret untouched, when absent or not that. */
bool message_int(const struct message *m, const char *key, int64_t min, int64_t max, int64_t *ret);
/* Bytes written as hex: at most size; false, with buf undefined and *ret_len untouched, when absent or not
 * that. */
bool message_hex(const struct message *m, const char *key, void *buf, size_t size, size_t *ret_len);

/* A message being written. */
struct message_line {
	size_t length;
	bool full; /* something did not fit: the line must not be sent */
	char text[MESSAGE_BYTES + 2];
};

void message_start(struct message_line *line, const char *verb);
void message_add(struct message_line *line, const char *key, const char *value);
void message_add_bytes(struct message_line *line, const char *key, const void *bytes, size_t len);
void message_add_int(struct message_line *line, const char *key, int64_t value);
void message_add_hex(struct message_line *line, const char *key, const void *bytes, size_t len);
/* Adds a newline: for streams and files.  Returns false when the line is full. */
bool message_end(struct message_line *line);

#endif
