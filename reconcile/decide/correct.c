#include "reconcile/decide/correct.h"

#include <inttypes.h>

#include "lib/db/params.h"
#include "reconcile/decide/decide_sql.h"

enum pg_status
correct_records(const struct decide *d, const struct place *place)
{
	struct params said = {0}, met = {0};
	enum pg_status status = PG_OK;

	if (d->report->is_test && (d->waived & WAIVE_TEST) == 0)
		return PG_OK;
	place_params(d, place, &said);
	param_bool(&said, d->policy->split != SPLIT_NONE);
	if (d->read_again == 0)
		status = pg_run(d->pg, sql_corrections, said.n, said.value, NULL);
	param_int(&met, d->partner_id);
	param_text(&met, d->profile);
	param_optional(&met, d->report->has_sequence, d->report->sequence);
	param_optional(&met, d->read_again != 0, d->read_again);
	param_optional(&met, place->in_period, place->period);
	if (status == PG_OK)
		status = pg_run(d->pg, sql_corrections_met, met.n, met.value, NULL);
	return status == PG_OK ? pg_run(d->pg, sql_corrections_told, 0, NULL, NULL) : status;
}

enum pg_status
correct_void(const struct decide *d, struct effect *e)
{
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;

	if (!d->policy->corrections || !d->report->has_sequence || d->read_again != 0 ||
	    (d->waived & WAIVE_VOID) != 0)
		return PG_OK;
	param_int(&p, d->partner_id);
	param_text(&p, d->profile);
	param_int(&p, d->report->sequence);
	param_optional(&p, e->in_period, e->period);
	status = pg_run(d->pg, sql_void_before, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	if (pg_rows(r) > 0) {
		snprintf(e->message, sizeof(e->message),
		         "record %" PRId64 " of file %" PRId64 ", which came before it, says that it is void",
		         pg_int_of(r, 0, "record_no"), pg_int_of(r, 0, "file_id"));
		e->hold = "file_void";
	}
	pg_result_free(r);
	return PG_OK;
}

enum pg_status
correct_keep(const struct decide *d, int64_t file_id)
{
	struct params keep = {0};
	enum pg_status status;

	param_int(&keep, file_id);
	param_bool(&keep, d->policy->corrections);
	status = pg_run(d->pg, sql_corrections_keep, keep.n, keep.value, NULL);
	return status == PG_OK ? pg_run(d->pg, sql_corrections_end, 1, keep.value, NULL) : status;
}
