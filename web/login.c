/* A link takes whoever has it to a page with a button; that page's form takes them to their desk. */
#include <string.h>

#include "web/exchange.h"

/* that are under way at the same time: each is a process and a connection of the database */
#define LOGINS 8

static const char how_to[] = "To log in, run <code>handbackctl web login</code> on the machine: it prints a "
                             "link that is good once, for five "
                             "minutes, and opens your own pages.";

#define CODE_SIZE (2 * DESK_PERSON_BYTES + 1 + DESK_CODE_BYTES + 1)

/* "code=HEX.HEX" of a query or a form: the person and the secret; the whole in text. */
static bool
read_code(const char *fields, char text[CODE_SIZE], char person[DESK_PERSON_BYTES + 1],
          const char **ret_secret)
{
	const char *value = fields != NULL && strncmp(fields, "code=", 5) == 0 ? fields + 5 : "";
	size_t len = strcspn(value, "&"), person_len;
	char *dot;

	if (len == 0 || len >= CODE_SIZE || strspn(value, "0123456789abcdef.") != len)
		return false;
	memcpy(text, value, len);
	text[len] = '\0';
	dot = strchr(text, '.');
	if (dot == NULL || strlen(dot + 1) != DESK_CODE_BYTES || strchr(dot + 1, '.') != NULL)
		return false;
	*dot = '\0';
	*ret_secret = dot + 1;
	if (!text_unhex(person, DESK_PERSON_BYTES, text, &person_len) || person_len == 0 ||
	    memchr(person, '\0', person_len) != NULL)
		return false;
	person[person_len] = '\0';
	*dot = '.';
	return true;
}

static void
on_entered(void *context, struct desk_link *link, const char *why)
{
	struct exchange *x = context;
	char cookie[SESSION_COOKIE_SIZE];

	x->web->logins--;
	if (link == NULL) {
		exchange_login(x, 403,
		               why != NULL ? "This link is not good: it was used, or is older than five minutes."
		                           : how_to,
		               NULL);
		return;
	}
	if (x->cookie[0] != '\0') /* whoever was logged in here before is no more */
		sessions_end(x->web->sessions, x->cookie);
	if (!sessions_add(x->web->sessions, link, cookie)) {
		exchange_login(x, 503, "Too many people are logged in.", NULL);
		return;
	}
	exchange_set_cookie(x, cookie);
	explicit_bzero(cookie, sizeof(cookie));
	exchange_go_to(x, "/");
}

void
login_take(struct exchange *x, const char *form)
{
	char text[CODE_SIZE], person[DESK_PERSON_BYTES + 1];
	struct desk_enter who = {.person = person};

	if (!read_code(form, text, person, &who.code)) {
		exchange_login(x, 400, how_to, NULL);
	} else if (x->web->logins >= LOGINS) {
		exchange_login(x, 503, "Too many people log in at this moment: try again.", text);
	} else {
		x->web->logins++;
		if (!desk_enter(x->web->base, x->web->desk, &who, on_entered, x)) {
			x->web->logins--;
			exchange_login(x, 503, "There is no handback-desk to be had: try again.", text);
		}
	}
}

void
login_show(struct exchange *x, const char *query)
{
	char text[CODE_SIZE], person[DESK_PERSON_BYTES + 1];
	const char *secret;

	if (query == NULL)
		exchange_login(x, 200, how_to, NULL);
	else if (!read_code(query, text, person, &secret))
		exchange_login(x, 400, how_to, NULL);
	else
		exchange_login(x, 200, "Log in with this link?", text);
}
