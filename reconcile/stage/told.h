/*
 * What the parser told of a file beside its records: the facts, the control
 * totals, the refusals, the end.  Copied out of the frames and checked for what
 * the database could not take; bounded, since a captured parser may tell much.
 */
#ifndef HANDBACK_RECONCILE_STAGE_TOLD_H
#define HANDBACK_RECONCILE_STAGE_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/limits.h"
#include "lib/protocol/frame.h"

#define TOLD_CONTROLS 10000
#define TOLD_BYTES (8 << 20) /* of all texts together */

/* Texts are NUL-ended; NULL where nothing was told. */
struct told_control {
	const char *name, *place, *stated, *counted;
	bool agrees;
};

struct told_refusal {
	const char *rule, *message, *field, *value;
	uint64_t record, offset; /* record 0: the whole file */
};

struct told {
	struct sandbox_report sandbox;
	bool has_sequence, has_business_date, is_test;
	int64_t sequence;
	int32_t business_date; /* days since 1970-01-01 */
	const char *partner_id, *partner_file_id, *original_message;
	struct told_control *control;
	size_t controls;
	struct told_refusal refusal[LIMIT_REFUSALS];
	size_t refusals;
	struct parse_end end;
	bool maybe_duplicate; /* a record may name what an earlier one named (set while staging, as pg_temp.stage
	                         has it) */

	struct told_text *texts; /* holds them all */
	size_t bytes;
};

void told_open(struct told *t);
void told_close(struct told *t);

/* Takes one frame that is no record.  NULL, or why it cannot be (static text): the parser is broken then. */
const char *told_take(struct told *t, const struct frame *f);

/* A date that the database can hold, with room for arithmetic. */
bool told_date_fits(int32_t days);

#endif
