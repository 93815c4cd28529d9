/* What a browser asks for, decoded: the parts of the path, and the fields of query and form. */
#ifndef HANDBACK_WEB_DESK_REQUEST_H
#define HANDBACK_WEB_DESK_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/protocol/desk_call.h"

#define REQUEST_PARTS 4
#define REQUEST_FIELDS 240 /* of a list, a box for each of its rows */

struct request {
	bool post;
	const char *path;  /* still encoded */
	const char *query; /* the same; "" for none */
	char *part[REQUEST_PARTS];
	size_t parts;
	struct {
		char *name, *value;
	} field[REQUEST_FIELDS];
	size_t fields;
	/* of a form with a file in it; NULL: there is none */
	char *file_name;
	const char *file; /* its bytes, in body */
	size_t file_len;
	char *body;
};

/* False for what no browser sends for a page of ours: too many parts or fields, a bad encoding, a NUL.  What
 * it holds is freed by request_free either way. */
bool request_read(const struct desk_ask *ask, struct request *ret);
void request_free(struct request *r);

/* The first field of that name; NULL for none, and for one that is empty. */
const char *request_field(const struct request *r, const char *name);

/* "{12,13}" of all fields of that name, of which each is a number above 0; NULL: there is none, or one is
 * not.  The caller frees it. */
char *request_numbers(const struct request *r, const char *name);

/* Decodes a percent-encoded text in place; plus: "+" is a space.  False for a bad encoding or a NUL. */
bool request_decode(char *text, bool plus);

#endif
