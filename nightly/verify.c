/*
 * handback-verify: checks everything that was ever posted against its proof.
 * Its database role only reads, and locks nothing that anybody waits for.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/gauges.h"
#include "lib/base/paths.h"
#include "lib/base/text.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/proof/verify/verify.h"
#include "lib/protocol/notification.h"
#include "nightly/batch.h"
#include "nightly/checkpoints.h"
#include "nightly/moment.h"

#define ROLE "handback_verify"
#define ROLES "{handback_verify,handback_finance}" /* a person's login has the other */

static const struct column verified_columns[] = {
    {"result", "Result", COLUMN_WORD, 0, 0, NULL},
    {"heads", "Heads", COLUMN_NUMBER, 0, 0, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"files", "Kept files", COLUMN_NUMBER, 0, 0, NULL},
    {"bytes", "their bytes", COLUMN_NUMBER, 0, 0, NULL},
    {"purged", "Purged by retention", COLUMN_NUMBER, 0, 0, NULL},
    {"elsewhere", "In other spools", COLUMN_NUMBER, 0, 0, NULL},
    {"balances", "Balances", COLUMN_TEXT, 0, 0, NULL},
    {"checkpoints", "Checkpoints that fit", COLUMN_NUMBER, 0, 0, NULL},
    {"checkpoint_heads", "heads of the newest", COLUMN_NUMBER, 0, 0, NULL},
    {"head_no", "Last head", COLUMN_NUMBER, 0, 0, NULL},
    {"head_hash", "its hash", COLUMN_TEXT, 0, 0, NULL},
};

static const struct column difference_columns[] = {
    {"part", "Differs", COLUMN_TEXT, 0, 0, NULL},
    {"head_no", "Head", COLUMN_NUMBER, 0, 0, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "Name", COLUMN_NAME, 0, 0, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"first_byte", "First byte", COLUMN_NUMBER, 0, 0, NULL},
    {"last_byte", "Last byte", COLUMN_NUMBER, 0, 0, NULL},
    {"message", "What", COLUMN_SENTENCE, 0, 0, NULL},
    {"id", "Called", COLUMN_TEXT, 0, 0, NULL},
};

static const struct column accepted_columns[] = {
    {"part", "Differs", COLUMN_TEXT, 0, 0, NULL},
    {"head_no", "Head", COLUMN_NUMBER, 0, 0, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"message", "What", COLUMN_SENTENCE, 0, 0, NULL},
    {"accepted_by", "Accepted by", COLUMN_SENTENCE, 0, 0, NULL},
    {"id", "Called", COLUMN_TEXT, 0, 0, NULL},
};

/* The bar on stderr, from one part of the work to the next. */
struct watch {
	const struct batch *batch;
	struct progress bar;
	const char *what;
};

static void
on_progress(void *context, const char *what, const char *unit, int64_t done, int64_t total)
{
	struct watch *w = context;

	if (w->what != what) {
		progress_end(&w->bar);
		progress_start(&w->bar, &w->batch->terminal, what, unit, total);
		w->what = what;
	}
	progress_at(&w->bar, done);
}

/* The number as text in buf; NULL where it is not known (below least). */
static const char *
number_or_null(char buf[24], int64_t number, int64_t least)
{
	snprintf(buf, 24, "%" PRId64, number);
	return number < least ? NULL : buf;
}

