/*
 * A file's way as steps: what each of them is handed, may rely on and leaves behind.  The tables that put
 * them in order are in job.c and job_try.c; only the files of this room include this.
 */
#ifndef HANDBACK_RECONCILE_FILE_JOB_INTERNAL_H
#define HANDBACK_RECONCILE_FILE_JOB_INTERNAL_H

#include "lib/spool/copy.h"
#include "reconcile/decide/decide.h"
#include "reconcile/file/job.h"
#include "reconcile/post/post.h"

/* What the step "known" finds out: which of the other steps are left for the file. */
enum job_known {
	JOB_NEW,      /* it is to be decided: whether or not its bytes came before as something else */
	JOB_REPEATED, /* the same file is posted, or waits as a whole */
	JOB_RESUMED,  /* this delivery was decided, and is not yet archived */
	JOB_ORPHAN    /* this delivery was archived, and its original could not be removed then */
};
#define JOB_OF(known) (1u << (known))
#define JOB_ANY (~0u)

/* One job in hand. */
struct job_work {
	struct reconciler *r;
	const struct job *job;
	struct copy copy;             /* from "copy" on; fd -1: there is none */
	uint8_t stated[SHA256_BYTES]; /* by its sidecar file, where the job has a suffix for that */
	struct name_facts facts;      /* what its name says */
	char statement[NAME_STATEMENT_SIZE];
	struct delivery delivery;          /* whole from "copy" on */
	enum job_known known;              /* JOB_NEW until "known" */
	unsigned waived;                   /* enum waiver, or'ed */
	bool synced;                       /* the copy's content is on the disk */
	char gave_up[LIMIT_MESSAGE_BYTES]; /* why it is tried no more; "": it is */
	/* of this try of the transaction */
	bool counts;                /* it failed by the file's own doing */
	enum parser_end parsed;     /* from "parse" on: PARSER_DONE or PARSER_DIED */
	struct parse_report report; /* from "parse" on */
	struct decided *decided;    /* from "decide" on, to the end of the transaction */
	struct decide decide;       /* from "decide" on */
	struct effect effect;       /* from "decide" on; of JOB_RESUMED its records alone */
	struct posted posted;       /* from "post" on, or from "known" where it was decided before */
	/* what "show" and "act" are for (job_try.c) */
	const struct job_trial *trial;
	struct job_result *result;
};

/*
 * A step: JOB_DONE, and the next one follows; anything else ends the way, with result->why set.  A step may
 * be run again after a crash or another try of the transaction, and then finds done what it had done.
 */
struct job_step {
	const char *name; /* as docs/architecture.md has it */
	enum job_end (*run)(struct job_work *w);
	unsigned of;      /* the files that it is for: JOB_OF, or'ed */
	bool transaction; /* between BEGIN and COMMIT: true with its neighbours or not at all */
};

/* Runs the steps from *step on, up to the first that does not share their transaction; *step is that one. */
enum job_end job_run_steps(struct job_work *w, const struct job_step **step);
/* The same for those of a transaction, again and again until the database takes them or will not. */
enum job_end job_transaction(struct job_work *w, const struct job_step **step);

/* copy: w->copy and w->delivery, and what its sidecar file states.  JOB_GONE, JOB_BUSY, JOB_FAILED as
 * copy_take. */
enum job_end job_copy(struct job_work *w);
/* copy, of a release: from quarantine, and only the bytes that were delivered. */
enum job_end job_copy_kept(struct job_work *w);
/* crashed: that a worker died over it is noted, and may be enough: w->gave_up. */
enum job_end job_crashed(struct job_work *w);
/* ahead: a small file is given to its parser while the database is asked for it, and its copy kept meanwhile.
 */
enum job_end job_ahead(struct job_work *w);
/* known: w->known, and w->posted where it was decided before. */
enum job_end job_known(struct job_work *w);
/* known, of a release: behind the partner's lock, so that the answer holds until the end of the transaction;
 * a hold that ends by itself is ended here.  JOB_GONE: it may not go any more, or has gone. */
enum job_end job_known_release(struct job_work *w);
/* parse: the records in pg_temp.stage and w->report, or in w->report why it is refused. */
enum job_end job_parse(struct job_work *w);
/* decide: w->decided, w->effect. */
enum job_end job_decide(struct job_work *w);
/* post: w->posted. */
enum job_end job_post(struct job_work *w);
/* repeat: w->posted, of a row that has no effect. */
enum job_end job_repeat(struct job_work *w);
/* commit: the copy is on the disk and everything is true.  A COMMIT in doubt is asked for; JOB_GONE: in the
 * meantime the name went to another owner. */
enum job_end job_commit(struct job_work *w);
/* barrier: what was found decided is as sure as our own COMMIT would be. */
enum job_end job_barrier(struct job_work *w);
/* reason: beside a held file's copy, before that is there. */
enum job_end job_reason(struct job_work *w);
/* answer: before the copy is archived: what a restart finds archived it does not look at again. */
enum job_end job_answer(struct job_work *w);
/* archive: the copy where it stays, durably. */
enum job_end job_archive(struct job_work *w);
/* remove: the original; that it cannot be is a warning. */
enum job_end job_remove(struct job_work *w);
/* note: that it is archived.  Last: until it stands, the next look or the next start does the rest once more.
 */
enum job_end job_note(struct job_work *w);
/* orphan: the original of a file that was archived before.  Never JOB_DONE: nothing was decided. */
enum job_end job_remove_orphan(struct job_work *w);

/* The copy's content durably on the disk, once. */
enum job_end job_keep(struct job_work *w);
/* Tells how far it is, where somebody wants to know. */
void job_stage(const struct job_work *w, const char *name, int64_t records);

/* One owner among all workers, gone with its session. */
enum pg_status job_lock(struct reconciler *r, const struct job *job, bool *ret_mine);
void job_unlock(struct reconciler *r);

/*
 * After a failure within the transaction: notes it, where it may be the file's own doing.  True when that is
 * enough: w->gave_up says why, and the transaction is to be run once more, to hold the file.
 */
bool job_gives_up(struct job_work *w);

/* Says why; gives JOB_FAILED. */
enum job_end job_fail(struct job_result *result, const char *what, const char *detail);
/* The same of what the database said, kept in r->status; JOB_LOST where the connection is gone. */
enum job_end job_fail_database(struct reconciler *r, struct job_result *result, enum pg_status status,
                               const char *what);

/*
 * Parses an open file, which may come encrypted or signed, with the profile in r->profile
 * into pg_temp.stage and a report, in the open transaction.  JOB_DONE with *ret_end
 * (PARSER_DONE also where it is refused for its encryption or signature), JOB_FAILED or JOB_LOST.
 */
enum job_end job_read(struct reconciler *r, int file, const char *name, const struct stage_watch *watch,
                      struct parse_report *report, enum parser_end *ret_end, struct job_result *result);
/* The refusal of a file that no parser has seen, as if one had reported it. */
enum job_end job_refuse(struct reconciler *r, const char *rule, const char *message,
                        struct parse_report *report, struct job_result *result);

#endif
