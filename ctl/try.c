/* try: what would become of a file if it were delivered now.  Nothing is changed. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/compare.h"
#include "ctl/handlers.h"
#include "ctl/subject.h"
#include "lib/base/io.h"
#include "lib/base/paths.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "reconcile/file/job.h"
#include "try/trial.h"

#define RECORDS_PRESET "50"
#define EXPECTED_BYTES ((size_t) 256 << 20)

/* What was shown before; NULL and said why where it is none. */
static struct json *
read_expected(const char *path)
{
	struct json *expected = NULL;
	char *text = NULL;
	size_t len = 0;

	if (io_read_file(AT_FDCWD, path, EXPECTED_BYTES, &text, &len) < 0)
		complain("%s: %s", path, strerror(errno));
	else if (!json_is_map(expected = json_parse(text))) {
		complain("%s: not what `handbackctl try --json` writes", path);
		json_free(expected);
		expected = NULL;
	}
	free(text);
	return expected;
}

static int
show_differences(struct session *s, const struct document *now, const struct json *expected)
{
	struct document *d = document_compare(now, expected);
	int code = session_show(s, d);

	if (code == EXIT_CLEAN && d->tables[0]->rows > 0)
		code = EXIT_PROOF;
	document_free(d);
	return code;
}

static int
try_file(struct session *s, struct reconciler *r, const struct subject *it, const char *limit,
         const struct json *expected)
{
	struct job_result *result = mem_new(1, sizeof(*result));
	struct trial t;

	trial_open(&t, limit);
	const struct job_trial what = {
	    .name = it->name, .file = it->fd, .waived = it->waived, .release_of = it->file_id};
	enum job_end end = trial_run(&t, r, &what, "--all shows every record", result);
	int code;
	if (end == JOB_DONE) {
		code = expected != NULL ? show_differences(s, t.document, expected) : session_show(s, t.document);
		if (code == EXIT_CLEAN && expected == NULL &&
		    (strcmp(result->state, "held") == 0 || result->held > 0))
			code = EXIT_HELD;
	} else {
		complain("%s: %s", it->shown, *result->why ? result->why : pg_why(r->pg));
		code = end == JOB_LOST ? EXIT_UNAVAILABLE : EXIT_FAILED;
	}
	trial_close(&t);
	free(result);
	return code;
}

int
run_try(struct session *s)
{
	struct reconciler *r = mem_new(1, sizeof(*r));
	char buf[24];
	const char *limit = NULL, *missing;
	struct json *expected = NULL;
	struct subject it = {.fd = -1};
	int code = ask_limit(s, RECORDS_PRESET, buf, &limit);

	/* what is compared is compared whole */
	if (s->value[OPT_DIFF] != NULL) {
		limit = NULL;
		expected = read_expected(s->value[OPT_DIFF]);
		code = expected == NULL ? EXIT_USAGE : code;
	}

	r->profiles = -1;
	r->spool = (struct spool){-1, -1, -1, -1};
	profile_cache_open(&r->profile);
	parser_child_open(&r->child);
	if (code == EXIT_CLEAN)
		code = s->value[OPT_HOLD] != NULL ? subject_held(s, &it) : subject_named(s, &it);
	if (code == EXIT_CLEAN)
		code = subject_profile(s, r, &it);
	if (s->config != NULL)
		r->no_landlock = s->config->sandbox == CONFIG_SANDBOX_NO_LANDLOCK;
	if (code == EXIT_CLEAN && (missing = reconciler_find_parsers(r)) != NULL) {
		complain("%s: %s", missing, strerror(errno));
		code = EXIT_INTERNAL;
	}
	if (code == EXIT_CLEAN && s->query.pg == NULL)
		code = session_open(s, SESSION_POSTS);
	if (code == EXIT_CLEAN) {
		r->pg = s->query.pg;
		code = try_file(s, r, &it, limit, expected);
	}
	parser_child_stop(&r->child);
	profile_cache_close(&r->profile);
	if (r->profiles >= 0)
		close(r->profiles);
	if (it.fd >= 0)
		close(it.fd);
	free(it.shown);
	free(it.profile);
	free(r);
	json_free(expected);
	return code;
}
