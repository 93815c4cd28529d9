/*
 * The nightly run, in parts.  Each may be done again at any time: what is done
 * already is found so.  Functions that return int give EXIT_CLEAN, or what the
 * program must end with after they have said why on stderr.
 */
#ifndef HANDBACK_NIGHTLY_NIGHT_H
#define HANDBACK_NIGHTLY_NIGHT_H

#include "lib/spool/retention.h"
#include "nightly/batch.h"
#include "reconcile/file/job.h"
#include "reconcile/rematch/deemed.h"
#include "reconcile/rematch/rematch.h"

struct config_source;

struct night {
	struct batch *batch;
	struct reconciler reconciler; /* its profile: the source's that is looked at */
	int code;                     /* the worst so far that does not stop the run */
	int64_t missing;              /* expected files that this run found missing */
	struct rematch rematch;       /* of all sources */
	int64_t overtaken;            /* holds that ended, their redemptions being settled otherwise */
	int64_t expired;              /* records whose redemption was never known, closed by this run */
	struct deemed deemed;         /* of all sources */
	struct retention retention;   /* what the plan counted, then what was removed */
	int64_t deliveries;           /* to targets: the same */
	struct document *plan;
	struct table *sources, *overdue, *reports; /* of the plan */
};

/* What is expected, and how it stands. */
#define NIGHT_EXPECTED_COLUMNS 7
extern const struct column night_expected_columns[NIGHT_EXPECTED_COLUMNS];

/* Makes the plan and shows it. */
int night_plan(struct night *n);

/* Shows the plan, or what was done: of a run that does something both are one JSON document, under these
 * keys. */
int night_show(const struct night *n, const struct document *d, const char *key);

/* All files that are due, by the daemon that runs or by one for once; then how polling each source went.
 */
int night_files(struct night *n);

/* Each source with its profile loaded into n->reconciler; a profile that cannot be used is reported and left
 * out.
 */
int night_each_source(struct night *n, int (*part)(struct night *n, const struct config_source *source));

/* Something failed that does not stop the run: it ends with the worst of those. */
void night_worse(struct night *n, int code);

/* Files that a source expects up to tomorrow; then those that are overdue are missing. */
int night_issues(struct night *n, const struct config_source *source);
int night_missing(struct night *n, const struct config_source *source);

/* Records whose redemption was unknown: those that fit one now are decided, those that are too old are
 * closed. */
int night_try_again(struct night *n, const struct config_source *source);

/* The profile's terms of answering, written down where they have changed. */
int night_terms(struct night *n, const struct config_source *source);

/* Tokens of shops that end within two weeks, or have ended. */
int night_tokens(struct night *n);

/* What a partner that lists its rejects has not rejected. */
int night_absence(struct night *n, const struct config_source *source);

/* As holidays_read; NULL is said, and makes the night's exit status EXIT_USAGE. */
char *night_holidays(struct night *n, const char *name);

/* Systems that are told and stopped, did not take something, or are a day behind: notifications, once each.
 */
int night_targets(struct night *n);

/* Points requests that wait too long: for two people, for a file, for the partner: notifications, once each.
 */
int night_points(struct night *n);

/* Transactional reports by schedule: a table of the plan; then those that are due are written, and told of.
 */
#define NIGHT_SCHEDULED_COLUMNS 4
extern const struct column night_scheduled_columns[NIGHT_SCHEDULED_COLUMNS];
int night_schedules(struct night *n);

/* The report of a day (2026-01-31) under its own name, unless it is there. */
int night_report(struct night *n, const char *day);
bool night_has_report(const struct night *n, const char *day);

/* Copies that retention.archive and retention.quarantine let go: a table of the plan; then they go. */
int night_count_retention(struct night *n, struct document *d);
int night_retention(struct night *n);
/* The same of what targets were told (retention.deliveries); before they are read back, which needs it. */
int night_deliveries(struct night *n);

/* When the night was last here, for the daemon's metrics: spool/nightly.prom, replaced as a whole. */
int night_metrics(struct night *n);

#endif
