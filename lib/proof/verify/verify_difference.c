/* How the parts of a proof report what they found. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/proof/verify/verify_internal.h"

struct verify_difference *
verify_last(struct verify *v)
{
	static struct verify_difference
	    beyond; /* of those that are only counted, or that there is no memory for */

	return v->found != NULL && v->count > 0 && v->count <= VERIFY_KEPT ? &v->found[v->count - 1] : &beyond;
}

/* Where the next difference goes. */
static struct verify_difference *
new_difference(struct verify *v)
{
	enum { STEP = 16 };

	if (v->count < VERIFY_KEPT && v->count % STEP == 0) {
		struct verify_difference *grown = reallocarray(v->found, (size_t) v->count + STEP, sizeof(*v->found));
		if (grown == NULL)
			return NULL;
		v->found = grown;
	}
	v->count++;
	return verify_last(v);
}

enum verify_end
verify_differs(struct verify *v, const char *part, const struct verify_head *head, const char *format, ...)
{
	struct verify_difference *d = new_difference(v);
	va_list args;

	if (d == NULL)
		return VERIFY_MEMORY;
	*d = (struct verify_difference){.number = v->count,
	                                .part = part,
	                                .head_no = head != NULL ? head->head_no : 0,
	                                .file_id = head != NULL ? head->file_id : 0,
	                                .byte_offset = -1,
	                                .byte_length = -1};
	snprintf(d->file, sizeof(d->file), "%s", head != NULL && head->name != NULL ? head->name : "");
	v->chain_differs |= strcmp(part, "head") == 0 || strcmp(part, "checkpoint") == 0;
	va_start(args, format);
	vsnprintf(d->message, sizeof(d->message), format, args);
	va_end(args);
	return VERIFY_EQUAL;
}

void
verify_free(struct verify *v)
{
	free(v->found);
	v->found = NULL;
	verify_checkpoints_close(v);
}

enum verify_end
verify_failed(struct verify *v, enum pg_status status)
{
	v->status = status;
	return VERIFY_DATABASE;
}

void
verify_progress(const struct verify *v, const char *what, const char *unit, int64_t done, int64_t total)
{
	if (v->progress != NULL)
		v->progress(v->context, what, unit, done, total);
}