static void
add_counts(struct document *d, const struct verify *v, bool equal)
{
	const struct verify_counts *c = &v->counts;
	struct table *t = document_add(d, "verified", NULL, TABLE_FACTS, COLUMNS(verified_columns));
	char heads[24], records[24], files[24], bytes[24], purged[24], elsewhere[24], head_no[24],
	    checkpoints[24], newest[24];
	const char *cells[] = {equal ? "ok" : "differs",
	                       number_or_null(heads, c->heads, 0),
	                       number_or_null(records, c->records, 0),
	                       v->spool < 0 ? NULL : number_or_null(files, c->files, 0),
	                       v->spool < 0 ? NULL : number_or_null(bytes, c->bytes, 0),
	                       number_or_null(purged, c->purged, 1),
	                       number_or_null(elsewhere, c->elsewhere, 1),
	                       !equal        ? NULL
	                       : c->balances ? "equal to the sums of the entries"
	                                     : "not in this ledger",
	                       v->checkpoints == NULL ? NULL : number_or_null(checkpoints, c->checkpoints, 0),
	                       number_or_null(newest, c->checkpoint_heads, 1),
	                       number_or_null(head_no, c->head_no, 1),
	                       *c->head_hash ? c->head_hash : NULL};

	table_row(t, cells);
	if (equal && v->spool < 0)
		table_note(
		    t, mem_text("Kept files were not looked at: there is no configuration to say where they are."));
	if (equal && c->purged)
		table_note(
		    t, mem_format("%" PRId64 " files were purged by retention on %s%s%s, by the events of the audit "
		                  "trail; their hashes are proven, their bytes are no longer there.",
		                  c->purged, c->purged_first, strcmp(c->purged_first, c->purged_last) ? " to " : "",
		                  strcmp(c->purged_first, c->purged_last) ? c->purged_last : ""));
	if (equal && c->elsewhere)
		table_note(
		    t, mem_format(
		           "%" PRId64
		           " files are of sources that this configuration does not have (%s is the first), and are "
		           "not in this spool: audit verify where they are looks at their bytes.",
		           c->elsewhere, c->elsewhere_source));
	if (equal && c->waiting)
		table_note(t, mem_format("%" PRId64
		                         " files are decided and not archived yet; their bytes were not looked at.",
		                         c->waiting));
}

static void
add_difference(struct table *t, const struct verify_difference *f)
{
	char head[24], file[24], record[24], first[24], last[24];
	bool range = f->byte_offset >= 0 && f->byte_length > 0;
	const char *cells[] = {f->part,
	                       number_or_null(head, f->head_no, 1),
	                       number_or_null(file, f->file_id, 1),
	                       *f->file ? f->file : NULL,
	                       number_or_null(record, f->record_no, 1),
	                       range ? number_or_null(first, f->byte_offset, 0) : NULL,
	                       range ? number_or_null(last, f->byte_offset + f->byte_length - 1, 0) : NULL,
	                       f->message,
	                       f->id};

	table_row(t, cells);
}

/* One that nobody accepted; of those that are only counted, the last that is kept. */
static const struct verify_difference *
first_open(const struct verify *v)
{
	int64_t kept = v->count < VERIFY_KEPT ? v->count : VERIFY_KEPT, i = 0;

	while (i < kept - 1 && v->found[i].accepted)
		i++;
	return &v->found[i];
}

/* What two people have explained stays in sight, and is no difference any more. */
static void
add_accepted(struct document *d, const struct verify *v)
{
	int64_t kept = v->count < VERIFY_KEPT ? v->count : VERIFY_KEPT;
	char head[24], file[24], record[24];

	if (v->accepted == 0)
		return;
	struct table *t = document_add(d, "accepted", "Differences that two people accepted", TABLE_ROWS,
	                               COLUMNS(accepted_columns));
	for (int64_t i = 0; i < kept; i++) {
		const struct verify_difference *f = &v->found[i];
		if (f->accepted)
			table_row(t, (const char *[]){f->part, number_or_null(head, f->head_no, 1),
			                              number_or_null(file, f->file_id, 1),
			                              number_or_null(record, f->record_no, 1), f->message, f->accepted_by,
			                              f->id});
	}
}

/* The first one by itself, and all of them where there are more. */
static void
add_differences(struct document *d, const struct verify *v)
{
	int64_t shown = v->count < VERIFY_KEPT ? v->count : VERIFY_KEPT, open = v->count - v->accepted;

	add_difference(document_add(d, "difference", open > 1 ? "The first difference" : "The difference",
	                            TABLE_FACTS, COLUMNS(difference_columns)),
	               first_open(v));
	if (open == 1)
		return;
	struct table *t =
	    document_add(d, "differences", "All differences", TABLE_ROWS, COLUMNS(difference_columns));
	for (int64_t i = 0; i < shown; i++)
		if (!v->found[i].accepted)
			add_difference(t, &v->found[i]);
	if (v->count > shown)
		table_note(t, mem_format("%" PRId64 " differences were found; the first %" PRId64 " are listed.",
		                         v->count, shown));
}

