#include "reconcile/file/job_part.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/spool/archive.h"
#include "lib/spool/copy.h"
#include "reconcile/post/outcomes.h"
#include "lib/db/params.h"
#include "reconcile/post/post.h"
#include "reconcile/file/reason_text.h"
#include "reconcile/post/rejects.h"
#include "reconcile/decide/decide_sql.h"
#include "reconcile/file/file_sql.h"

#define TRANSACTION_TRIES 10
#define SETTLE_TRIES 30
#define TIDY_RECORDS 20000
/* Up to here a file is parsed while the database is asked for it: the pipe has room for what is told. */
#define AHEAD_BYTES (256 << 10)

/* One job in hand. */
struct work {
	struct reconciler *r;
	const struct job *job;
	struct copy copy;
	uint8_t stated[SHA256_BYTES]; /* by its twin, where the job has a suffix for that */
	struct name_facts facts;
	struct delivery delivery;
	struct told told;
	struct posted posted;
	struct effect effect;
	unsigned passed; /* enum pass, or'ed */
	bool synced;     /* the copy's content is on the disk */
	bool has_number; /* of a duplicate: what it repeats had a number */
	int64_t number;
	struct job_result *result;
};

enum pg_status
reconciler_prepare(struct reconciler *r)
{
	enum pg_status status = r->ready ? PG_OK : pg_script(r->pg, sql_work_tables);

	r->ready = status == PG_OK;
	return status;
}

void
reconciler_tidy(struct reconciler *r)
{
	/* for a small file truncating costs more than what it would save the next one */
	if (!r->ready || r->staged < TIDY_RECORDS)
		return;
	if (pg_run(r->pg, sql_work_truncate, 0, NULL, NULL) != PG_OK || decide_rehearse(r->pg) != PG_OK)
		r->ready = false; /* the next file finds out what is wrong */
	r->staged = 0;
	malloc_trim(0); /* what a large file took is the machine's again */
}

static void
pause_ms(unsigned least)
{
	uint16_t random = 0;
	struct timespec t = {.tv_sec = least / 1000};

	/* jitter: rivals that met once shall not meet again */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0;
	t.tv_nsec = (long) (least % 1000) * 1000000 + random * 300L;
	nanosleep(&t, NULL);
}

/* ---- one transaction ---- */

/* Are the bytes those that the partner hashed?  Otherwise why[LIMIT_MESSAGE_BYTES] has both digests. */
static bool
agrees_with_twin(const struct work *w, char *why)
{
	char ours[TEXT_HEX_SIZE(SHA256_BYTES)], stated[TEXT_HEX_SIZE(SHA256_BYTES)];

	if (w->job->checksum == NULL || memcmp(w->stated, w->copy.sha256, SHA256_BYTES) == 0)
		return true;
	snprintf(why, LIMIT_MESSAGE_BYTES, "the checksum file states SHA-256 %s, and the file has %s",
	         text_hex(stated, w->stated, SHA256_BYTES), text_hex(ours, w->copy.sha256, SHA256_BYTES));
	return false;
}

enum known { KNOWN_NOT, KNOWN_RESUME, KNOWN_LEFTOVER, KNOWN_DUPLICATE, KNOWN_OVER };

/* What was decided before of these very bytes, from the columns file, state, hold_reason, records,
 * decided_at. */
static void
take_known(struct work *w, const struct pg_result *r, int first)
{
	const char *state = pg_text(r, 0, first + 1);

	w->posted.file_id = pg_int(r, 0, first);
	w->posted.state = strcmp(state, "held") == 0     ? "held"
	                  : strcmp(state, "posted") == 0 ? "posted"
	                                                 : "duplicate";
	snprintf(w->result->reason, sizeof(w->result->reason), "%s", pg_text(r, 0, first + 2));
	w->effect.records = pg_int(r, 0, first + 3);
	w->posted.decided_at = pg_int(r, 0, first + 4);
}

