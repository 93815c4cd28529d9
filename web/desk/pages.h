/* The pages: each is given a request that its row of the table (web/desk/route.c) fits. */
#ifndef HANDBACK_WEB_DESK_PAGES_H
#define HANDBACK_WEB_DESK_PAGES_H

#include "web/desk/desk.h"
#include "web/desk/page.h"

struct page_of {
	struct desk *desk;
	const struct request *request;
	struct reply *reply;
};

/* ---- web/desk/frame.c: what all have ---- */

void frame_begin(const struct page_of *p, const char *title);
void frame_end(const struct page_of *p);
/* Begins a form that is sent to a path of ours; page_put(out, "</form>") ends it. */
void frame_form(const struct page_of *p, const char *action, const char *class);
/* The same with an id, for fields that stand elsewhere on the page. */
void frame_form_of(const struct page_of *p, const char *action, const char *class, const char *id);
/* Runs a function of the database for who decides, and the browser goes on to a path; or a page says why not.
 */
void frame_run(const struct page_of *p, const char *sql, int params, const char *const *values,
               const char *path);
/* Approving takes a login of the last minutes: whoever finds a browser open approves nothing.  False: a page
 * says so. */
bool frame_may_approve(const struct page_of *p);
bool frame_is_fresh(const struct page_of *p);
extern const char frame_log_in_again[];
/* What the database refused, as a page. */
void frame_refused(const struct page_of *p, enum pg_status status);
/* Where the same stands as CSV and JSON, and the next rows of a list that was cut: behind this value of
 * `after`, NULL: it was not. */
void frame_formats(const struct page_of *p);
void frame_next(const struct page_of *p, const char *after);
/* A page that says one sentence. */
void frame_sentence(const struct page_of *p, int64_t status, const char *title, const char *sentence);
/* What the view did not give, and why; true where there was a document. */
bool frame_failed(const struct page_of *p, int code, const struct document *d);
/* The document as the page's whole content, in the format that was asked for (?format=csv, json); frees it.
 */
void frame_document(const struct page_of *p, const char *title, const struct html_link *links,
                    struct document *d);
/* Was a format for machines asked for?  Then lists are whole. */
bool frame_is_for_machines(const struct request *r);
/* The browser goes on to this path, which is freed. */
void frame_go_on(const struct page_of *p, char *path);
/* Is it a number above 0? */
bool frame_is_number(const char *text);

#define FRAME_LINKS 12 /* with the last, which has no column */
extern const struct html_link frame_links[FRAME_LINKS];

/* ---- pages that read: web/desk/lists.c, web/desk/report_pages.c ---- */

void page_today(const struct page_of *p);
void page_files(const struct page_of *p);
void page_file(const struct page_of *p);
void page_explain(const struct page_of *p);
void page_reports(const struct page_of *p);
void page_report(const struct page_of *p);
void page_transactions(const struct page_of *p); /* web/desk/transactions.c */
/* web/desk/month_end.c */
void page_month_end(const struct page_of *p);
void page_month_end_sign(const struct page_of *p);

/* ---- web/desk/try_page.c ---- */

void page_try(const struct page_of *p);
void page_try_file(const struct page_of *p);

/* ---- how things are set up: web/desk/settings.c, targets.c, audit.c, marketplace.c ---- */

void page_partners(const struct page_of *p);
void page_partner(const struct page_of *p);
void page_targets(const struct page_of *p);
void page_target(const struct page_of *p);
void page_credentials(const struct page_of *p);
void page_points(const struct page_of *p);
void page_people(const struct page_of *p);
void page_target_act(const struct page_of *p);
void page_audit(const struct page_of *p);
void page_audit_verify(const struct page_of *p);
void page_marketplace(const struct page_of *p);
void page_marketplace_propose(const struct page_of *p);
void page_marketplace_answer(const struct page_of *p);

/* ---- holds and decisions: web/desk/holds.c, web/desk/decide.c ---- */

void page_holds(const struct page_of *p);
void page_view_save(const struct page_of *p);
void page_view_drop(const struct page_of *p);
void page_hold(const struct page_of *p);
void page_proposals(const struct page_of *p);
void page_proposal(const struct page_of *p);
void page_bulk(const struct page_of *p);
void page_propose(const struct page_of *p);
void page_comment(const struct page_of *p);
void page_assign(const struct page_of *p);
void page_approve(const struct page_of *p);
void page_reject(const struct page_of *p);
void page_logout(const struct page_of *p);

extern const char *const hold_decisions[];

/* ---- web/desk/saved.c ---- */

/* The views of the holds' list, and a form that keeps or forgets the one that is shown. */
void saved_put(const struct page_of *p);

/* ---- web/desk/bulk.c ---- */

/* Does the request name holds by what they are? */
bool bulk_has_filter(const struct request *r);
/* The form of a list's boxes; many: there are more than the list shows. */
void bulk_put_bar(const struct page_of *p, bool many);
/* The holds that a form names, as sql_hold_count has them; false: a page says why there are none. */
bool bulk_find(const struct page_of *p, struct pg_result **ret);

/* Both sides of a hold where they can differ, and whether they do. */
void difference_put(FILE *out, const struct table *t);
/* The partner's bytes beside the ledger line, from a row that has both; nothing where there are none. */
void beside_put(FILE *out, const struct table *t);

#endif
