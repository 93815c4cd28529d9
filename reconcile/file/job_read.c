/* How a file gets into pg_temp.stage: decrypted where it is encrypted, and by a parser that may die over it.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/sandbox/landlock.h"
#include "reconcile/decide/decide_sql.h"
#include "reconcile/file/decrypt.h"
#include "reconcile/file/job_internal.h"

#define PARSER_TRIES 3

/* What is known of a file before a parser says anything of it.  False where the kernel does not answer. */
static bool
know_file(const struct reconciler *r, int file, const char *name, struct parse_given *ret)
{
	const struct profile *profile = r->profile.profile;
	const char *unfit;
	struct stat st;

	if (fstat(file, &st) < 0)
		return false;
	*ret = (struct parse_given){.file_bytes = st.st_size,
	                            .content_bytes = profile_content_most(profile, st.st_size),
	                            .packed = profile_packed(profile),
	                            .landlock_version = landlock_version(),
	                            .no_landlock = r->no_landlock};
	ret->name_fits = profile_match_name(profile, name, strlen(name), &ret->name, &unfit);
	return ret->landlock_version >= 0;
}

static enum job_end
parse_once(struct reconciler *r, int file, const char *name, const struct stage_watch *watch,
           struct parse_report *report, enum parser_end *ret_end, struct job_result *result)
{
	enum pg_status status = PG_OK;
	const char *broken = NULL;
	enum stage_end staged;
	struct parse_given given;

	if (!know_file(r, file, name, &given))
		return job_fail(result, "cannot hand the file to the parser", strerror(errno));
	if (!r->child.given && reconciler_give(r, file, name) < 0) {
		job_fail(result, "cannot hand the file to a parser", strerror(errno));
		parser_child_stop(&r->child);
		*ret_end = PARSER_DISTURBED;
		return JOB_DONE;
	}
	/* while it begins */
	status = pg_run_prepared(r->pg, sql_work_clear, 0, NULL, NULL);
	if (status != PG_OK) {
		parser_child_stop(&r->child);
		return job_fail_database(r, result, status, "cannot make room for the records");
	}
	staged = stage_file(r->pg, r->child.frames, &given, &r->profile.profile->policy, watch, report, &broken,
	                    &status);
	if (staged == STAGE_DATABASE) {
		parser_child_stop(&r->child);
		return job_fail_database(r, result, status, "cannot stage the records");
	}
	if (staged == STAGE_UNREAD) {
		job_fail(result, "cannot hear the parser", broken);
		parser_child_stop(&r->child);
		*ret_end = PARSER_DISTURBED;
		return JOB_DONE;
	}
	*ret_end = parser_child_end(&r->child, broken, result->why);
	/* before it reported its sandbox it had not read a byte of the file: whatever ended it, the file did not
	 */
	if (*ret_end == PARSER_DIED && !report->sandboxed)
		*ret_end = PARSER_DISTURBED;
	return JOB_DONE;
}

enum job_end
job_refuse(struct reconciler *r, const char *rule, const char *message, struct parse_report *report,
           struct job_result *result)
{
	const struct frame refusal = {.kind = FRAME_REFUSAL,
	                              .refusal = {.rule = {rule, (uint32_t) strlen(rule)},
	                                          .message = {message, (uint32_t) strlen(message)}}};
	const struct frame end = {.kind = FRAME_END, .end = {.refused = true}};
	const struct parse_given nothing = {0};

	parse_report_close(report);
	parse_report_open(report);
	if (parse_report_take(report, &nothing, &refusal) != NULL ||
	    parse_report_take(report, &nothing, &end) != NULL)
		return job_fail(result, "cannot refuse the file", "out of memory");
	r->status = pg_run_prepared(r->pg, sql_work_clear, 0, NULL, NULL); /* no other file's records */
	return r->status == PG_OK ? JOB_DONE : job_fail_database(r, result, r->status, "cannot refuse the file");
}

/* Parses into pg_temp.stage; a parser that was disturbed from outside is no fault of the file's. */
static enum job_end
parse_plain(struct reconciler *r, int file, const char *name, const struct stage_watch *watch,
            struct parse_report *report, enum parser_end *ret_end, struct job_result *result)
{
	enum job_end end = JOB_DONE;

	for (int try = 0; try < PARSER_TRIES; try++) {
		parse_report_close(report);
		parse_report_open(report);
		end = parse_once(r, file, name, watch, report, ret_end, result);
		r->staged += (int64_t) report->end.records;
		if (end != JOB_DONE || *ret_end != PARSER_DISTURBED)
			break;
	}
	return end == JOB_DONE && *ret_end == PARSER_DISTURBED ? JOB_FAILED : end;
}

enum job_end
job_read(struct reconciler *r, int file, const char *name, const struct stage_watch *watch,
         struct parse_report *report, enum parser_end *ret_end, struct job_result *result)
{
	const struct profile *profile = r->profile.profile;
	bool exhausted = false;
	const struct decrypt_wish wish = {.work = r->spool.work,
	                                  .profiles = r->profiles,
	                                  .profile = profile->name,
	                                  .rule = &profile->policy.openpgp,
	                                  .file = file,
	                                  .bytes = lseek(file, 0, SEEK_END),
	                                  .file_bytes = profile->policy.file_bytes,
	                                  .no_landlock = r->no_landlock,
	                                  .exhausted = &exhausted};
	char why[LIMIT_MESSAGE_BYTES];
	enum decrypt_message decrypted;
	enum job_end end;
	int plain;

	if (!profile->policy.openpgp.wanted || wish.bytes == 0) /* the parser says that it is empty */
		return parse_plain(r, file, name, watch, report, ret_end, result);
	decrypted = decrypt(&wish, &plain, why);
	if (decrypted == DECRYPT_REFUSED) {
		*ret_end = PARSER_DONE;
		return job_refuse(r, "openpgp", why, report, result);
	}
	if (decrypted != DECRYPT_DONE) {
		end = job_fail(result, "cannot decrypt the file", why);
		*ret_end = exhausted ? PARSER_EXHAUSTED : PARSER_DISTURBED;
		return exhausted ? JOB_DONE : end;
	}
	end = parse_plain(r, plain, name, watch, report, ret_end, result);
	close(plain);
	return end;
}
