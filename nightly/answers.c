/* What became of redemptions since their files came: rematched, or never found. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/protocol/notification.h"
#include "nightly/night.h"

struct guarded {
	struct night *n;
	const struct config_source *source;
};

static void
tell_guarded(void *context, int64_t file_id, int64_t records, const char *why)
{
	const struct guarded *g = context;
	char *file = mem_format("%" PRId64, file_id);
	char *message =
	    mem_format("%" PRId64 " records of file %s whose redemption was found by a rematch are held: "
	               "%s; two people decide them",
	               records, file, why);
	struct notification notification = {
	    .kind = "guard_rematch",
	    .subject = file,
	    .message = message,
	    .fields = {{"source", g->source->name}, {"partner", g->source->partner}, {"file", file}}};

	if (notification_put(g->n->reconciler.spool.root, &notification) < 0)
		complain("cannot store a notification: %s", strerror(errno));
	free(file);
	free(message);
}

int
night_try_again(struct night *n, const struct config_source *source)
{
	struct guarded guarded = {n, source};
	struct pg *pg = n->batch->query.pg;
	int64_t failed = n->rematch.failed, expired = 0;

	n->rematch.held = tell_guarded;
	n->rematch.context = &guarded;
	enum pg_status status = rematch_source(&n->reconciler, source->name, &n->rematch);
	if (status == PG_OK && n->rematch.failed > failed) {
		complain("source %s: %s", source->name, n->rematch.why);
		night_worse(n, EXIT_FAILED);
		return EXIT_CLEAN; /* what was not tried does not expire */
	}
	if (status == PG_OK)
		status =
		    rematch_expire(pg, source->name, n->reconciler.profile.profile->policy.unknown_days, &expired);
	n->expired += expired;
	if (status == PG_OK)
		status = rematch_overtaken(pg, source->name, &n->overtaken);
	return status == PG_OK ? EXIT_CLEAN : query_failed(&n->batch->query, status);
}

/* False, and reported, where the days that count are not known: then nothing is judged by them. */
static bool
keep_term(struct night *n, const struct config_source *source, enum pg_status *ret_status)
{
	const struct profile *profile = n->reconciler.profile.profile;
	char *holidays = night_holidays(n, profile->policy.holidays);

	*ret_status = PG_OK;
	if (holidays == NULL)
		return false;
	*ret_status = deemed_term(n->batch->query.pg, source->name, profile, holidays);
	free(holidays);
	return *ret_status == PG_OK;
}

int
night_terms(struct night *n, const struct config_source *source)
{
	enum pg_status status;

	keep_term(n, source, &status);
	return status == PG_OK ? EXIT_CLEAN : query_failed(&n->batch->query, status);
}

/* "{air,bank}": names of sources are of a-z, 0-9, '-' and '_'. */
static char *
source_names(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return mem_text("{}");
	for (size_t i = 0; i < config->source_count; i++)
		fprintf(out, "%s%s", i ? "," : "{", config->sources[i].name);
	fputs("}", out);
	fclose(out);
	return text;
}

int
night_absence(struct night *n, const struct config_source *source)
{
	const struct policy *policy = &n->reconciler.profile.profile->policy;
	struct pg *pg = n->batch->query.pg;
	char *other = NULL, *sources;
	enum pg_status status;

	if (policy->lists != LISTS_REJECTS || policy->answer_within == 0)
		return EXIT_CLEAN;
	if (!keep_term(n, source, &status))
		return status == PG_OK ? EXIT_CLEAN : query_failed(&n->batch->query, status);
	sources = source_names(n->batch->config);
	status = deemed_unclear(pg, source->name, sources, &other);
	free(sources);
	if (status == PG_OK && other == NULL)
		status = deemed_confirm(pg, source->name, source->partner, &n->deemed);
	if (other != NULL) {
		complain(
		    "source %s: source %s answers for the same redemptions by another profile, so that no response "
		    "means nothing: give each profile its programme",
		    source->name, other);
		night_worse(n, EXIT_USAGE);
		free(other);
	}
	return status == PG_OK ? EXIT_CLEAN : query_failed(&n->batch->query, status);
}
