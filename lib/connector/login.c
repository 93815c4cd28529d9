/* What goes with each request: headers, and by which credentials it is logged in. */
#include <string.h>

#include "lib/connector/connector_internal.h"

const char *const connector_login_kinds[LOGIN_KINDS + 1] = {
    "basic",     "header", "body", "client_credentials", "jwt_bearer", "saml_bearer", "wsse",
    "signature", "mac",    NULL};

bool
connector_is_token(const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", *p) != NULL)
			return false;
	return name[0] != '\0' && strlen(name) < 64;
}

/* Its fields are those of each kind that is told. */
static void
check_value(struct connector *c, struct problems *p, const struct yaml_node *n)
{
	struct connector_place place;
	size_t at = 0;
	int got;

	while ((got = connector_next_place(n->text, &at, &place)) > 0) {
		if (c->batch > 1)
			yaml_error(p, n, "a request of a batch tells of many: ${%s} is of one", place.name);
		for (int kind = 0; kind < CONNECTOR_KINDS; kind++)
			if (c->object[kind].url != NULL && !connector_has_field((enum connector_kind) kind, place.name))
				yaml_error(p, n, "a %s has no field %s", connector_kinds[kind], place.name);
	}
	if (got < 0)
		yaml_error(p, n, "what begins with ${ is no field: write ${name} or ${name|text}, |date, |ms");
	for (const char *q = n->text; *q != '\0'; q++)
		if (*q < ' ' || *q >= 0x7f) {
			yaml_error(p, n, "a header's value is of printable ASCII");
			break;
		}
}

/* What the sender itself has to say, and nobody else. */
static bool
is_ours(const char *name)
{
	static const char *const ours[] = {
	    "Host",    "Content-Length", "Transfer-Encoding", "Connection", "Authorization",      "Expect", "TE",
	    "Trailer", "Upgrade",        "Accept-Encoding",   "Cookie",     "Proxy-Authorization"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcasecmp(ours[i], name) == 0)
			return true;
	return false;
}

void
connector_compile_headers(struct connector *c, struct problems *p)
{
	struct yaml_node *headers = yaml_get(c->tree, "headers");
	size_t count = 0;

	if (headers == NULL)
		return;
	if (headers->kind != YAML_MAP || headers->first == NULL) {
		yaml_error(p, headers, "a map of names and values is required");
		return;
	}
	c->headers = headers;
	for (const struct yaml_node *n = headers->first; n != NULL; n = n->next, count++) {
		if (!connector_is_token(n->key))
			yaml_error(p, n, "no header has such a name");
		else if (is_ours(n->key))
			yaml_error(p, n, "this header is the sender's own; logins stand under login");
		else if (n->kind != YAML_SCALAR || n->text[0] == '\0')
			yaml_error(p, n, "a value is required");
		else
			check_value(c, p, n);
	}
	if (count > CONNECTOR_HEADERS)
		yaml_error(p, headers, "at most %d headers", CONNECTOR_HEADERS);
}

/* ---- logins ---- */

#define OF(kind) (1u << (LOGIN_##kind))
#define ASSERTIONS (OF(JWT_BEARER) | OF(SAML_BEARER))
#define TOKENS (OF(CLIENT_CREDENTIALS) | ASSERTIONS)

/* key -> the kinds that have it, and those that need it */
static const struct login_key {
	const char *key;
	size_t offset;
	unsigned may, must;
} login_keys[] = {
    {"url", offsetof(struct connector_login, url), TOKENS, TOKENS},
    {"user", offsetof(struct connector_login, user), OF(BASIC) | OF(MAC) | OF(WSSE) | TOKENS,
     OF(BASIC) | OF(MAC) | OF(WSSE) | TOKENS},
    {"secret", offsetof(struct connector_login, secret), ~0u, ~0u},
    {"second", offsetof(struct connector_login, second), OF(SIGNATURE), 0},
    {"name", offsetof(struct connector_login, name), OF(HEADER) | OF(BODY), OF(HEADER) | OF(BODY)},
    {"begins", offsetof(struct connector_login, begins), OF(HEADER), 0},
    {"subject", offsetof(struct connector_login, subject), ASSERTIONS, ASSERTIONS},
    {"audience", offsetof(struct connector_login, audience), ASSERTIONS, ASSERTIONS},
    {"scope", offsetof(struct connector_login, scope), TOKENS, 0},
    {"id", offsetof(struct connector_login, id), OF(SIGNATURE), OF(SIGNATURE)},
};
#define LOGIN_KEYS (sizeof(login_keys) / sizeof(login_keys[0]))

