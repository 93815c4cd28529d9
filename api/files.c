#include "api/files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/api_sql.h"
#include "lib/base/log.h"
#include "lib/db/params.h"
#include "lib/protocol/channel.h"

bool
authenticate_sender(struct database *db, struct call *c, struct token_claims *ret)
{
	struct pg_result *r = database_ask_credential(db, c, api_authenticate_sender);

	if (r == NULL)
		return false;
	*ret = (struct token_claims){.generation = pg_int_of(r, 0, "generation"),
	                             .calls_per_minute = pg_int_of(r, 0, "calls_per_minute")};
	snprintf(ret->client, sizeof(ret->client), "%s", c->what.client_id);
	snprintf(ret->source, sizeof(ret->source), "%s", pg_text_of(r, 0, "source"));
	pg_result_free(r);
	return true;
}

/* Still in force, and of this source?  False: the call is answered. */
static bool
may_send(struct database *db, struct call *c)
{
	struct params p = {0};
	struct pg_result *r;

	param_text(&p, c->who.client);
	param_int(&p, c->who.generation);
	r = database_ask(db, c, api_source_of, &p);
	if (r == NULL)
		return false;
	if (pg_null_of(r, 0, "source"))
		call_answer(c, "401", "the credential is not in force");
	else if (strcmp(pg_text_of(r, 0, "source"), c->what.source) != 0)
		call_answer(c, "403", "the token is of another source");
	else
		call_answer(c, "000", NULL);
	pg_result_free(r);
	return strcmp(c->answer.code, "000") == 0;
}

void
send_call(struct database *db, struct call *c, const char *socket)
{
	static struct message_line line;
	const struct receive_job job = {
	    .source = c->what.source, .name = c->what.name, .bytes = c->what.bytes, .sha256 = c->what.sha256};

	if (!may_send(db, c))
		return;
	if (!receive_job_encode(&line, &job)) {
		call_answer(c, "999", "the name or the length is out of bounds");
		return;
	}
	c->handover = socket != NULL ? channel_connect(socket) : -1;
	/* its socket is new and empty: this does not wait */
	if (c->handover < 0 || channel_send(c->handover, line.text, line.length, -1) < 0) {
		if (socket != NULL)
			log_write(LOG_ERR, "handback-receive cannot be reached",
			          LOG_FIELDS(log_text("socket", socket), log_errno(errno)));
		call_answer_later(c, socket != NULL ? "files are not received now" : "files are not received here");
	}
}

void
sent_call(struct database *db, struct call *c)
{
	char id[API_REFERENCE_BYTES + 1];
	struct params p = {0};
	struct pg_result *r;

	param_text(&p, c->who.client);
	param_int(&p, c->who.generation);
	param_text(&p, c->what.request_id);
	param_text(&p, c->what.source);
	param_text(&p, c->what.name);
	param_text(&p, c->what.sha256);
	param_int(&p, c->what.bytes);
	r = database_change(db, c, api_receive, &p);
	if (r == NULL)
		return;
	call_answer(c, pg_text_of(r, 0, "code"), NULL);
	if (!pg_null_of(r, 0, "id")) {
		snprintf(id, sizeof(id), "%s", pg_text_of(r, 0, "id"));
		call_answer_value(c, API_VALUE_TEXT, id);
	}
	pg_result_free(r);
}