/* The spool, where a configuration says where it is. */
static int
open_spool(struct batch *b, int *ret_spool)
{
	if (b->conninfo != NULL && !b->path_given && access(PATHS_CONFIG, R_OK) < 0) {
		*ret_spool = -1;
		return EXIT_CLEAN;
	}
	int code = batch_config(b);
	if (code != EXIT_CLEAN)
		return code;
	*ret_spool = open(b->config->spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_spool >= 0)
		return EXIT_CLEAN;
	complain("the spool: %s: %s", b->config->spool, strerror(errno));
	return EXIT_UNAVAILABLE;
}

/* What the chain is now goes where the database's owner cannot change it: signed, into the file, and to
 * people. */
static int
sign_now(const struct checkpoints *c, const struct verify *v, struct document *d)
{
	char text[CHECKPOINT_SIZE], *subject, *message;
	int code;

	if (!c->signs || v->checkpoints != c->file || v->chain_differs ||
	    v->now.heads <= v->counts.checkpoint_heads)
		return EXIT_CLEAN;
	code = checkpoints_append(c, &v->now, text);
	if (code != EXIT_CLEAN)
		return code;
	checkpoints_show(d, text);
	subject = mem_format("%" PRId64 " heads", v->now.heads);
	message = mem_format("a checkpoint of the proof, to be kept elsewhere: %" PRId64 " heads", v->now.heads);
	const struct notification notification = {
	    .kind = "checkpoint", .subject = subject, .message = message, .fields = {{"checkpoint", text}}};
	if (v->spool >= 0 && notification_put(v->spool, &notification) < 0)
		complain("cannot store a notification: %s", strerror(errno));
	free(subject);
	free(message);
	return EXIT_CLEAN;
}

/* A person should hear of it, also where nobody looks at what this run prints. */
static void
keep_notification(const struct verify *v)
{
	const struct verify_difference *found = first_open(v);
	const struct notification notification = {
	    .kind = "audit_failure",
	    .subject = found->message,
	    .message = "the proof has a difference: handbackctl audit verify",
	    .fields = {{"part", found->part}, {"difference", found->message}}};

	if (v->spool >= 0 && notification_put(v->spool, &notification) < 0)
		complain("cannot store a notification: %s", strerror(errno));
}

/* Also what nobody started for long is seen. */
static void
keep_moment(const struct verify *v)
{
	if (v->spool >= 0 &&
	    moment_keep(v->spool, GAUGES_VERIFY, "verify", "When the proof was last found to be whole") < 0)
		complain("when this was cannot be kept for the metrics: %s", strerror(errno));
}

static int
tell_verified(const struct batch *b, const struct checkpoints *c, const struct verify *v, enum verify_end end)
{
	if (end == VERIFY_DATABASE)
		return query_failed(&b->query, v->status);
	if (end == VERIFY_HIDDEN) {
		complain("the balances cannot be checked: this login may not read %s; use one in the role %s",
		         v->hidden, ROLE);
		return EXIT_UNAVAILABLE;
	}
	if (end == VERIFY_MEMORY) {
		complain("out of memory");
		return EXIT_INTERNAL;
	}
	struct document *d = document_new("verify", NULL);
	if (end == VERIFY_DIFFERS) {
		add_differences(d, v);
		keep_notification(v);
	} else
		keep_moment(v);
	add_accepted(d, v);
	add_counts(d, v, end == VERIFY_EQUAL);
	int signed_code = sign_now(c, v, d), code = batch_show(b, d);
	document_free(d);
	if (code != EXIT_CLEAN)
		return code;
	if (signed_code != EXIT_CLEAN && end == VERIFY_EQUAL)
		return signed_code;
	return end == VERIFY_EQUAL ? EXIT_CLEAN : EXIT_PROOF;
}

