/* How the parts of a proof report what they found. */
#include <stdarg.h>
#include <stdio.h>

#include "lib/proof/verify/verify_internal.h"

enum verify_end
verify_differs(struct verify *v, const char *part, const struct verify_head *head, const char *format, ...)
{
	struct verify_difference *d = &v->difference;
	va_list args;

	d->part = part;
	d->head_no = head != NULL ? head->head_no : 0;
	d->file_id = head != NULL ? head->file_id : 0;
	d->record_no = 0;
	d->byte_offset = d->byte_length = -1;
	snprintf(d->file, sizeof(d->file), "%s", head != NULL && head->name != NULL ? head->name : "");
	va_start(args, format);
	vsnprintf(d->message, sizeof(d->message), format, args);
	va_end(args);
	return VERIFY_DIFFERS;
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
