/* The steps that are true together or not at all, run again until the database takes them, and the step
 * "commit". */
#include <sys/random.h>
#include <time.h>

#include "reconcile/file/job_internal.h"

#define TRANSACTION_TRIES 10
#define SETTLE_TRIES 30

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

enum job_end
job_commit(struct job_work *w)
{
	struct reconciler *r = w->r;
	/* what the database is about to know must be on the disk first */
	enum job_end end = job_keep(w);
	bool mine = true;

	if (end != JOB_DONE)
		return end;
	r->status = pg_commit(r->pg);
	if (r->status == PG_DOUBT) {
		r->status = settle(r);
		if (r->status != PG_LOST && (reconciler_prepare(r) != PG_OK || job_lock(r, w->job, &mine) != PG_OK))
			r->status = PG_LOST;
		if (!mine) {
			r->status = PG_OK; /* the other owner sees to it */
			return JOB_GONE;
		}
	}
	return r->status == PG_OK ? JOB_DONE : job_fail_database(r, w->result, r->status, "cannot commit");
}

/* Who decided it may have died while its COMMIT waited for a standby. */
enum job_end
job_barrier(struct job_work *w)
{
	struct reconciler *r = w->r;

	r->status = pg_barrier(r->pg);
	return r->status == PG_OK ? JOB_DONE
	                          : job_fail_database(r, w->result, r->status,
	                                              "decided, but the database cannot say that for good");
}

/* Nothing of an earlier try. */
static void
begin(struct job_work *w)
{
	parse_report_close(&w->report);
	parse_report_open(&w->report);
	w->effect = (struct effect){0};
	w->parsed = PARSER_DONE;
	w->counts = false;
	w->r->status = PG_OK;
	w->r->refused = false;
}

static enum job_end
run_once(struct job_work *w, const struct job_step **step)
{
	struct reconciler *r = w->r;
	enum pg_status status = pg_begin(r->pg);
	enum job_end end;

	begin(w);
	end = status == PG_OK ? job_run_steps(w, step)
	                      : job_fail_database(r, w->result, status, "cannot look for the file");
	decided_free(w->decided);
	w->decided = NULL;
	/* where it was committed there is none to roll back */
	pg_rollback(r->pg);
	return end;
}

enum job_end
job_transaction(struct job_work *w, const struct job_step **step)
{
	struct reconciler *r = w->r;
	const struct job_step *first = *step;

	for (int try = 0;; try++) {
		enum job_end end;

		*step = first;
		end = run_once(w, step);
		if (r->status != PG_RETRY || try + 1 >= TRANSACTION_TRIES)
			return end;
		r->retries++;
		pause_ms(5u << try);
	}
}
