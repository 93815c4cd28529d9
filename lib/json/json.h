/*
 * JSON that is ours, by jansson: what handbackctl prints, what handbackd
 * answers, notifications in the spool.  (Partners' JSON is read as a stream, by
 * parsers/nested: byte places are the product there.)
 *
 * Texts are UTF-8 and come out as UTF-8.  Within a JSON string, what no reader
 * should meet as it is comes as \uNNNN: controls, direction marks, invisible and
 * private characters.  A byte that is no UTF-8 comes as U+FFFD; names and values
 * of partners have their form of text_display, which loses nothing.
 */
#ifndef HANDBACK_JSON_JSON_H
#define HANDBACK_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 16

/* A value that is being built: zeroed at first, and again after json_take and json_print.  Members keep their
 * order.  Memory that is not available is noted, and reported at the end. */
struct json_build {
	struct json *open[JSON_DEPTH], *done;
	int depth;
	bool failed;
};

/* Opens a map or a list: the value itself, a member (key), or an item of a list (key NULL). */
void json_open_map(struct json_build *b, const char *key);
void json_open_list(struct json_build *b, const char *key);
void json_close(struct json_build *b);
void json_text(struct json_build *b, const char *key, const char *text); /* NULL: null */
void json_int(struct json_build *b, const char *key, int64_t number);
void json_bool(struct json_build *b, const char *key, bool value);

/* The value on one line with its newline; the caller frees it.  NULL: no memory. */
char *json_take(struct json_build *b, size_t *ret_len);
/* The value over several lines, each but the first after indent; false: no memory.  The caller looks at
 * ferror(). */
bool json_print(struct json_build *b, FILE *out, const char *indent);
/* A string alone, with its quotes. */
bool json_print_text(FILE *out, const char *text);

/* Reading: one value in one buffer, strict and bounded. */
struct json;

/* NULL for what is no JSON, names a key twice, is deeper than JSON_DEPTH or has text behind it. */
struct json *json_parse(const char *text);
void json_free(struct json *value); /* NULL is fine */

bool json_is_map(const struct json *value); /* NULL is none */
bool json_is_list(const struct json *value);
/* A member of a map; NULL when it is not there, or value is no map (NULL is fine). */
const struct json *json_get(const struct json *value, const char *key);
/* How many items a list has; 0 when value is no list (NULL is fine). */
size_t json_count(const struct json *list);
/* An item of a list from 0; NULL behind its end, or when value is no list (NULL is fine). */
const struct json *json_item(const struct json *list, size_t i);

#define JSON_PLAIN_SIZE 24 /* room for a number as text */

/* A string, an integer, true or false as text, in the value or in buf; NULL for anything else (NULL is fine).
 */
const char *json_plain(const struct json *value, char buf[JSON_PLAIN_SIZE]);
/* As json_plain; a number with a fraction as text, too, and without it where that is 0. */
const char *json_plain_whole(const struct json *value, char buf[JSON_PLAIN_SIZE]);
/* The string that a member is; NULL when it is none. */
const char *json_string_of(const struct json *map, const char *key);
/* The integer that a member is; 0 when it is none. */
int64_t json_int_of(const struct json *map, const char *key);
/* Is the member there, and true? */
bool json_true_of(const struct json *map, const char *key);

#endif
