/*
 * The nightly run, in parts.  Each may be done again at any time: what is done
 * already is found so.  Functions that return int give EXIT_CLEAN, or what the
 * program must end with after they have said why on stderr.
 */
#ifndef HANDBACK_CTL_NIGHTLY_H
#define HANDBACK_CTL_NIGHTLY_H

#include "ctl/session.h"
#include "reconcile/rematch/absence.h"
#include "reconcile/file/job.h"
#include "reconcile/rematch/later.h"
#include "lib/spool/retention.h"

struct config_source;

struct nightly {
	struct session *session;
	struct reconciler reconciler; /* its profile: the source's that is looked at */
	int code;                     /* the worst so far that does not stop the run */
	int64_t missing;              /* expected files that this run found missing */
	struct later later;           /* of all sources */
	int64_t expired;              /* records whose redemption was never known, closed by this run */
	struct absence absence;       /* of all sources */
	struct retention retention;   /* what the plan counted, then what was removed */
	struct document *plan;
	struct table *sources, *overdue, *reports; /* of the plan */
};

/* All files that are due, by the daemon that runs or by one for once; then how polling each source went.
 */
int nightly_files(struct nightly *n);

/* Each source with its profile loaded into n->reconciler; a profile that cannot be used is told and left out.
 */
int nightly_each_source(struct nightly *n,
                        int (*part)(struct nightly *n, const struct config_source *source));

/* Something failed that does not stop the run: it ends with the worst of those. */
void nightly_worse(struct nightly *n, int code);

/* Records whose redemption was unknown: those that fit one now are decided, those that are too old are
 * closed. */
int nightly_try_again(struct nightly *n, const struct config_source *source);

/* The profile's terms of answering, written down where they have changed. */
int nightly_terms(struct nightly *n, const struct config_source *source);

/* What a partner that lists its rejects has not rejected. */
int nightly_absence(struct nightly *n, const struct config_source *source);

/* As holidays_read; NULL is said, and makes the night's exit status EXIT_USAGE. */
char *nightly_holidays(struct nightly *n, const char *name);

/* The report of a day (2026-01-31) under its own name, unless it is there. */
int nightly_report(struct nightly *n, const char *day);
bool nightly_has_report(const struct session *s, const char *day);

/* Copies that retention.archive and retention.quarantine let go: a table of the plan; then they go. */
int nightly_plan_retention(struct nightly *n, struct document *d);
int nightly_retention(struct nightly *n);

/* When the night was last here, for the daemon's metrics: spool/nightly.prom, replaced as a whole. */
int nightly_metrics(struct nightly *n);

#endif
