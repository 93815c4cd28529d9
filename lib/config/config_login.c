/* Who vouches for people at the pages: what one option alone cannot show. */
#include <ctype.h>

#include "lib/config/config_check.h"

#define PERSON_BYTES 63 /* of a login of the database */

static const char *
skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* "NAME = LOGIN" of the list; false: it is none. */
static bool
read_pair(const char *text, const char **ret_name, size_t *ret_len, const char **ret_person)
{
	const char *equals = strrchr(text, '='), *end = equals;

	if (equals == NULL)
		return false;
	text = skip_blanks(text);
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*ret_name = text;
	*ret_len = (size_t) (end - text);
	*ret_person = skip_blanks(equals + 1);
	return end > text && **ret_person != '\0' && strlen(*ret_person) <= PERSON_BYTES;
}

const char *
config_login_person(const struct config_login *login, const char *name)
{
	const char *listed, *person;
	size_t len;

	if (login->people == NULL)
		return strlen(name) <= PERSON_BYTES ? name : NULL;
	for (const char *const *pair = login->people; *pair != NULL; pair++)
		if (read_pair(*pair, &listed, &len, &person) && len == strlen(name) && memcmp(listed, name, len) == 0)
			return person;
	return NULL;
}

static void
check_people(const struct config_login *login, const struct yaml_node *at, struct problems *p)
{
	const char *name, *other, *person;
	size_t len, other_len;

	for (size_t i = 0; login->people != NULL && login->people[i] != NULL; i++) {
		if (!read_pair(login->people[i], &name, &len, &person)) {
			yaml_error(p, at, "\"%s\" has to be a name, '=' and a login of at most %d bytes", login->people[i],
			           PERSON_BYTES);
			continue;
		}
		for (size_t k = 0; k < i; k++)
			if (read_pair(login->people[k], &other, &other_len, &person) && other_len == len &&
			    memcmp(name, other, len) == 0)
				yaml_error(p, at, "\"%.*s\" stands here twice", (int) len, name);
	}
}

/* One of the proxy's own, not one that HTTP or a browser has a use for. */
static bool
is_header(const char *name)
{
	static const char *const others[] = {"Host",       "Cookie",         "Origin", "Authorization",
	                                     "Connection", "Content-Length", "Accept", "User-Agent"};

	for (const char *c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char) *c) && *c != '-')
			return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcasecmp(name, others[i]) == 0)
			return false;
	return name[0] != '\0' && strncasecmp(name, "Sec-", 4) != 0;
}

void
config_check_login(const struct config *c, struct yaml_node *login, struct problems *p)
{
	struct yaml_node *proxy = login != NULL ? yaml_get(login, "proxy") : NULL,
	                 *people = login != NULL ? yaml_get(login, "people") : NULL;

	if (c->login.proxy_header != NULL && c->login.proxy_user == NULL)
		yaml_error(p, proxy, "say whose proxy it is, too: user");
	if (c->login.proxy_header != NULL && !is_header(c->login.proxy_header))
		yaml_error(p, proxy, "header has to be a name of its own, as X-Remote-User");
	check_people(&c->login, people, p);
}
