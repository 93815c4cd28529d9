#include "reconcile/file/reconciler.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/limits.h"
#include "lib/base/paths.h"
#include "lib/base/text.h"
#include "lib/db/params.h"
#include "reconcile/decide/decide.h"
#include "reconcile/decide/decide_sql.h"
#include "reconcile/file/file_sql.h"

#define TIDY_RECORDS 20000

enum pg_status
reconciler_prepare(struct reconciler *r)
{
	enum pg_status status = r->ready ? PG_OK : pg_script(r->pg, sql_work_tables);

	r->ready = status == PG_OK;
	return status;
}

enum pg_status
reconciler_keep_rules(struct reconciler *r)
{
	struct params p = {0};
	struct stat st;
	enum pg_status status = PG_LOST;

	if (r->profile.kept)
		return PG_OK;
	if (fstat(r->profile.text, &st) < 0 || st.st_size > LIMIT_PROFILE_BYTES)
		return PG_LOST;
	size_t len = (size_t) st.st_size;
	char *text = malloc(len + 1), *hex = malloc(TEXT_HEX_SIZE(len));
	if (text != NULL && hex != NULL && pread(r->profile.text, text, len, 0) == (ssize_t) len) {
		param_text(&p, text_hex(hex, text, len));
		status = pg_run(r->pg, sql_keep_rules, p.n, p.value, NULL);
		r->profile.kept = status == PG_OK;
	}
	free(text);
	free(hex);
	return status;
}

enum pg_status
reconciler_warm_up(struct reconciler *r)
{
	enum pg_status status = pg_run(r->pg, sql_refresh_statistics, 0, NULL, NULL);

	return status == PG_OK ? decide_warm_up(r->pg) : status;
}

void
reconciler_tidy(struct reconciler *r)
{
	/* for a small file truncating costs more than what it would save the next one */
	if (!r->ready || r->staged < TIDY_RECORDS)
		return;
	if (pg_run(r->pg, sql_work_truncate, 0, NULL, NULL) != PG_OK || reconciler_warm_up(r) != PG_OK)
		r->ready = false; /* the next file finds out what is wrong */
	r->staged = 0;
	malloc_trim(0); /* what a large file took is the machine's again */
}

const char *
reconciler_find_parsers(struct reconciler *r)
{
	if (!paths_program(r->parser, sizeof(r->parser), "handback-parse"))
		return "handback-parse";
	if (!paths_program(r->parser_xml, sizeof(r->parser_xml), "handback-parse-xml"))
		return "handback-parse-xml";
	return NULL;
}

int
reconciler_start_parser(struct reconciler *r)
{
	const struct profile *last = r->profile.profile;
	bool xml = last != NULL && strcmp(profile_program(last), "handback-parse-xml") == 0;

	return parser_child_start(&r->child, xml ? r->parser_xml : r->parser, r->profile.text);
}

int
reconciler_give(struct reconciler *r, int file, const char *name)
{
	struct stat st;

	if (lseek(file, 0, SEEK_SET) < 0 || fstat(file, &st) < 0 || reconciler_start_parser(r) < 0)
		return -1;
	return parser_child_give(&r->child, file, st.st_size, r->profile.text, name, r->no_landlock);
}

void
reconciler_stop_given(struct reconciler *r)
{
	if (r->child.given)
		parser_child_stop(&r->child);
}
