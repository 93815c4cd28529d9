#include "lib/proof/verify/verify.h"

#include <inttypes.h>
#include <string.h>

#include "lib/proof/verify/verify_internal.h"
#include "lib/proof/verify/verify_sql.h"

static enum verify_end
count_all(struct verify *v, struct verify_totals *ret)
{
	struct pg_result *r;
	enum pg_status status = pg_run(v->pg, sql_verify_settings, 0, NULL, NULL);

	if (status == PG_OK)
		status = pg_run(v->pg, sql_verify_totals, 0, NULL, &r);
	if (status != PG_OK)
		return verify_failed(v, status);
	*ret = (struct verify_totals){.heads = pg_int_of(r, 0, "heads"),
	                              .records = pg_int_of(r, 0, "records"),
	                              .files = pg_int_of(r, 0, "files"),
	                              .bytes = pg_int_of(r, 0, "bytes")};
	pg_result_free(r);
	return VERIFY_EQUAL;
}

/* One row of a statement whose rows are differences: part, file, record, message. */
static enum verify_end
tell_row(struct verify *v, const struct pg_result *r, int row)
{
	static const char *const parts[] = {
	    "file",    "outcome", "event",          "reversal",     "reinstatement", "credit",    "hold",
	    "balance", "note",    "proposal",       "guarded",      "term",          "purge",     "rules",
	    "schema",  "request", "points request", "points batch", "order",         "redemption"};
	const char *part = "posting";

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcmp(parts[i], pg_text_of(r, row, "part")) == 0)
			part = parts[i];
	enum verify_end end = verify_differs(v, part, NULL, "%s", pg_text_of(r, row, "message"));
	verify_last(v)->file_id = pg_int_of(r, row, "file_id");
	verify_last(v)->record_no = pg_int_of(r, row, "record_no");
	return end;
}

static enum verify_end
run_statement(struct verify *v, const char *sql)
{
	struct pg_result *r;
	enum pg_status status = pg_run(v->pg, sql, 0, NULL, &r);
	enum verify_end end = VERIFY_EQUAL;

	if (status != PG_OK)
		return verify_failed(v, status);
	for (int row = 0; end == VERIFY_EQUAL && row < pg_rows(r); row++)
		end = tell_row(v, r, row);
	pg_result_free(r);
	return end;
}

/* A ledger of the bank's own has no balances that we know of, and none of the API's entries. */
static enum verify_end
verify_balances(struct verify *v)
{
	struct pg_result *r;
	enum pg_status status = pg_run(v->pg, sql_verify_has_balances, 0, NULL, &r);

	if (status != PG_OK)
		return verify_failed(v, status);
	v->counts.balances = pg_true_of(r, 0, "has");
	if (!pg_null_of(r, 0, "hidden"))
		snprintf(v->hidden, sizeof(v->hidden), "%s", pg_text_of(r, 0, "hidden"));
	pg_result_free(r);
	if (v->hidden[0] != '\0')
		return VERIFY_HIDDEN;
	if (!v->counts.balances)
		return VERIFY_EQUAL;
	enum verify_end end = run_statement(v, sql_verify_requests);
	if (end == VERIFY_EQUAL)
		end = run_statement(v, sql_verify_points);
	return end == VERIFY_EQUAL ? run_statement(v, sql_verify_balances) : end;
}

static enum verify_end
verify_tables(struct verify *v)
{
	const char *const statements[] = {sql_verify_strays,      sql_verify_postings, sql_verify_parts,
	                                  sql_verify_corrections, sql_verify_holds,    sql_verify_people,
	                                  sql_verify_rules,       sql_verify_watched,  sql_verify_schema};
	int count = (int) (sizeof(statements) / sizeof(statements[0]));
	enum pg_status status = pg_run(v->pg, sql_verify_tables_settings, 0, NULL, NULL);
	enum verify_end end = status == PG_OK ? VERIFY_EQUAL : verify_failed(v, status);

	for (int i = 0; end == VERIFY_EQUAL && i < count; i++) {
		verify_progress(v, "comparing tables", "steps", i, count + 1);
		end = run_statement(v, statements[i]);
	}
	verify_progress(v, "comparing tables", "steps", count, count + 1);
	return end == VERIFY_EQUAL ? verify_balances(v) : end;
}

/* What a difference is called: the same again only where it says the same of the same place. */
static void
name_difference(struct verify_difference *d)
{
	char text[sizeof(d->message) + 128];
	uint8_t hash[SHA256_BYTES];
	int len = snprintf(text, sizeof(text), "%s\n%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n%s", d->part,
	                   d->head_no, d->file_id, d->record_no, d->message);

	sha256_of(text, (size_t) len, hash);
	text_hex(d->id, hash, VERIFY_ID);
}

/* Which of them two people accepted.  What is only counted nobody has seen. */
static enum verify_end
take_accepted(struct verify *v)
{
	int64_t kept = v->count < VERIFY_KEPT ? v->count : VERIFY_KEPT;
	struct pg_result *r;
	enum pg_status status;

	for (int64_t i = 0; i < kept; i++)
		name_difference(&v->found[i]);
	status = pg_run(v->pg, sql_verify_accepted, 0, NULL, &r);
	if (status != PG_OK)
		return verify_failed(v, status);
	for (int64_t i = 0; i < kept; i++) {
		struct verify_difference *d = &v->found[i];
		for (int row = 0; row < pg_rows(r) && !d->accepted; row++) {
			if (strcmp(pg_text_of(r, row, "difference"), d->id) != 0)
				continue;
			d->accepted = true;
			snprintf(d->accepted_by, sizeof(d->accepted_by), "%s", pg_text_of(r, row, "said"));
			v->accepted++;
		}
	}
	pg_result_free(r);
	return v->count > v->accepted ? VERIFY_DIFFERS : VERIFY_EQUAL;
}

enum verify_end
verify_run(struct verify *v)
{
	struct verify_totals totals;
	enum verify_end end = count_all(v, &totals);

	if (end == VERIFY_EQUAL)
		end = verify_chain(v, &totals);
	if (end == VERIFY_EQUAL)
		end = verify_tables(v);
	if (end == VERIFY_EQUAL && v->spool >= 0)
		end = verify_kept(v, &totals);
	return end == VERIFY_EQUAL && v->count > 0 ? take_accepted(v) : end;
}
