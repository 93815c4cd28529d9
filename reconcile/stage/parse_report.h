/*
 * What the parser reported of a file beside its records: the facts, the control
 * totals, the refusals, the end.  Copied out of the frames and checked for what
 * the database could not take; bounded, since a captured parser may report much.
 */
#ifndef HANDBACK_RECONCILE_STAGE_PARSE_REPORT_H
#define HANDBACK_RECONCILE_STAGE_PARSE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/limits.h"
#include "lib/profile/profile.h"
#include "lib/protocol/frame.h"

#define PARSE_REPORT_CONTROLS 10000
#define PARSE_REPORT_BYTES (8 << 20) /* of all texts together */

/* Texts are NUL-ended; NULL where nothing was reported. */
struct parse_report_control {
	const char *name, *place, *stated, *counted;
	bool agrees;
};

struct parse_report_refusal {
	const char *rule, *message, *field, *value;
	uint64_t record, offset; /* record 0: the whole file */
};

/* What we know ourselves of what the parser reports. */
struct parse_given {
	int64_t file_bytes;    /* of the file that it was given */
	int64_t content_bytes; /* of the content: the same, or the most that may be unpacked of it */
	bool packed;
	int landlock_version; /* of this kernel, 0: it has none */
	bool no_landlock;     /* the operator wrote it off */
	bool name_fits;       /* or else the file is to be refused */
	struct name_facts name;
};

struct parse_report {
	bool sandboxed; /* it reported the sandbox that it should have: nothing of the file was read before */
	bool no_memory; /* of ours: what could not be taken is nothing that the parser did */
	bool has_sequence, has_business_date, is_test;
	int64_t sequence;
	int32_t business_date; /* days since 1970-01-01 */
	const char *partner_id, *partner_file_id, *original_message;
	struct parse_report_control *control;
	size_t controls;
	struct parse_report_refusal refusal[LIMIT_REFUSALS];
	size_t refusals;
	struct parse_end end;
	bool maybe_duplicate; /* a record may name what an earlier one named (set while staging, as pg_temp.stage
	                         has it) */

	struct parse_report_text *texts; /* holds them all */
	size_t bytes;
};

void parse_report_open(struct parse_report *t);
void parse_report_close(struct parse_report *t);

/*
 * Takes one frame that is no record, and compares it with what we know.
 * NULL, or why it cannot be (static text): the parser is broken then, unless no_memory is set.
 */
const char *parse_report_take(struct parse_report *t, const struct parse_given *given, const struct frame *f);

/* A date that the database can hold, with room for arithmetic. */
bool parse_report_date_fits(int32_t days);

#endif
