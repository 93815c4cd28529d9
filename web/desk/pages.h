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

extern const struct html_link frame_links[];

/* ---- pages that read: web/desk/lists.c, web/desk/report_pages.c ---- */

void page_today(const struct page_of *p);
void page_files(const struct page_of *p);
void page_file(const struct page_of *p);
void page_explain(const struct page_of *p);
void page_reports(const struct page_of *p);
void page_report(const struct page_of *p);

/* ---- holds and decisions: web/desk/holds.c, web/desk/decide.c ---- */

void page_holds(const struct page_of *p);
void page_hold(const struct page_of *p);
void page_proposals(const struct page_of *p);
void page_proposal(const struct page_of *p);
void page_propose(const struct page_of *p);
void page_comment(const struct page_of *p);
void page_assign(const struct page_of *p);
void page_approve(const struct page_of *p);
void page_reject(const struct page_of *p);
void page_logout(const struct page_of *p);

/* The partner's bytes beside the ledger line, from a row that has both; nothing where there are none. */
void beside_put(FILE *out, const struct table *t);

#endif
