/* JSON into an evbuffer: what the control socket answers.  Errors of memory end in a cut answer. */
#ifndef HANDBACK_DAEMON_SERVE_JSON_H
#define HANDBACK_DAEMON_SERVE_JSON_H

#include <event2/buffer.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A writer that sets the commas.  Open a map or a list, add members (key NULL
 * within a list), close it.  Texts are bytes: they come out in the form of
 * text_escape, which is ASCII.
 */
struct json {
	struct evbuffer *out;
	bool comma;
};

void json_open(struct json *j, const char *key, char bracket);     /* '{' or '[' */
void json_close(struct json *j, char bracket);                     /* '}' or ']' */
void json_text(struct json *j, const char *key, const char *text); /* NULL: null */
void json_int(struct json *j, const char *key, int64_t number);
void json_bool(struct json *j, const char *key, bool value);

#endif
