/* What became of redemptions since their files came: found later, or never. */
#include "ctl/nightly.h"

#include "base/config.h"
#include "base/notice.h"
#include "ctl/memory.h"

#include <errno.h>
#include <inttypes.h>

struct guarded {
	struct nightly *n;
	const struct config_source *source;
};

static void
tell_guarded(void *context, int64_t file_id, int64_t records, const char *why)
{
	const struct guarded *g = context;
	char *file = mem_format("%" PRId64, file_id);
	char *message = mem_format("%" PRId64 " records of file %s whose redemption was found later are held: "
	                           "%s; two people decide them",
	                           records, file, why);
	struct notice notice = {
	    .kind = "guard_later",
	    .subject = file,
	    .message = message,
	    .fields = {{"source", g->source->name}, {"partner", g->source->partner}, {"file", file}}};

	if (notice_put(g->n->reconciler.spool.root, &notice) < 0)
		complain("a notice cannot be kept: %s", strerror(errno));
	free(file);
	free(message);
}

int
nightly_try_again(struct nightly *n, const struct config_source *source)
{
	struct guarded guarded = {n, source};
	struct pg *pg = n->session->pg;
	int64_t failed = n->later.failed, expired = 0;

	n->later.held = tell_guarded;
	n->later.context = &guarded;
	enum pg_status status = later_source(&n->reconciler, source->name, &n->later);
	if (status == PG_OK && n->later.failed > failed) {
		complain("source %s: %s", source->name, n->later.why);
		nightly_worse(n, EXIT_FAILED);
		return EXIT_CLEAN; /* what was not tried does not expire */
	}
	if (status == PG_OK)
		status = later_expire(pg, source->name, n->reconciler.profile.profile->policy.unknown_days, &expired);
	n->expired += expired;
	return status == PG_OK ? EXIT_CLEAN : session_failed(n->session, status);
}
