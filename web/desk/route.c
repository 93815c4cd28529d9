/* Which page a path is, and what every request has to pass before it. */
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/limits.h"
#include "lib/base/text.h"
#include "lib/finance/output/memory.h"
#include "web/desk/desk_sql.h"
#include "web/desk/pages.h"

static char said[LIMIT_MESSAGE_BYTES];

void
desk_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

const char *
desk_said(void)
{
	return said;
}

bool
desk_may_go_on(struct desk *d)
{
	const char *decides = d->decides ? "true" : "false";
	struct pg_result *r = NULL;
	bool may = pg_run(d->query.pg, desk_still, 1, &decides, &r) == PG_OK && pg_rows(r) == 1 &&
	           pg_true_of(r, 0, "may");

	pg_result_free(r);
	return may;
}

const char *
desk_form(struct desk *d)
{
	uint8_t random[(DESK_FORM_TOKEN - 1) / 2];
	char *token = d->form[d->forms++ % DESK_FORMS];

	token[0] = '\0';
	if (getrandom(random, sizeof(random), 0) == (ssize_t) sizeof(random))
		text_hex(token, random, sizeof(random));
	return token;
}

bool
desk_take_form(struct desk *d, const char *token)
{
	for (size_t i = 0; token != NULL && strlen(token) == DESK_FORM_TOKEN - 1 && i < DESK_FORMS; i++)
		if (strcmp(d->form[i], token) == 0) {
			d->form[i][0] = '\0';
			return true;
		}
	return false;
}

/* "#" stands for a number, "*" for any one part. */
static const struct route {
	bool post;
	const char *part[REQUEST_PARTS];
	void (*page)(const struct page_of *p);
} routes[] = {
    {false, {NULL}, page_today},
    {false, {"files"}, page_files},
    {false, {"files", "#"}, page_file},
    {false, {"explain"}, page_explain},
    {false, {"holds"}, page_holds},
    {false, {"holds", "#"}, page_hold},
    {false, {"proposals"}, page_proposals},
    {false, {"proposals", "#"}, page_proposal},
    {false, {"reports"}, page_reports},
    {false, {"reports", "transactions"}, page_transactions},
    {false, {"reports", "*"}, page_report},
    {false, {"month-end"}, page_month_end},
    {true, {"month-end"}, page_month_end_sign},
    {false, {"partners"}, page_partners},
    {false, {"partners", "*"}, page_partner},
    {false, {"points"}, page_points},
    {false, {"targets"}, page_targets},
    {false, {"targets", "*"}, page_target},
    {false, {"marketplace"}, page_marketplace},
    {false, {"credentials"}, page_credentials},
    {false, {"audit"}, page_audit},
    {false, {"people"}, page_people},
    {false, {"try"}, page_try},
    {true, {"try"}, page_try_file},
    {true, {"marketplace", "propose"}, page_marketplace_propose},
    {true, {"marketplace", "approve"}, page_marketplace_answer},
    {true, {"marketplace", "reject"}, page_marketplace_answer},
    {true, {"targets", "*", "*"}, page_target_act},
    {true, {"audit", "verify"}, page_audit_verify},
    {true, {"holds", "views"}, page_view_save},
    {true, {"holds", "views", "drop"}, page_view_drop},
    {true, {"holds", "bulk"}, page_bulk},
    {true, {"holds", "propose"}, page_propose},
    {true, {"holds", "#", "comment"}, page_comment},
    {true, {"holds", "#", "assign"}, page_assign},
    {true, {"proposals", "#", "approve"}, page_approve},
    {true, {"proposals", "#", "reject"}, page_reject},
    {true, {"logout"}, page_logout},
};

static bool
fits(const struct route *route, const struct request *r)
{
	size_t parts = 0;

	while (parts < REQUEST_PARTS && route->part[parts] != NULL)
		parts++;
	if (route->post != r->post || parts != r->parts)
		return false;
	for (size_t i = 0; i < parts; i++)
		if (strcmp(route->part[i], "#") == 0
		        ? !frame_is_number(r->part[i])
		        : strcmp(route->part[i], "*") != 0 && strcmp(route->part[i], r->part[i]) != 0)
			return false;
	return true;
}

static void
answer(const struct page_of *p)
{
	if (p->request->post && !desk_take_form(p->desk, request_field(p->request, "form"))) {
		frame_sentence(p, 403, "Nothing was done",
		               "This form was sent already, or is not of this session: open its page again.");
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (fits(&routes[i], p->request)) {
			routes[i].page(p);
			return;
		}
	frame_sentence(p, 404, "Nothing found", "There is no such page.");
}

void
desk_answer(struct desk *d, const struct desk_ask *ask, struct reply *ret)
{
	struct request request;
	const struct page_of p = {.desk = d, .request = &request, .reply = ret};

	said[0] = '\0';
	ret->status = 200;
	ret->type = "text/html; charset=utf-8";
	d->query.limit = DESK_ROWS;
	if (!request_read(ask, &request)) {
		frame_sentence(&p, 400, "Nothing was done", "That is no request of a page of ours.");
	} else if (!desk_may_go_on(d)) {
		frame_sentence(&p, 403, "Your session has ended",
		               "The database does not answer, or your rights there have changed: log in again.");
		ret->ends = true;
	} else {
		if (frame_is_for_machines(&request))
			d->query.limit = NULL;
		answer(&p);
	}
	request_free(&request);
}
