#include "reconcile/decide/split.h"

#include "lib/db/params.h"
#include "reconcile/decide/decide_sql.h"

enum pg_status
split_records(const struct decide *d)
{
	const struct policy *policy = d->policy;
	struct params p = {0};

	if (d->report->is_test && (d->waived & WAIVE_TEST) == 0)
		return PG_OK;
	param_bool(&p, policy->split == SPLIT_LINE);
	param_int(&p, policy->checks);
	param_text(&p, policy->partner);
	param_text(&p, policy->programme);
	param_optional(&p, d->read_again != 0, d->read_again);
	return pg_run(d->pg, sql_split, p.n, p.value, NULL);
}

enum pg_status
split_keep(struct pg *pg, int64_t file_id, bool read_again)
{
	struct params p = {0};

	param_int(&p, file_id);
	param_bool(&p, read_again);
	return pg_run(pg, sql_answer_parts, p.n, p.value, NULL);
}
