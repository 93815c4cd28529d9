/*
 * The reconciliation report: what finance reads.  Everything in it comes from
 * one snapshot, and its sums were computed twice, by unlike SQL, before a word
 * of it was written.
 */
#ifndef HANDBACK_CTL_REPORT_H
#define HANDBACK_CTL_REPORT_H

#include "ctl/session.h"

/* The document, or NULL and *ret_code (EXIT_PROOF: the two sums differ; said on stderr which). */
struct document *report_take(struct session *s, int *ret_code);

/*
 * The same document of one day (2026-01-31), from the session's connection.
 */
struct document *report_of_day(struct session *s, const char *day, int *ret_code);

/*
 * Writes it into the configuration's report directory: HTML, JSON, a CSV for
 * each table and a .sha256 of them all, each complete or not there, under a
 * name that no later report has; or under `name`, where that is not NULL.  Names what was written on stdout.
 */
int report_keep(struct session *s, const struct document *d, const char *name);

#endif
