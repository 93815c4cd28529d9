/* What each row of the command table runs; each gives an exit_code. */
#ifndef HANDBACK_CTL_HANDLERS_H
#define HANDBACK_CTL_HANDLERS_H

#include "ctl/session.h"

/* ctl/setup.c */
int run_migrate(struct session *s);
int run_run(struct session *s);

/* ctl/site/site.c */
int run_setup(struct session *s);

/* ctl/batch.c */
int run_nightly(struct session *s);
int run_audit_verify(struct session *s);

/* ctl/check.c */
int run_check(struct session *s);

/* ctl/status.c */
int run_status(struct session *s);

/* ctl/source.c */
int run_source_list(struct session *s);

/* ctl/probe.c */
int run_source_probe(struct session *s);

/* ctl/views.c */
int run_files(struct session *s);
int run_show(struct session *s);
int run_explain(struct session *s);
int run_holds(struct session *s);
int run_hold_show(struct session *s);
int run_overdue(struct session *s);
int run_report(struct session *s);
int run_finance(struct session *s);
int run_month_end(struct session *s);
int run_transactions(struct session *s);
int run_month_end_prepare(struct session *s);
int run_month_end_review(struct session *s);
int run_month_end_sign(struct session *s);
int run_month_end_show(struct session *s);
int run_schedule_add(struct session *s);
int run_schedule_end(struct session *s);
int run_schedule_list(struct session *s);

/* ctl/infer.c */
int run_profile_infer(struct session *s);

/* ctl/try.c */
int run_try(struct session *s);

/* ctl/people.c */
int run_hold_assign(struct session *s);
int run_hold_comment(struct session *s);
int run_audit_accept(struct session *s);
int run_hold_propose(struct session *s);
int run_hold_open(struct session *s);
int run_hold_approve(struct session *s);
int run_hold_reject(struct session *s);
int run_proposals(struct session *s);

/* ctl/callers.c */
int run_credential_add(struct session *s);
int run_credential_rotate(struct session *s);
int run_credential_revoke(struct session *s);
int run_credential_bound(struct session *s);
int run_credential_list(struct session *s);
int run_policy_set(struct session *s);
int run_policy_list(struct session *s);
int run_route_add(struct session *s);
int run_route_end(struct session *s);
int run_route_list(struct session *s);

/* ctl/catalogue/settings.c */
int run_catalogue_propose(struct session *s);
int run_catalogue_approve(struct session *s);
int run_catalogue_reject(struct session *s);
int run_catalogue_show(struct session *s);

/* ctl/catalogue/shop.c */
int run_catalogue_holds(struct session *s);
int run_catalogue_close(struct session *s);
int run_token_rotate(struct session *s);
int run_token_key(struct session *s);
int run_token_list(struct session *s);

/* ctl/points/points.c */
int run_points_requests(struct session *s);
int run_points_show(struct session *s);
int run_points_batches(struct session *s);
int run_points_batch(struct session *s);
int run_points_unanswered(struct session *s);
int run_points_questions(struct session *s);
int run_points_partners(struct session *s);
int run_points_sponsors(struct session *s);
int run_points_links(struct session *s);
int run_points_proposals(struct session *s);

/* ctl/points/decide.c */
int run_points_terms(struct session *s);
int run_points_sponsor(struct session *s);
int run_points_release(struct session *s);
int run_points_approve(struct session *s);
int run_points_reject(struct session *s);
int run_points_assign(struct session *s);
int run_points_link(struct session *s);
int run_points_unlink(struct session *s);

/* ctl/target/targets.c */
int run_target_add(struct session *s);
int run_target_pause(struct session *s);
int run_target_resume(struct session *s);
int run_target_replay(struct session *s);
int run_target_held(struct session *s);
int run_target_status(struct session *s);
int run_target_parity(struct session *s);
int run_target_lint(struct session *s);
int run_target_assign(struct session *s);
/* ctl/target/show.c, try.c */
int run_target_show(struct session *s);
int run_target_try(struct session *s);

/* ctl/web/web.c */
int run_web_login(struct session *s);

/* ctl/audit.c */
int run_audit_head(struct session *s);
int run_audit_key(struct session *s);

/* ctl/profile.c */
int run_profile_explain(struct session *s);
int run_profile_lint(struct session *s);

/* ctl/completion/complete.c */
int run_complete(struct session *s);

/* ctl/profile/cases.c */
int run_profile_read(struct session *s);
int run_profile_test(struct session *s);

/* ctl/profile_show.c */
int run_profile_show(struct session *s);

#endif
