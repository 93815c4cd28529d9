#include "reconcile/rematch/deemed.h"

#include <string.h>

#include "lib/db/params.h"
#include "reconcile/decide/decide_sql.h"
#include "reconcile/rematch/rematch_sql.h"

void
deemed_params(struct params *p, const char *source, const struct profile *profile, const char *holidays)
{
	static const char *const lists[] = {
	    [LISTS_ALL] = "all", [LISTS_REJECTS] = "rejects", [LISTS_ACCEPTED] = "accepted"};
	static const char *const order[] = {
	    [ORDER_NONE] = "none", [ORDER_SEQUENCE] = "sequence", [ORDER_BUSINESS_DATE] = "business_date"};
	const struct policy *policy = &profile->policy;

	param_text(p, source);
	param_text(p, policy->partner);
	param_text(p, policy->programme);
	param_text(p, profile->name);
	param_text(p, lists[policy->lists]);
	param_text(p, order[policy->order_by]);
	param_int(p, policy->answer_within);
	param_text(p, policy->zone != NULL ? policy->zone : "UTC");
	param_text(p, holidays);
}

enum pg_status
deemed_term(struct pg *pg, const char *source, const struct profile *profile, const char *holidays)
{
	struct params p = {0};

	deemed_params(&p, source, profile, holidays);
	return pg_run(pg, sql_deemed_term, p.n, p.value, NULL);
}

enum pg_status
deemed_unclear(struct pg *pg, const char *source, const char *sources, char **ret_other)
{
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;

	param_text(&p, source);
	param_text(&p, sources);
	status = pg_run(pg, sql_deemed_unclear, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	*ret_other = pg_rows(r) > 0 ? strdup(pg_text_of(r, 0, "source")) : NULL;
	pg_result_free(r);
	return PG_OK;
}

enum pg_status
deemed_confirm(struct pg *pg, const char *source, const char *partner, struct deemed *ret)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_begin(pg);

	if (status == PG_OK)
		status = pg_run(pg, sql_partner_lock, 1, &partner, NULL);
	if (status == PG_OK)
		status = pg_run(pg, sql_deemed_confirm, 1, &source, &r);
	if (status == PG_OK) {
		ret->confirmed += pg_int_of(r, 0, "confirmed");
		ret->points += pg_int_of(r, 0, "points");
		pg_result_free(r);
		return pg_commit(pg);
	}
	pg_rollback(pg);
	return status;
}
