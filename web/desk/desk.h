/* One person's session: the connection of the database as that person, and what the pages need of it. */
#ifndef HANDBACK_WEB_DESK_DESK_H
#define HANDBACK_WEB_DESK_DESK_H

#include <stdio.h>

#include "lib/db/connect.h"
#include "lib/finance/view/query.h"
#include "lib/hash/secret_text.h"
#include "web/desk/request.h"

#define DESK_FORMS 256 /* pages with forms that may be open at the same time */
#define DESK_FORM_TOKEN 33
#define DESK_ROWS "200" /* of a list on a page */

struct desk {
	struct connection connection;
	struct query query;
	const char *person;
	char login[TEXT_HEX_SIZE(SHA256_BYTES)]; /* the hash of its link */
	int64_t approve_within_ms;               /* as the configuration has it */
	bool decides;                            /* an operator; else one who reads */
	const char **sources;                    /* whose files the spool has to have: names of the configuration */
	size_t source_count;
	int try; /* a connection to handback-try; -1: none */
	/* one for each page with forms: each is good for one form that is sent, and for this person's alone */
	char form[DESK_FORMS][DESK_FORM_TOKEN];
	size_t forms;
};

/* What becomes a DESK_PAGE. */
struct reply {
	FILE *out;
	int64_t status;
	const char *type;
	char *name, *location; /* NULL: none; made by mem_format, freed by who sends */
	bool ends;
};

/* What the views said, for the page that says it on: the last sentence. */
void desk_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *desk_said(void);

/* Is the person still who it was, by the database?  False: the session has to end. */
bool desk_may_go_on(struct desk *d);

/* A new token for a page's forms; lives as long as the desk has room for it. */
const char *desk_form(struct desk *d);
/* Takes the token of a form that was sent: once. */
bool desk_take_form(struct desk *d, const char *token);

/* Answers one request, whatever it is. */
void desk_answer(struct desk *d, const struct desk_ask *ask, struct reply *ret);

#endif
