#include "try/trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/finance/output/memory.h"
#include "lib/finance/view/archive.h"
#include "lib/finance/view/file_tables.h"
#include "lib/finance/view/query.h"

static const struct column result_columns[] = {
    {"name", "File", COLUMN_NAME, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 0, 0, NULL},
    {"profile", "Profile", COLUMN_TEXT, 0, 0, NULL},
    {"state", "It would be", COLUMN_WORD, 0, 0, NULL},
    {"reason", "for", COLUMN_TEXT, 0, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 0, 0, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"sequence", "Partner's number", COLUMN_NUMBER, 0, 0, NULL},
    {"partner_file_id", "Partner's file id", COLUMN_TEXT, 0, 0, NULL},
};

static const struct column record_columns[] = {
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"verdict", "Partner says", COLUMN_TEXT, 8, 1, NULL},
    {"outcome", "Outcome", COLUMN_WORD, 0, 0, NULL},
    {"reason", "Why", COLUMN_TEXT, 10, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"reference", "Reference", COLUMN_NAME, 13, 0, NULL},
    {"codes", "Codes", COLUMN_TEXT, 6, 2, NULL},
    {"detail", "Detail", COLUMN_SENTENCE, 16, 3, NULL},
    {"byte_offset", "Byte", COLUMN_NUMBER, 0, 4, NULL},
    {"byte_length", "Bytes", COLUMN_NUMBER, 0, 5, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 6, NULL},
    {"as_written", "As written", COLUMN_TEXT, 24, 7, NULL},
};

static char *
copy_of(struct leaf_text text)
{
	return text.len ? mem_part(text.data, text.len) : NULL;
}

static char *
reference_of(const struct leaf *leaf)
{
	const uint8_t *u = leaf->redemption.external_reference;

	if (!leaf->has_redemption)
		return copy_of(leaf->reference);
	return mem_format("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
	                  u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
	                  u[15]);
}

static void
add_record(struct table *t, int file, const struct leaf *leaf, int64_t points, bool has_points)
{
	char number[24], said[24], offset[24], length[24], redemption[24];
	char *reason = copy_of(leaf->hold_reason), *codes = copy_of(leaf->reasons),
	     *detail = copy_of(leaf->detail);
	char *reference = reference_of(leaf);
	const char *why;
	char *written = archive_bytes(file, leaf->byte_offset, leaf->byte_length, &why);

	snprintf(number, sizeof(number), "%" PRId64, leaf->record_no);
	snprintf(said, sizeof(said), "%" PRId64, points);
	snprintf(offset, sizeof(offset), "%" PRId64, leaf->byte_offset);
	snprintf(length, sizeof(length), "%" PRId64, leaf->byte_length);
	snprintf(redemption, sizeof(redemption), "%" PRId64, leaf->redemption.id);
	const char *cells[] = {number,
	                       verdict_name(leaf->verdict),
	                       outcome_name(leaf->outcome),
	                       reason,
	                       has_points ? said : NULL,
	                       reference,
	                       codes,
	                       detail,
	                       offset,
	                       length,
	                       leaf->has_redemption ? redemption : NULL,
	                       written};
	table_row(t, cells);
	free(reason);
	free(codes);
	free(detail);
	free(reference);
	free(written);
}

static void
on_record(void *context, const struct leaf *leaf)
{
	struct trial *t = context;
	bool has_points = leaf->has_redemption || leaf->has_points;
	int64_t points = leaf->has_redemption ? leaf->redemption.points : leaf->has_points ? leaf->points : 0;

	if (t->limit == 0 || t->seen < t->limit)
		add_record(t->records, t->file, leaf, points, has_points);
	t->seen++;
	if (leaf->outcome > 0 && leaf->outcome < TRIAL_OUTCOMES) {
		t->count[leaf->outcome]++;
		t->points[leaf->outcome] += points;
	}
}

static void
on_report(void *context, const struct parse_report *report)
{
	struct trial *t = context;

	for (size_t i = 0; i < report->refusals; i++) {
		const struct parse_report_refusal *r = &report->refusal[i];
		char record[24], offset[24];
		snprintf(record, sizeof(record), "%" PRIu64, r->record);
		snprintf(offset, sizeof(offset), "%" PRIu64, r->offset);
		const char *cells[] = {r->rule,
		                       r->record ? record : NULL,
		                       r->record ? offset : NULL,
		                       text_or_null(r->field),
		                       text_or_null(r->value),
		                       r->message};
		table_row(t->refusals, cells);
	}
	for (size_t i = 0; i < report->controls; i++) {
		const struct parse_report_control *c = &report->control[i];
		const char *cells[] = {c->name, c->place, c->stated, c->counted, c->agrees ? "t" : "f"};
		table_row(t->controls, cells);
	}
	if (report->has_sequence)
		snprintf(t->sequence, sizeof(t->sequence), "%" PRId64, report->sequence);
	t->partner_file_id = mem_text(report->partner_file_id);
}

static void
add_outcomes(struct trial *t)
{
	for (int i = 1; i < TRIAL_OUTCOMES; i++) {
		char records[24], points[SUM_TEXT_SIZE];
		snprintf(records, sizeof(records), "%" PRId64, t->count[i]);
		const char *cells[] = {outcome_name(i), records, sum_text(points, t->points[i])};
		if (t->count[i])
			table_row(t->outcomes, cells);
	}
}

void
trial_open(struct trial *t, const char *limit)
{
	struct document *d = document_new("try", NULL);

	*t = (struct trial){.document = d, .limit = limit != NULL ? strtoull(limit, NULL, 10) : 0};
	t->result = document_add(d, "result", NULL, TABLE_FACTS, COLUMNS(result_columns));
	t->refusals =
	    document_add(d, "refusals", "Why it would be refused", TABLE_ROWS, COLUMNS(file_refusal_columns));
	t->controls =
	    document_add(d, "controls", "Control totals", TABLE_ROWS, file_control_columns, FILE_CONTROLS_STATED);
	t->outcomes =
	    document_add(d, "outcomes", "Records by outcome", TABLE_ROWS, COLUMNS(file_outcome_columns));
	t->records = document_add(d, "records", "Records", TABLE_ROWS, COLUMNS(record_columns));
}

static void
add_result(struct trial *t, const struct reconciler *r, const char *name, const char *whole,
           const struct job_result *result)
{
	const struct profile *profile = r->profile.profile;
	char records[24];
	const char *cells[] = {name,          profile->policy.partner,      profile->name,
	                       result->state, text_or_null(result->reason), text_or_null(result->why),
	                       records,       text_or_null(t->sequence),    t->partner_file_id};

	snprintf(records, sizeof(records), "%" PRIu64, t->seen);
	table_row(t->result, cells);
	if (t->limit && t->seen > t->limit)
		table_note(t->records, mem_format("the first %" PRIu64 "; %s", t->limit, whole));
	add_outcomes(t);
}

enum job_end
trial_run(struct trial *t, struct reconciler *r, const struct job_trial *what, const char *whole,
          struct job_result *ret)
{
	struct job_trial trial = *what;
	enum job_end end;

	t->file = what->file;
	trial.show = on_record;
	trial.on_report = on_report;
	trial.context = t;
	end = job_try(r, &trial, ret);
	if (end == JOB_DONE)
		add_result(t, r, what->name, whole, ret);
	return end;
}

void
trial_close(struct trial *t)
{
	document_free(t->document);
	free(t->partner_file_id);
}
