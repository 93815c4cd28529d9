/* try: what would become of a file if it were delivered now.  Nothing is changed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/compare.h"
#include "ctl/handlers.h"
#include "ctl/subject.h"
#include "lib/base/codes.h"
#include "lib/base/io.h"
#include "lib/base/paths.h"
#include "lib/base/sum.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/view/archive.h"
#include "lib/finance/view/file_tables.h"
#include "reconcile/file/job.h"

#define RECORDS_PRESET "50"
#define EXPECTED_BYTES ((size_t) 256 << 20)
#define OUTCOMES 9 /* enum outcome, from 1 */

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

/* What is collected while the file is decided. */
struct trial {
	struct document *document;
	struct table *result, *refusals, *controls, *outcomes, *records;
	int file;
	uint64_t limit, seen; /* records shown, records there were */
	int64_t count[OUTCOMES];
	sum_t points[OUTCOMES];
	char sequence[24], *partner_file_id;
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
	if (leaf->outcome > 0 && leaf->outcome < OUTCOMES) {
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
	for (int i = 1; i < OUTCOMES; i++) {
		char records[24], points[SUM_TEXT_SIZE];
		snprintf(records, sizeof(records), "%" PRId64, t->count[i]);
		const char *cells[] = {outcome_name(i), records, sum_text(points, t->points[i])};
		if (t->count[i])
			table_row(t->outcomes, cells);
	}
}

static void
open_trial(struct trial *t, const char *limit)
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
add_result(struct trial *t, const struct reconciler *r, const char *name, const struct job_result *result)
{
	const struct profile *profile = r->profile.profile;
	char records[24];
	const char *cells[] = {name,          profile->policy.partner,      profile->name,
	                       result->state, text_or_null(result->reason), text_or_null(result->why),
	                       records,       text_or_null(t->sequence),    t->partner_file_id};

	snprintf(records, sizeof(records), "%" PRIu64, t->seen);
	table_row(t->result, cells);
	if (t->limit && t->seen > t->limit)
		table_note(t->records, mem_format("the first %" PRIu64 "; --all shows every record", t->limit));
	add_outcomes(t);
}

/* What was shown before; NULL and said why where it is none. */
static struct json *
read_expected(const char *path)
{
	struct json *expected = NULL;
	char *text = NULL;
	size_t len = 0;

	if (io_read_file(AT_FDCWD, path, EXPECTED_BYTES, &text, &len) < 0)
		complain("%s: %s", path, strerror(errno));
	else if (!json_is_map(expected = json_parse(text))) {
		complain("%s: not what `handbackctl try --json` writes", path);
		json_free(expected);
		expected = NULL;
	}
	free(text);
	return expected;
}

static int
show_differences(struct session *s, const struct document *now, const struct json *expected)
{
	struct document *d = document_compare(now, expected);
	int code = session_show(s, d);

	if (code == EXIT_CLEAN && d->tables[0]->rows > 0)
		code = EXIT_PROOF;
	document_free(d);
	return code;
}

static int
try_file(struct session *s, struct reconciler *r, const struct subject *it, const char *limit,
         const struct json *expected)
{
	struct job_result *result = mem_new(1, sizeof(*result));
	struct trial t;

	open_trial(&t, limit);
	t.file = it->fd;
	struct job_trial trial = {.name = it->name,
	                          .file = it->fd,
	                          .show = on_record,
	                          .on_report = on_report,
	                          .context = &t,
	                          .waived = it->waived,
	                          .release_of = it->file_id};
	enum job_end end = job_try(r, &trial, result);
	int code;
	if (end == JOB_DONE) {
		add_result(&t, r, it->name, result);
		code = expected != NULL ? show_differences(s, t.document, expected) : session_show(s, t.document);
		if (code == EXIT_CLEAN && expected == NULL &&
		    (strcmp(result->state, "held") == 0 || result->held > 0))
			code = EXIT_HELD;
	} else {
		complain("%s: %s", it->shown, *result->why ? result->why : pg_why(r->pg));
		code = end == JOB_LOST ? EXIT_UNAVAILABLE : EXIT_FAILED;
	}
	document_free(t.document);
	free(t.partner_file_id);
	free(result);
	return code;
}

int
run_try(struct session *s)
{
	struct reconciler *r = mem_new(1, sizeof(*r));
	char buf[24];
	const char *limit = NULL, *missing;
	struct json *expected = NULL;
	struct subject it = {.fd = -1};
	int code = ask_limit(s, RECORDS_PRESET, buf, &limit);

	/* what is compared is compared whole */
	if (s->value[OPT_DIFF] != NULL) {
		limit = NULL;
		expected = read_expected(s->value[OPT_DIFF]);
		code = expected == NULL ? EXIT_USAGE : code;
	}

	r->profiles = -1;
	r->spool = (struct spool){-1, -1, -1, -1};
	profile_cache_open(&r->profile);
	parser_child_open(&r->child);
	if (code == EXIT_CLEAN)
		code = s->value[OPT_HOLD] != NULL ? subject_held(s, &it) : subject_named(s, &it);
	if (code == EXIT_CLEAN)
		code = subject_profile(s, r, &it);
	if (s->config != NULL)
		r->no_landlock = s->config->sandbox == CONFIG_SANDBOX_NO_LANDLOCK;
	if (code == EXIT_CLEAN && (missing = reconciler_find_parsers(r)) != NULL) {
		complain("%s: %s", missing, strerror(errno));
		code = EXIT_INTERNAL;
	}
	if (code == EXIT_CLEAN && s->query.pg == NULL)
		code = session_open(s, SESSION_POSTS);
	if (code == EXIT_CLEAN) {
		r->pg = s->query.pg;
		code = try_file(s, r, &it, limit, expected);
	}
	parser_child_stop(&r->child);
	profile_cache_close(&r->profile);
	if (r->profiles >= 0)
		close(r->profiles);
	if (it.fd >= 0)
		close(it.fd);
	free(it.shown);
	free(it.profile);
	free(r);
	json_free(expected);
	return code;
}