/* "N:HASH" of --head. */
static int
ask_known_head(const struct batch *b, struct verify *v)
{
	const char *said = b->head, *colon = said != NULL ? strchr(said, ':') : NULL;
	uint8_t hash[SHA256_BYTES];
	size_t len = 0;

	if (said == NULL)
		return EXIT_CLEAN;
	char *number = mem_part(said, colon != NULL ? (size_t) (colon - said) : 0);
	bool good = colon != NULL && text_int(number, 1, INT64_MAX, &v->known_head) &&
	            text_unhex(hash, sizeof(hash), colon + 1, &len) && len == sizeof(hash);
	free(number);
	if (!good) {
		complain("--head %s: it is a head's number, a colon and its hash", said);
		return EXIT_USAGE;
	}
	text_hex(v->known_hash, hash, sizeof(hash));
	return EXIT_CLEAN;
}

static int
verify(struct batch *b, const struct checkpoints *c, struct verify *v)
{
	struct watch watch = {.batch = b};
	enum verify_end end = VERIFY_DATABASE;
	enum pg_status status;
	int code;

	v->pg = b->query.pg;
	v->progress = on_progress;
	v->context = &watch;
	status = pg_begin_snapshot(v->pg);
	if (status == PG_OK)
		end = verify_run(v);
	else
		v->status = status;
	progress_end(&watch.bar);
	code = tell_verified(b, c, v, end);
	pg_rollback(v->pg);
	return code;
}

/* Whose files this spool has to have; another's has those of others. */
static const char **
name_sources(const struct config *config, size_t *ret_count)
{
	const char **names = mem_new(config->source_count + 1, sizeof(*names));

	for (size_t i = 0; i < config->source_count; i++)
		names[i] = config->sources[i].name;
	*ret_count = config->source_count;
	return names;
}

/* A lock on a standby keeps no nightly run from removing what is old while we look. */
static void
leave_spool(const struct batch *b, struct verify *v)
{
	complain("read from the standby %s: as of the last change that it has%s", pg_server(b->query.pg),
	         v->spool >= 0 ? "; kept files are looked at from the primary alone" : "");
	if (v->spool >= 0)
		close(v->spool);
	v->spool = -1;
}

static int
run(struct batch *b)
{
	struct verify *v = mem_new(1, sizeof(*v));
	struct checkpoints *c = mem_new(1, sizeof(*c));
	const char **sources = NULL;
	int code;

	v->spool = -1;
	code = ask_known_head(b, v);
	if (code == EXIT_CLEAN)
		code = open_spool(b, &v->spool);
	if (code == EXIT_CLEAN && b->checkpoints != NULL)
		code = batch_config(b); /* the keys are there */
	if (code == EXIT_CLEAN)
		code = checkpoints_open(b, true, c);
	if (code == EXIT_CLEAN)
		code = batch_open(b, ROLES, ROLE, false);
	if (code == EXIT_CLEAN && pg_is_standby(b->query.pg))
		leave_spool(b, v);
	if (code == EXIT_CLEAN && v->spool >= 0)
		v->sources = sources = name_sources(b->config, &v->source_count);
	v->checkpoints = b->checkpoints != NULL ? b->checkpoints : c->file;
	v->checkpoints_may_be_missing = b->checkpoints == NULL;
	v->keys = c->keys;
	v->key_count = c->count;
	if (code == EXIT_CLEAN)
		code = verify(b, c, v);
	if (v->spool >= 0)
		close(v->spool);
	verify_free(v);
	free(sources);
	explicit_bzero(c, sizeof(*c));
	free(c);
	free(v);
	return code;
}

int
main(int argc, char **argv)
{
	struct batch batch;
	bool go;
	int code = batch_start(&batch, argc, argv, "head", &go);

	if (go)
		code = run(&batch);
	batch_end(&batch);
	return code;
}
