#include "reconcile/decide/group.h"

#include "lib/base/sum.h"
#include "lib/db/params.h"
#include "reconcile/decide/decide_sql.h"

enum pg_status
group_records(const struct decide *d)
{
	const struct policy *policy = d->policy;
	struct params p = {0};

	if ((d->report->is_test && (d->waived & WAIVE_TEST) == 0) || d->read_again != 0)
		return PG_OK;
	param_int(&p, policy->group);
	param_int(&p, policy->checks);
	param_text(&p, policy->late_reject == LATE_REJECT_REVERSE ? "reverse" : "hold");
	param_optional(&p, policy->reversal_days > 0, policy->reversal_days);
	param_text(&p, policy->hold_members);
	return pg_run(d->pg, sql_group, p.n, p.value, NULL);
}

enum pg_status
group_effect(const struct decide *d, struct effect *e)
{
	struct pg_result *r;
	enum pg_status status;

	if (d->policy->group == 0)
		return PG_OK;
	status = pg_run(d->pg, sql_group_count, 0, NULL, &r);
	if (status != PG_OK)
		return status;
	e->grouped = pg_int_of(r, 0, "redemptions");
	e->reversed += pg_int_of(r, 0, "reversed");
	e->points = sum_clamped((sum_t) e->points + pg_int_of(r, 0, "points"));
	pg_result_free(r);
	return PG_OK;
}