static void
check_login(struct connector *c, const struct connector_login *login, struct yaml_node *n, struct problems *p)
{
	if (login->url != NULL && !connector_is_url(login->url, false))
		yaml_error(p, yaml_get(n, "url"), "no URL of https, nor of http to this machine");
	if (login->kind == LOGIN_HEADER && login->name != NULL && !connector_is_token(login->name))
		yaml_error(p, yaml_get(n, "name"), "no header has such a name");
	else if (login->kind == LOGIN_HEADER && login->name != NULL && is_ours(login->name) &&
	         strcasecmp(login->name, "Authorization") != 0 && strcasecmp(login->name, "Cookie") != 0)
		yaml_error(p, yaml_get(n, "name"), "this header is the sender's own");
	if (login->begins != NULL)
		check_value(c, p, yaml_get(n, "begins"));
	if (login->user != NULL && login->kind == LOGIN_BASIC && strchr(login->user, ':') != NULL)
		yaml_error(p, yaml_get(n, "user"), "a user's name has no colon here");
	if (login->user != NULL && login->kind == LOGIN_MAC)
		for (const char *q = login->user; *q != '\0'; q++)
			if (*q <= ' ' || *q >= 0x7f || *q == '"' || *q == '\\') {
				yaml_error(p, yaml_get(n, "user"), "a key's id is of printable ASCII without quotes");
				break;
			}
}

/* What is told besides where a token is asked for: constants. */
static bool
check_form(const struct yaml_node *form, struct problems *p)
{
	bool good = form->kind == YAML_MAP && form->first != NULL;

	for (const struct yaml_node *n = good ? form->first : NULL; n != NULL; n = n->next)
		good &= n->kind == YAML_SCALAR && n->text[0] != '\0' && strstr(n->text, "${") == NULL;
	if (!good)
		yaml_error(p, form, "a map of names and constants is required");
	return good;
}

static void
compile_login(struct connector *c, struct yaml_node *n, struct problems *p)
{
	const char *known[LOGIN_KEYS + 4] = {"kind", "basic", "form"};
	struct connector_login *login = &c->login[c->login_count];
	struct yaml_node *kind = n->kind == YAML_MAP ? yaml_get(n, "kind") : NULL, *basic, *form;
	int word;

	if (kind == NULL) {
		yaml_error(p, n, "a login is a map with its kind");
		return;
	}
	if (!yaml_word(p, kind, connector_login_kinds, &word))
		return;
	login->kind = (enum connector_login_kind) word;
	for (size_t i = 0; i < LOGIN_KEYS; i++) {
		const struct login_key *k = &login_keys[i];
		struct yaml_node *value = yaml_get(n, k->key);
		const char *text = NULL;

		known[i + 3] = k->key;
		if (value == NULL && (k->must & 1u << word) != 0)
			yaml_error(p, n, "%s has to have its %s", connector_login_kinds[word], k->key);
		else if (value != NULL && (k->may & 1u << word) == 0)
			yaml_error(p, value, "%s has none", connector_login_kinds[word]);
		else if (value != NULL && yaml_text(p, value, &text))
			memcpy((char *) login + k->offset, &text, sizeof(text));
	}
	basic = yaml_get(n, "basic");
	if (basic != NULL && login->kind != LOGIN_CLIENT_CREDENTIALS)
		yaml_error(p, basic, "%s has none", connector_login_kinds[word]);
	else if (basic != NULL)
		yaml_bool(p, basic, &login->basic);
	form = yaml_get(n, "form");
	if (form != NULL && !connector_login_has_token(login))
		yaml_error(p, form, "%s has none", connector_login_kinds[word]);
	else if (form != NULL && check_form(form, p))
		c->form[c->login_count] = form;
	yaml_unknown_keys(p, n, known);
	check_login(c, login, n, p);
	c->login_count++;
}

/* How often each way to the same header is gone. */
static void
check_logins(struct connector *c, const struct yaml_node *n, struct problems *p)
{
	size_t authorizations = 0, bodies = 0, signatures = 0;

	for (size_t i = 0; i < c->login_count; i++) {
		const struct connector_login *login = &c->login[i];

		authorizations += login->kind == LOGIN_BASIC || login->kind == LOGIN_MAC ||
		                  (1u << login->kind & TOKENS) != 0 ||
		                  (login->kind == LOGIN_HEADER && login->name != NULL &&
		                   strcasecmp(login->name, "Authorization") == 0);
		bodies += login->kind == LOGIN_BODY;
		signatures += login->kind == LOGIN_SIGNATURE;
	}
	if (authorizations > 1 || bodies > 1 || signatures > 1)
		yaml_error(p, n, "two logins of one place: only one of them would be seen");
}

