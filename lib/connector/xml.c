/* Bodies of XML, as SOAP has them: a template whose fields are escaped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/connector/connector_internal.h"
#include "lib/json/json.h"

void
connector_check_xml(const struct connector *c, enum connector_kind kind, struct problems *p)
{
	const struct connector_object *o = &c->object[kind];
	struct connector_place place;
	size_t at = 0, logins = 0;
	bool has_login = false;
	int got = 0;

	for (size_t i = 0; i < c->login_count; i++)
		has_login |= c->login[i].kind == LOGIN_WSSE;
	if (o->url != NULL && o->xml == NULL && has_login)
		yaml_error(p, c->tree, "a login of WS-Security stands in XML: %s has none", connector_kinds[kind]);
	if (o->xml == NULL)
		return;
	if (o->xml[0] != '<')
		yaml_error(p, o->node, "XML begins with <");
	while ((got = connector_next_place(o->xml, &at, &place)) > 0)
		if (strcmp(place.name, "login") == 0)
			logins++;
		else if (!connector_has_field(kind, place.name))
			yaml_error(p, o->node, "a %s has no field %s", connector_kinds[kind], place.name);
	if (got < 0)
		yaml_error(p, o->node, "what begins with ${ is no field: write ${name} or ${name|text}, |date, |ms");
	if (logins != has_login)
		yaml_error(p, o->node,
		           has_login ? "the XML has ${login} once, where WS-Security stands"
		                     : "${login} is that of a login of the kind wsse: there is none");
	for (size_t i = 0; i < c->login_count; i++)
		if (c->login[i].kind == LOGIN_BODY || c->login[i].kind == LOGIN_SIGNATURE)
			yaml_error(p, o->node, "such a login is of JSON");
}

/* As text of an element or a value in quotes; never a place again.  False: XML has no such character. */
static bool
write_value(FILE *out, const char *value)
{
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char) *p < ' ' && strchr("\t\n\r", *p) == NULL)
			return false;
		else if (strchr("&<>\"'$", *p) != NULL || (unsigned char) *p < ' ')
			fprintf(out, "&#%d;", *p);
		else
			fputc(*p, out);
	return true;
}

/* The next field of the template, as XML; where it is null there is nothing. */
static bool
write_place(FILE *out, const char *text, size_t length, const struct json *object, char *why, size_t why_size)
{
	char *template = strndup(text, length), *value;
	bool is_null = false, good;

	value = template != NULL ? connector_text_or_null(template, object, &is_null, why, why_size) : NULL;
	good = value != NULL && write_value(out, is_null ? "" : value);
	if (value != NULL && !good)
		snprintf(why, why_size, "a value has a character that XML cannot have");
	free(template);
	free(value);
	return good;
}

char *
connector_compose_xml(const char *template, const struct json *object, char *why, size_t why_size)
{
	struct connector_place place;
	size_t at = 0, done = 0, size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);
	bool good = out != NULL;

	while (good && connector_next_place(template, &at, &place) > 0) {
		if (strcmp(place.name, "login") == 0)
			continue;
		fprintf(out, "%.*s", (int) (place.begin - done), template + done);
		good = write_place(out, template + place.begin, place.length, object, why, why_size);
		done = at;
	}
	if (out != NULL)
		fputs(template + done, out);
	if (out == NULL || fclose(out) != 0) {
		snprintf(why, why_size, "no memory");
		good = false;
	}
	if (good)
		return text;
	free(text);
	return NULL;
}