static enum pg_status
look_up(struct work *w, enum known *ret_known)
{
	char sha256[TEXT_HEX_SIZE(SHA256_BYTES)], name[TEXT_HEX_SIZE(LIMIT_NAME_BYTES)];
	const struct timespec *changed = &w->copy.source.st_ctim;
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;

	param_text(&p, text_hex(sha256, w->copy.sha256, SHA256_BYTES));
	param_text(&p, w->job->source);
	param_text(&p, text_hex(name, w->job->name, strlen(w->job->name)));
	param_int(&p, (int64_t) changed->tv_sec * 1000000 + changed->tv_nsec / 1000);
	status = pg_run_prepared(w->r->pg, sql_file_known, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	*ret_known = KNOWN_NOT;
	if (pg_rows(r) > 0) {
		const char *kind = pg_text(r, 0, 0);

		*ret_known = strcmp(kind, "resume") == 0     ? KNOWN_RESUME
		             : strcmp(kind, "leftover") == 0 ? KNOWN_LEFTOVER
		                                             : KNOWN_DUPLICATE;
		take_known(w, r, 1);
		w->has_number = !pg_null(r, 0, 6);
		w->number = pg_int(r, 0, 6);
	}
	pg_result_free(r);
	return PG_OK;
}

/*
 * The same for a release: may it still go?  Behind the partner's lock, so that the answer holds until the end
 * of the transaction; a hold that ends by itself is ended here.
 */
static enum pg_status
look_up_release(struct work *w, enum known *ret_known)
{
	struct params file = {0}, hold = {0};
	struct pg_result *r;
	enum pg_status status = pg_defer(w->r->pg, sql_partner_lock, 1, &w->job->partner);

	param_int(&file, w->job->release_of);
	if (status == PG_OK)
		status = pg_run_prepared(w->r->pg, sql_release_due, file.n, file.value, &r);
	if (status != PG_OK)
		return status;
	*ret_known = KNOWN_OVER;
	if (pg_rows(r) > 0) {
		const char *kind = pg_text(r, 0, RELEASE_KIND);

		*ret_known = strcmp(kind, "resume") == 0 ? KNOWN_RESUME : KNOWN_NOT;
		if (*ret_known == KNOWN_RESUME)
			take_known(w, r, RELEASE_MADE);
		w->passed = decide_let_pass(pg_text(r, 0, RELEASE_PASSED));
		param_int(&hold, pg_int(r, 0, RELEASE_HOLD));
		if (strcmp(kind, "gap") == 0 || strcmp(kind, "part") == 0)
			status = pg_run_prepared(w->r->pg, sql_release_end, hold.n, hold.value, NULL);
	}
	pg_result_free(r);
	return status;
}

/* A parser that died over the file leaves nothing to go by: it is held, with what is known of the death. */
static void
hold_for_parser(struct effect *effect, struct told *told, const char *why)
{
	told_close(told);
	told_open(told);
	*effect = (struct effect){.hold = "parser_failed"};
	snprintf(effect->message, sizeof(effect->message), "%s", why);
}

static void
tell_stage(const struct work *w, const char *name, int64_t records)
{
	if (w->job->watch.stage != NULL)
		w->job->watch.stage(w->job->watch.context, name, (uint64_t) records);
}

static enum job_end
decide_into(struct work *w, struct decided *decided)
{
	struct reconciler *r = w->r;
	struct decide d = {.pg = r->pg,
	                   .policy = &r->profile.profile->policy,
	                   .told = &w->told,
	                   .profile = w->job->profile,
	                   .name = w->facts,
	                   .release_of = w->job->release_of,
	                   .passed = w->passed,
	                   .decided = decided};
	enum parser_end parsed = PARSER_DONE;
	enum pg_status status;
	enum job_end end;
	char why[LIMIT_MESSAGE_BYTES];
	int file = copy_reopen(&r->spool, &w->copy);

	if (file < 0)
		return job_fail(w->result, "cannot open the copy", strerror(errno));
	end = agrees_with_twin(w, why)
	          ? job_parse(r, file, w->job->name, &w->job->watch, &w->told, &parsed, w->result)
	          : job_refuse(r, "checksum", why, &w->told, w->result);
	close(file);
	if (end != JOB_DONE)
		return end;
	status = post_partner(r->pg, w->job->partner, &d.partner_id);
	if (status == PG_OK && parsed == PARSER_DIED)
		hold_for_parser(&w->effect, &w->told, w->result->why);
	else if (status == PG_OK && parsed == PARSER_PROFILE)
		return JOB_FAILED; /* ours to mend; the file stays */
	else if (status == PG_OK)
		status = decide_file(&d, &w->effect);
	if (status != PG_OK)
		return job_fail_database(r, w->result, status, "cannot decide");
	w->result->why[0] = '\0';
	if (decide_large(&w->told)) /* others take no time */
		tell_stage(w, "decided", w->effect.records);
	switch (post_file(&d, &w->delivery, &w->effect, &w->posted, &status, w->result->why)) {
	case POST_DONE:
		return JOB_DONE;
	case POST_DIFFERENCE:
		return JOB_FAILED;
	case POST_DATABASE:
		break;
	}
	return job_fail_database(r, w->result, status, "cannot post");
}

static enum job_end
decide_and_post(struct work *w)
{
	struct decided *decided = decided_new(w->r->spool.work);
	enum job_end end =
	    decided != NULL ? decide_into(w, decided) : job_fail(w->result, "cannot decide", strerror(ENOMEM));

	decided_free(decided);
	return end;
}

/*
 * Bytes that came before, under a name with another number: that number has come, too, unless they say
 * otherwise themselves.  Read only where files wait for numbers.
 */
static enum job_end
read_number(struct work *w, bool *ret_other)
{
	const struct policy *policy = &w->r->profile.profile->policy;
	enum parser_end parsed = PARSER_DONE;
	enum job_end end;
	int file;

	*ret_other = false;
	if (!w->facts.has_sequence || policy->order_by != ORDER_SEQUENCE || policy->gap != POLICY_HOLD ||
	    (w->has_number && w->number == w->facts.sequence))
		return JOB_DONE;
	file = copy_reopen(&w->r->spool, &w->copy);
	if (file < 0)
		return job_fail(w->result, "cannot open the copy", strerror(errno));
	end = job_parse(w->r, file, w->job->name, &w->job->watch, &w->told, &parsed, w->result);
	close(file);
	if (end == JOB_DONE && parsed == PARSER_PROFILE)
		return JOB_FAILED; /* ours to mend; the file stays */
	w->result->why[0] = end == JOB_DONE ? '\0' : w->result->why[0];
	*ret_other = end == JOB_DONE && parsed == PARSER_DONE && !w->told.end.refused && w->told.refusals == 0 &&
	             w->told.has_sequence;
	return end;
}

static enum job_end
note_duplicate(struct work *w)
{
	int64_t first = w->posted.file_id;
	bool other;
	enum job_end end = read_number(w, &other);
	enum pg_status status;

	if (end != JOB_DONE)
		return end;
	w->effect = (struct effect){0}; /* the other's, not its own */
	w->result->reason[0] = '\0';
	status = post_duplicate(w->r->pg, &w->delivery, first, other ? &w->told.sequence : NULL, &w->posted);
	return status == PG_OK ? JOB_DONE
	                       : job_fail_database(w->r, w->result, status, "cannot note the duplicate");
}

static enum job_end
sync_copy(struct work *w)
{
	if (!w->synced && copy_sync(&w->copy) < 0)
		return job_fail(w->result, "cannot keep the copy", strerror(errno));
	w->synced = true;
	return JOB_DONE;
}

/* While the database is asked for it a small file is parsed, and while it is parsed its copy goes to the
 * disk. */
static enum job_end
work_ahead(struct work *w)
{
	char why[LIMIT_MESSAGE_BYTES];
	int file;

	if (w->copy.bytes > AHEAD_BYTES || w->job->release_of != 0 ||
	    w->r->profile.profile->policy.openpgp.wanted || !agrees_with_twin(w, why))
		return JOB_DONE;
	file = copy_reopen(&w->r->spool, &w->copy);
	if (file < 0)
		return job_fail(w->result, "cannot open the copy", strerror(errno));
	(void) job_give(w->r, file, w->job->name); /* or else when it is its turn */
	close(file);
	return sync_copy(w);
}

/* Everything that is to be true together, up to its COMMIT. */
static enum job_end
transact(struct work *w, enum known *ret_known)
{
	struct reconciler *r = w->r;
	enum pg_status status = pg_begin(r->pg);
	enum job_end end = JOB_DONE;

	told_close(&w->told);
	told_open(&w->told);
	w->effect = (struct effect){0};
	r->status = PG_OK;
	if (status == PG_OK)
		status = w->job->release_of != 0 ? look_up_release(w, ret_known) : look_up(w, ret_known);
	if (status != PG_OK)
		return job_fail_database(r, w->result, status, "cannot look for the file");
	if (*ret_known == KNOWN_RESUME || *ret_known == KNOWN_LEFTOVER)
		return JOB_DONE;
	if (*ret_known == KNOWN_OVER)
		return JOB_GONE;
	end = *ret_known == KNOWN_DUPLICATE ? note_duplicate(w) : decide_and_post(w);
	/* what the database is about to know must be on the disk first */
	return end == JOB_DONE ? sync_copy(w) : end;
}

/* The answer to COMMIT did not come.  PG_OK: it took place; PG_RETRY: it did not; PG_LOST: nobody can say
 * now. */
static enum pg_status
settle(struct reconciler *r)
{
	enum pg_fate fate = PG_FATE_UNKNOWN;

	r->ready = false; /* the connection is another one */
	for (int try = 0; try < SETTLE_TRIES; try++) {
		if (pg_settle_commit(r->pg, &fate) == PG_OK)
			/* unknown: the next transaction finds the file, or does it all again */
			return fate == PG_FATE_COMMITTED ? PG_OK : PG_RETRY;
		pause_ms(1000);
	}
	return PG_LOST;
}

static enum pg_status lock_name(struct reconciler *r, const struct job *job, bool *ret_mine);

/* Runs the transaction until it is committed, cannot be, or has been too often. */
static enum job_end
transact_until_done(struct work *w, enum known *ret_known)
{
	struct reconciler *r = w->r;

	for (int try = 0;; try++) {
		enum job_end end = transact(w, ret_known);
		bool mine = true;

		if (end == JOB_DONE && (*ret_known == KNOWN_NOT || *ret_known == KNOWN_DUPLICATE))
			r->status = pg_commit(r->pg);
		else
			pg_rollback(r->pg);
		if (r->status == PG_DOUBT) {
			r->status = settle(r);
			if (r->status != PG_LOST &&
			    (reconciler_prepare(r) != PG_OK || lock_name(r, w->job, &mine) != PG_OK))
				r->status = PG_LOST;
			if (!mine)
				return JOB_GONE;
		}
		if (r->status == PG_OK)
			return end;
		if (end == JOB_DONE)
			end = job_fail_database(r, w->result, r->status, "cannot commit");
		pg_rollback(r->pg);
		if (r->status != PG_RETRY || try + 1 >= TRANSACTION_TRIES)
			return end;
		r->retries++;
		pause_ms(5u << try);
	}
}

/* ---- after the commit ---- */

/* What the partner is told of records that were not accepted, if it wants to be. */
static enum job_end
answer(struct work *w)
{
	const struct policy *policy = &w->r->profile.profile->policy;
	const struct policy_rejects *rule = &policy->rejects;
	enum job_end end = JOB_DONE;
	int64_t lines;
	enum pg_status status;
	char *text;
	size_t len;

	/* a file that came again was answered when it came */
	if (w->job->answers < 0 || rule->name == NULL || strcmp(w->posted.state, "duplicate") == 0)
		return JOB_DONE;
	status = rejects_text(w->r->pg, policy, w->posted.file_id, &text, &len, &lines);
	if (status != PG_OK)
		return job_fail_database(w->r, w->result, status, "decided, but its rejects cannot be listed");
	w->result->answered = lines > 0 || rule->always;
	if (w->result->answered && rejects_put(w->job->answers, w->job->answer_suffix, rule, w->job->name,
	                                       w->copy.sha256, text, len) < 0) {
		w->result->answered = false;
		job_fail(w->result, "decided, but the file of its rejects cannot be written", strerror(errno));
		/* no later attempt finds another name for it: a warning, then */
		end = errno == EEXIST || errno == ENAMETOOLONG ? JOB_DONE : JOB_FAILED;
	}
	free(text);
	return end;
}

static enum job_end
archive(struct work *w)
{
	struct reconciler *r = w->r;
	bool held = strcmp(w->posted.state, "held") == 0;
	char path[ARCHIVE_PATH_SIZE];
	struct params p = {0};
	enum pg_status status;
	enum job_end end;

	archive_path(path, held, w->posted.file_id, w->copy.sha256, w->posted.decided_at);
	if (held) {
		char *text = NULL;

		status = reason_text(r->pg, w->posted.file_id, &text);
		if (status != PG_OK)
			return job_fail_database(r, w->result, status, "decided, but the .reason file cannot be written");
		if (archive_reason(&r->spool, path, text) < 0) {
			free(text);
			return job_fail(w->result, "decided, but the .reason file cannot be written", strerror(errno));
		}
		free(text);
	}
	/* before the copy: what a restart finds archived it does not look at again */
	end = answer(w);
	if (end != JOB_DONE)
		return end;
	if (archive_copy(&r->spool, &w->copy, path) < 0)
		return job_fail(w->result, "decided, but the copy cannot be archived", strerror(errno));
	/* what lies in quarantine stays: its row says so */
	if (w->job->release_of == 0 && copy_remove_source(w->job->dir, w->job->name, &w->copy) < 0)
		job_fail(w->result, "archived, but the original cannot be removed", strerror(errno));
	/* last: until it stands, the next look or the next start does the rest once more */
	param_int(&p, w->posted.file_id);
	param_text(&p, path);
	status = pg_run_prepared(r->pg, sql_file_archived, p.n, p.value, NULL);
	/* the original is gone: nothing would come back to this file before the next start */
	if (status == PG_LOST && pg_reopen(r->pg) == PG_OK) {
		r->ready = false;
		r->retries++;
		status = pg_run_prepared(r->pg, sql_file_archived, p.n, p.value, NULL);
	}
	if (status != PG_OK)
		return job_fail_database(r, w->result, status, "archived, but that cannot be noted");
	return JOB_DONE;
}

static enum job_end
leftover(struct work *w)
{
	if (copy_remove_source(w->job->dir, w->job->name, &w->copy) < 0) {
		snprintf(w->result->why, sizeof(w->result->why),
		         "it was handled as file %" PRId64 ", and cannot be removed: %s", w->posted.file_id,
		         strerror(errno));
		return JOB_FAILED;
	}
	snprintf(w->result->why, sizeof(w->result->why), "it was handled as file %" PRId64 " and is removed now",
	         w->posted.file_id);
	return JOB_GONE;
}

/* ---- the whole way ---- */

static int64_t
name_key(const struct job *job)
{
	uint8_t text[2 * LIMIT_MESSAGE_BYTES], hash[SHA256_BYTES];
	/* no source has a space in its name */
	int n = job->release_of != 0
	            ? snprintf((char *) text, sizeof(text), "release of %" PRId64, job->release_of)
	            : snprintf((char *) text, sizeof(text), "%s/%s", job->source, job->name);
	int64_t key;

	sha256_of(text, (size_t) n < sizeof(text) ? (size_t) n : sizeof(text) - 1, hash);
	memcpy(&key, hash, sizeof(key));
	return key;
}

static enum pg_status
lock_name(struct reconciler *r, const struct job *job, bool *ret_mine)
{
	struct params p = {0};
	struct pg_result *result;
	enum pg_status status;

	param_int(&p, name_key(job));
	status = pg_run_prepared(r->pg, sql_name_lock, p.n, p.value, &result);
	if (status != PG_OK)
		return status;
	*ret_mine = strcmp(pg_text(result, 0, 0), "t") == 0;
	pg_result_free(result);
	return PG_OK;
}

/* Our copy of the file, and what its twin states. */
static enum job_end
take(struct work *w)
{
	struct reconciler *r = w->r;
	const struct job *job = w->job;
	const char *name = job->kept != NULL ? job->kept : job->name;
	enum copy_end end =
	    copy_take(&r->spool, job->dir, name, r->profile.profile->policy.file_bytes, &w->copy, w->result->why);

	if (end == COPY_DONE && job->checksum != NULL) {
		end = copy_twin(job->dir, job->name, job->checksum, w->stated, w->result->why);
		if (end != COPY_DONE)
			copy_drop(&r->spool, &w->copy);
	}
	switch (end) {
	case COPY_DONE:
		if (job->release_of == 0 || memcmp(job->sha256, w->copy.sha256, SHA256_BYTES) == 0)
			return JOB_DONE;
		copy_drop(&r->spool, &w->copy);
		return job_fail(w->result, "its copy in quarantine is not what was delivered", name);
	case COPY_GONE:
		return JOB_GONE;
	case COPY_BUSY:
		return JOB_BUSY;
	case COPY_FAILED:
		return JOB_FAILED;
	}
	return JOB_DONE;
}

static enum job_end
run_locked(struct reconciler *r, const struct job *job, struct job_result *result)
{
	struct work w = {.r = r,
	                 .job = job,
	                 .delivery = {.source = job->source,
	                              .partner = job->partner,
	                              .profile = job->profile,
	                              .profile_sha256 = r->profile.sha256,
	                              .name = job->name,
	                              .seen_at = job->seen_at,
	                              .release_of = job->release_of},
	                 .result = result};
	enum known known = KNOWN_NOT;
	const char *unfit; /* a name that does not fit is the parser's to refuse */
	enum job_end end;

	w.delivery.facts = &w.facts;
	(void) profile_match_name(r->profile.profile, job->name, strlen(job->name), &w.facts, &unfit);
	end = take(&w);
	if (end != JOB_DONE)
		return end;
	memcpy(w.delivery.sha256, w.copy.sha256, sizeof(w.delivery.sha256));
	w.delivery.bytes = w.copy.bytes;
	told_open(&w.told);
	end = work_ahead(&w);
	if (end == JOB_DONE)
		end = transact_until_done(&w, &known);
	reconciler_stop_given(r); /* of a file that was known already */
	if (end == JOB_DONE) {
		/* the next file of the partner may go to another worker; and its parser loads while this one is
		 * archived: where it cannot, the next file says so */
		tell_stage(&w, "committed", w.effect.records);
		(void) reconciler_start_parser(r);
		end = known == KNOWN_LEFTOVER ? leftover(&w) : archive(&w);
	}
	copy_drop(&r->spool, &w.copy);
	told_close(&w.told);
	if (end == JOB_DONE) {
		result->file_id = w.posted.file_id;
		snprintf(result->state, sizeof(result->state), "%s", w.posted.state);
		result->records = w.effect.records;
		if (w.effect.hold != NULL) {
			snprintf(result->reason, sizeof(result->reason), "%s", w.effect.hold);
		} else {
			result->confirmed = w.effect.confirmed;
			result->reversed = w.effect.reversed;
			result->already_applied = w.effect.already_applied;
			result->duplicate_record = w.effect.duplicate_record;
			result->informational = w.effect.informational;
			result->held = w.effect.held;
			result->points = w.effect.points;
		}
	}
	return end;
}

enum job_end
job_run(struct reconciler *r, const struct job *job, struct job_result *ret)
{
	struct params p = {0};
	enum pg_status status;
	enum job_end end;
	bool mine = false;

	*ret = (struct job_result){0};
	if (profile_cache_load(&r->profile, r->profiles, job->profile, ret->why) < 0)
		return JOB_FAILED;
	if (strcmp(r->profile.profile->policy.partner, job->partner) != 0) {
		snprintf(ret->why, sizeof(ret->why), "the profile %s is for partner %s, and the source for %s",
		         job->profile, r->profile.profile->policy.partner, job->partner);
		return JOB_FAILED;
	}
	status = reconciler_prepare(r);
	if (status == PG_OK)
		status = lock_name(r, job, &mine);
	if (status != PG_OK)
		return job_fail_database(r, ret, status, "cannot lock the name");
	if (!mine) {
		snprintf(ret->why, sizeof(ret->why), "another worker has it");
		return JOB_GONE;
	}
	end = run_locked(r, job, ret);
	param_int(&p, name_key(job));
	if (end != JOB_LOST && pg_run_prepared(r->pg, sql_name_unlock, p.n, p.value, NULL) != PG_OK)
		r->ready = false; /* gone with its session, then */
	return end;
}
