#include "outbound/tell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "outbound/delivery.h"
#include "outbound/outbox_sql.h"

/* Objects of one claim: whole batches, few enough to be held in memory many times over. */
#define BATCHES 5
#define CLAIM_LEAST 100
#define CLAIM_MOST 2000

enum pg_status
tell_targets(struct tell *t, struct pg_result **ret_rows)
{
	return pg_run_prepared(t->pg, sql_outbox_targets, 0, NULL, ret_rows);
}

enum pg_status
tell_connector(struct tell *t, const char *name, const char *version, struct pg_result **ret_rows)
{
	const char *values[] = {name, version};

	return pg_run_prepared(t->pg, sql_outbox_connector, 2, values, ret_rows);
}

/* The words of the kinds that it is told, or can be asked for. */
static void
write_kinds(char kinds[64], const struct connector *c,
            bool (*has)(const struct connector *, enum connector_kind))
{
	int length = 0;

	for (int kind = 0; kind < CONNECTOR_KINDS; kind++)
		if (has(c, (enum connector_kind) kind))
			length += snprintf(kinds + length, 64 - (size_t) length, "%c%s", length == 0 ? '{' : ',',
			                   connector_kinds[kind]);
	snprintf(kinds + length, 64 - (size_t) length, "%s", length == 0 ? "{}" : "}");
}

enum pg_status
tell_claim_read(struct tell *t, const char *name, const struct connector *c, struct pg_result **ret_rows)
{
	char kinds[64];
	const char *values[] = {name, kinds};

	write_kinds(kinds, c, connector_reads);
	return pg_transact(t->pg, sql_outbox_claim_read, 2, values, ret_rows);
}

enum pg_status
tell_claim(struct tell *t, const char *name, const struct connector *c, struct pg_result **ret_rows)
{
	size_t batch = connector_batch(c), most = batch * BATCHES;
	char kinds[64], count[24];
	const char *values[] = {name, kinds, count};

	if (most > CLAIM_MOST)
		most = CLAIM_MOST / batch * batch;
	/* what may go in bulk is claimed so; where less waits it goes by batches */
	for (int kind = 0; kind < CONNECTOR_KINDS; kind++)
		if (connector_bulk_from(c, (enum connector_kind) kind) > 0 || connector_is_file(c))
			most = CONNECTOR_BULK_MOST;
	if (most < CLAIM_LEAST)
		most = (CLAIM_LEAST + batch - 1) / batch * batch;
	snprintf(count, sizeof(count), "%zu", most);
	write_kinds(kinds, c, connector_has);
	return pg_transact(t->pg, sql_outbox_claim, 3, values, ret_rows);
}

enum pg_status
tell_resume(struct tell *t, const char *name, struct pg_result **ret_rows)
{
	return pg_transact(t->pg, sql_outbox_resume, 1, &name, ret_rows);
}

enum pg_status
tell_job(struct tell *t, const struct delivery *d, const struct part *p, const char *step)
{
	const char *values[] = {d->number, connector_kinds[d->object[p->first].kind], step, p->bulk.job};
	struct pg_result *none = NULL;
	enum pg_status status = pg_transact(t->pg, sql_outbox_job, 4, values, &none);

	pg_result_free(none);
	return status;
}

enum pg_status
tell_end(struct tell *t, struct delivery *d)
{
	char status[24], wait[24];
	int64_t wait_s;
	const char *result = delivery_result(d, &wait_s);
	char *objects = delivery_objects(d);
	const char *values[] = {d->number,
	                        result,
	                        d->status > 0 ? status : NULL,
	                        d->why[0] != '\0' ? d->why : NULL,
	                        wait_s >= 0 ? wait : NULL,
	                        objects};
	struct pg_result *none = NULL;
	enum pg_status end;

	if (objects == NULL)
		return pg_give_up(t->pg, "what came of a delivery", "no memory");
	snprintf(status, sizeof(status), "%" PRId64, d->status);
	snprintf(wait, sizeof(wait), "%" PRId64, wait_s);
	end = pg_transact(t->pg, d->reads ? sql_outbox_end_read : sql_outbox_end, 6, values, &none);
	pg_result_free(none);
	free(objects);
	return end;
}

enum pg_status
tell_refuse(struct pg *pg, const char *name, int64_t version, const char *why)
{
	char number[24];
	const char *values[] = {name, number, why};
	struct pg_result *none = NULL;
	enum pg_status status;

	log_write(LOG_ERR, "target stopped: a person has to see to it",
	          LOG_FIELDS(log_text("target", name), log_text("why", why)));
	snprintf(number, sizeof(number), "%" PRId64, version);
	status = pg_transact(pg, sql_outbox_refuse, 3, values, &none);
	pg_result_free(none);
	return status;
}
