/* Tokens of the catalogue's shops: a person hears that one ends before members hear it. */
#include <errno.h>
#include <string.h>

#include "lib/finance/output/memory.h"
#include "lib/protocol/notification.h"
#include "nightly/night.h"
#include "nightly/nightly_sql.h"

/* One notification while it ends, and another once it has: each is kept once. */
static void
tell_token(struct night *n, const struct pg_result *r, int row)
{
	const char *programme = pg_text_of(r, row, "programme"), *scope = pg_text_of(r, row, "scope"),
	           *expires = pg_text_of(r, row, "expires");
	bool expired = pg_true_of(r, row, "expired");
	char *subject = mem_format("%s-%s-%s", programme, scope, pg_text_of(r, row, "generation"));
	char *message =
	    mem_format("the %s token of %s's shop %s %s: handbackctl token rotate %s --scope %s", scope,
	               programme, expired ? "has ended at" : "ends at", expires, programme, scope);
	struct notification notification = {.kind = expired ? "token_expired" : "token_expires",
	                                    .subject = subject,
	                                    .message = message,
	                                    .fields = {{"programme", programme},
	                                               {"scope", scope},
	                                               {"generation", pg_text_of(r, row, "generation")},
	                                               {"expires", expires}}};

	if (notification_put(n->reconciler.spool.root, &notification) < 0)
		complain("cannot store a notification: %s", strerror(errno));
	free(subject);
	free(message);
}

int
night_tokens(struct night *n)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_tokens, 0, NULL, &r);

	if (status != PG_OK)
		return query_failed(&n->batch->query, status);
	for (int i = 0; i < pg_rows(r); i++)
		tell_token(n, r, i);
	pg_result_free(r);
	return EXIT_CLEAN;
}