/* What a login needs of the bodies: a map to stand in, the member that is the message's id. */
static void
check_bodies(struct connector *c, const struct connector_login *login, struct problems *p)
{
	for (int kind = 0; kind < CONNECTOR_KINDS; kind++) {
		const struct connector_object *o = &c->object[kind];
		const struct yaml_node *root = o->body != NULL ? o->body : o->record, *n;

		if (o->url == NULL || root == NULL)
			continue;
		for (n = root->kind == YAML_MAP ? root->first : NULL; n != NULL; n = n->next)
			if (strcmp(n->key, login->kind == LOGIN_BODY ? login->name : login->id) == 0)
				break;
		if (login->kind == LOGIN_BODY && (root->kind != YAML_MAP || n != NULL))
			yaml_error(p, root, "a login in the body has to have a map there, without a member %s",
			           login->name);
		if (login->kind == LOGIN_SIGNATURE && (n == NULL || n->kind != YAML_SCALAR))
			yaml_error(p, root, "the signature's id is a text of the body: there is no member %s", login->id);
	}
}

void
connector_compile_logins(struct connector *c, struct problems *p)
{
	struct yaml_node *login = yaml_get(c->tree, "login");

	if (login == NULL)
		return;
	if (login->kind != YAML_LIST) {
		compile_login(c, login, p);
	} else {
		for (struct yaml_node *n = login->first; n != NULL; n = n->next)
			if (c->login_count < CONNECTOR_LOGINS)
				compile_login(c, n, p);
			else
				yaml_error(p, n, "at most %d logins", CONNECTOR_LOGINS);
	}
	check_logins(c, login, p);
	for (size_t i = 0; i < c->login_count; i++)
		if ((c->login[i].kind == LOGIN_BODY && c->login[i].name != NULL) ||
		    (c->login[i].kind == LOGIN_SIGNATURE && c->login[i].id != NULL))
			check_bodies(c, &c->login[i], p);
}

/* ---- for those who send ---- */

const struct connector_login *
connector_login(const struct connector *c, size_t i)
{
	return i < c->login_count ? &c->login[i] : NULL;
}

bool
connector_login_has_token(const struct connector_login *login)
{
	return (1u << login->kind & TOKENS) != 0;
}

bool
connector_login_form(const struct connector *c, const struct connector_login *login, size_t i,
                     const char **ret_name, const char **ret_value)
{
	const struct yaml_node *form = c->form[login - c->login], *n = form != NULL ? form->first : NULL;

	for (; n != NULL && i > 0; i--)
		n = n->next;
	if (n == NULL)
		return false;
	*ret_name = n->key;
	*ret_value = n->text;
	return true;
}

bool
connector_header(const struct connector *c, size_t i, const char **ret_name, const char **ret_template)
{
	const struct yaml_node *n = c->headers != NULL ? c->headers->first : NULL;

	for (; n != NULL && i > 0; i--)
		n = n->next;
	if (n == NULL)
		return false;
	*ret_name = n->key;
	*ret_template = n->text;
	return true;
}

bool
connector_is_private(const struct connector *c)
{
	return c->is_private;
}

const char *
connector_ca(const struct connector *c)
{
	return c->ca;
}

int64_t
connector_timeout_ms(const struct connector *c)
{
	return c->timeout_ms;
}

const char *
connector_any_url(const struct connector *c, size_t i)
{
	for (size_t kind = 0; kind < CONNECTOR_KINDS; kind++)
		if (c->object[kind].url != NULL && i-- == 0)
			return c->object[kind].url;
	for (size_t kind = 0; kind < CONNECTOR_KINDS; kind++)
		if (c->reading[kind].url != NULL && i-- == 0)
			return c->reading[kind].url;
	for (size_t kind = 0; kind < CONNECTOR_KINDS; kind++)
		for (size_t step = 0; step < CONNECTOR_STEPS; step++)
			if (c->bulk[kind].step[step].url != NULL && i-- == 0)
				return c->bulk[kind].step[step].url;
	for (size_t step = 0; step < POINTS_STEPS; step++)
		if (c->points.step[step].shape.url != NULL && i-- == 0)
			return c->points.step[step].shape.url;
	for (size_t n = 0; n < c->login_count; n++)
		if (c->login[n].url != NULL && i-- == 0)
			return c->login[n].url;
	return NULL;
}
