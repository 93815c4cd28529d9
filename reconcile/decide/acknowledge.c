#include "reconcile/decide/acknowledge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/params.h"
#include "reconcile/decide/decide_sql.h"

/* The redemptions that the records name, as an array's text; NULL without memory. */
static char *
named(struct decided *decided)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const char *between = "{";
	bool good = out != NULL;

	for (size_t run = 0; good && run < decided_runs(decided); run++) {
		struct leaf *leaf;
		size_t count;

		good = decided_load(decided, run, &leaf, &count) == 0;
		for (size_t i = 0; good && i < count; i++)
			if (leaf[i].has_redemption) {
				fprintf(out, "%s%" PRId64, between, leaf[i].redemption.id);
				between = ",";
			}
	}
	if (good)
		fputs(*between == '{' ? "{}" : "}", out);
	if (out == NULL || (fclose(out) == 0 && good))
		return text;
	free(text);
	return NULL;
}

/* The request files that it is about. */
static enum pg_status
find(const struct decide *d, struct pg_result **ret)
{
	const struct policy *policy = d->policy;
	struct params p = {0};
	char *redemptions = NULL;
	enum pg_status status;

	if (policy->acknowledges == ACKNOWLEDGES_ROWS && (redemptions = named(d->decided)) == NULL)
		return pg_give_up(d->pg, "the acknowledged requests cannot be kept", strerror(errno));
	param_text(&p, policy->partner);
	param_text(&p, policy->programme);
	param_text(&p, redemptions);
	param_text(&p, d->report->original_message);
	status = pg_run(d->pg, sql_acknowledged, p.n, p.value, ret);
	free(redemptions);
	return status;
}

struct numbers {
	int64_t requests, points;
};

/* What a control states, else what the request file has. */
static int64_t
stated(const struct parse_report *report, const char *name, int64_t otherwise)
{
	for (size_t i = 0; i < report->controls; i++) {
		const struct parse_report_control *c = &report->control[i];
		char *end;

		if (c->name == NULL || c->stated == NULL || strcmp(c->name, name) != 0)
			continue;
		errno = 0;
		int64_t value = strtoll(c->stated, &end, 10);

		return errno == 0 && *end == '\0' && value >= 0 ? value : INT64_MAX;
	}
	return otherwise;
}

static struct numbers
acknowledged(const struct decide *d, const struct pg_result *r, int row)
{
	if (d->policy->acknowledges == ACKNOWLEDGES_ROWS)
		return (struct numbers){pg_int_of(r, row, "named"), pg_int_of(r, row, "named_points")};
	return (struct numbers){stated(d->report, "requests", pg_int_of(r, row, "requests")),
	                        stated(d->report, "points", pg_int_of(r, row, "points"))};
}

enum pg_status
acknowledge_judge(const struct decide *d, struct effect *e)
{
	struct pg_result *r;
	enum pg_status status;

	if (d->policy->acknowledges == ACKNOWLEDGES_NOTHING)
		return PG_OK;
	status = find(d, &r);
	if (status != PG_OK)
		return status;
	e->hold = "acknowledged_in_part";
	if (pg_rows(r) == 0)
		snprintf(e->message, sizeof(e->message), "it acknowledges no request file of ours");
	else if (pg_rows(r) > 1)
		snprintf(e->message, sizeof(e->message), "it acknowledges %d request files, %s and %s among them",
		         pg_rows(r), pg_text_of(r, 0, "name"), pg_text_of(r, 1, "name"));
	else {
		const struct numbers has = acknowledged(d, r, 0),
		                     ours = {pg_int_of(r, 0, "requests"), pg_int_of(r, 0, "points")};

		if (has.requests == ours.requests && has.points == ours.points)
			e->hold = NULL;
		else
			snprintf(e->message, sizeof(e->message),
			         "it acknowledges %" PRId64 " of the %" PRId64 " requests of %s, and %" PRId64
			         " of its %" PRId64 " points",
			         has.requests, ours.requests, pg_text_of(r, 0, "name"), has.points, ours.points);
	}
	pg_result_free(r);
	return PG_OK;
}

enum pg_status
acknowledge_keep(const struct decide *d, int64_t file_id)
{
	struct pg_result *r;
	enum pg_status status;

	if (d->policy->acknowledges == ACKNOWLEDGES_NOTHING)
		return PG_OK;
	status = find(d, &r);
	for (int i = 0; status == PG_OK && i < pg_rows(r); i++) {
		const struct numbers has = acknowledged(d, r, i);
		struct params p = {0};

		param_int(&p, file_id);
		param_int(&p, pg_int_of(r, i, "batch"));
		param_int(&p, has.requests);
		param_int(&p, has.points);
		param_int(&p, d->policy->acknowledged_within);
		status = pg_defer(d->pg, sql_acknowledge, p.n, p.value);
	}
	if (status == PG_OK)
		pg_result_free(r);
	return status;
}
