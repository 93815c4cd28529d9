/*
 * The way through a nested document (XML, JSON): the layout's paths compiled
 * into tries, and where in them the document stands.  Formats tell what opens
 * and ends; from here assemble hears of record types and fields.
 *
 * Names are compared by address, so a format interns them; nothing is built or
 * copied per element but the text of fields.  Calls return 0 to go on and -1 to
 * stop; what does not fit is refused through assemble.
 *
 * A record type's fields are looked for below its own path, and not within a
 * record of another type that is open inside it.
 */
#ifndef HANDBACK_PARSERS_NESTED_WALK_H
#define HANDBACK_PARSERS_NESTED_WALK_H

#include "parsers/assemble/assemble.h"

struct walk;

struct walk_source {
	void *context;
	/* The one address of a name that a path uses; NULL: memory is out. */
	const void *(*intern)(void *context, const char *name);
	/* Where the element or object begins that is being entered. */
	uint64_t (*offset)(void *context);
	/* The attribute of the element that is being entered; of an object "*", its key. */
	bool (*attribute)(void *context, const void *name, struct slice *ret_value, uint64_t *ret_offset);
	bool objects; /* what is entered is an object, and never a field's value */
};

/* NULL when memory is out.  layout, assemble and the source's context must outlive it. */
struct walk *walk_new(const struct layout *layout, struct assemble *assemble,
                      const struct walk_source *source);
void walk_free(struct walk *w); /* NULL is fine */

/* Into the document's root object itself (JSON), or from nowhere into an element below (XML). */
int walk_enter_root(struct walk *w);
/* Into an element, or an object that is the value of name (in_array: an element of the array of that name).
 * name and space are addresses that intern gave, or any other. */
int walk_enter(struct walk *w, const void *name, const void *space, bool in_array);
int walk_leave(struct walk *w, uint64_t end); /* offset of the byte after it */

/* XML: is text of the element that we are in a field's value?  Then a piece of it. */
bool walk_wants_text(const struct walk *w);
int walk_text(struct walk *w, const char *data, size_t len, uint64_t offset);

/* JSON: a value that is no object: a scalar (data NULL for null), or an array. */
int walk_scalar(struct walk *w, const void *name, bool in_array, struct slice value, uint64_t offset);
int walk_array(struct walk *w, const void *name, bool in_array, uint64_t offset);

/* Does any record type's path lead to, or through, where we are? */
bool walk_on_path(const struct walk *w);
/* Record types opened so far: the number of the last physical record. */
uint64_t walk_number(const struct walk *w);

#endif
