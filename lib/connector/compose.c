/* Objects of ours in a connector's shape. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/connector/connector_internal.h"
#include "lib/json/json.h"

struct composer {
	const struct connector_object *object;
	const struct json *const *records; /* what ${records} stands for */
	size_t count;
	const struct json *ours; /* within a record: whose fields; NULL in the body */
	struct json_build *build;
	char *why;
	size_t why_size;
	bool failed;
};

static void
fail(struct composer *c, const char *what, const char *field)
{
	if (!c->failed)
		snprintf(c->why, c->why_size, "%s%s", what, field);
	c->failed = true;
}

/* ---- values ---- */

static int64_t
digits(const char *text, size_t count)
{
	int64_t number = 0;

	for (size_t i = 0; i < count; i++)
		if (text[i] < '0' || text[i] > '9')
			return -1;
		else
			number = number * 10 + (text[i] - '0');
	return number;
}

/* Of "2026-11-30T05:11:34.567609+00:00", as the database writes UTC: milliseconds since 1970; -1: none. */
static int64_t
milliseconds(const char *time)
{
	int64_t year, month, day, hour, minute, second, fraction = 0, days;
	size_t length = strlen(time), point = 0;

	if (length < 25 || strcmp(time + length - 6, "+00:00") != 0)
		return -1;
	year = digits(time, 4), month = digits(time + 5, 2), day = digits(time + 8, 2);
	hour = digits(time + 11, 2), minute = digits(time + 14, 2), second = digits(time + 17, 2);
	if (year < 0 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0)
		return -1;
	for (int64_t unit = 100;
	     unit > 0 && time[19] == '.' && time[20 + point] >= '0' && time[20 + point] <= '9'; unit /= 10)
		fraction += unit * (time[20 + point++] - '0');
	/* the year begins with March: leap days come last */
	year -= month <= 2;
	days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 +
	       day - 1 - 719468;
	return ((days * 24 + hour) * 60 + minute) * 60000 + second * 1000 + fraction;
}

/* The text of a field in its form, in the object or in buf.  NULL: it is null. */
static const char *
field_text(struct composer *c, const struct connector_place *place, char buf[JSON_PLAIN_SIZE])
{
	const struct json *value = json_get(c->ours, place->name);
	const char *text = json_plain(value, buf);

	if (value == NULL)
		fail(c, "the object has no field ", place->name);
	if (text != NULL && place->form == FORM_LAST && strrchr(text, '/') != NULL)
		text = strrchr(text, '/') + 1;
	if (text == NULL || place->form < FORM_DATE)
		return text;
	if (place->form == FORM_MS && milliseconds(text) < 0)
		fail(c, "no time of UTC: ", place->name);
	if (place->form == FORM_MS)
		snprintf(buf, JSON_PLAIN_SIZE, "%" PRId64, milliseconds(text));
	else
		snprintf(buf, JSON_PLAIN_SIZE, "%.10s", text);
	return buf;
}

/* One field alone keeps its type; ms is a number. */
static void
put_field(struct composer *c, const char *key, const struct connector_place *place)
{
	char buf[JSON_PLAIN_SIZE];
	const char *text = field_text(c, place, buf);
	int64_t number;
	bool is_number = text != NULL && json_string_of(c->ours, place->name) == NULL;

	if (text != NULL && (place->form == FORM_MS || (is_number && place->form == FORM_OWN)) &&
	    text_int(text, INT64_MIN, INT64_MAX, &number))
		json_int(c->build, key, number);
	else
		json_text(c->build, key, text);
}

/* A text with fields in it: null when one of them is. */
static void
put_text(struct composer *c, const char *key, const char *template)
{
	struct connector_place place;
	size_t at = 0, done = 0, size = 0;
	char *text = NULL, buf[JSON_PLAIN_SIZE];
	bool is_null = false;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL) {
		fail(c, "no memory", "");
		return;
	}
	while (connector_next_place(template, &at, &place) > 0) {
		const char *value = field_text(c, &place, buf);

		fprintf(out, "%.*s%s", (int) (place.begin - done), template + done, value != NULL ? value : "");
		is_null |= value == NULL;
		done = at;
	}
	fputs(template + done, out);
	if (fclose(out) != 0)
		fail(c, "no memory", "");
	else
		json_text(c->build, key, is_null ? NULL : text);
	free(text);
}

/* A constant: what YAML means by it where it was not quoted. */
static void
put_constant(struct composer *c, const char *key, const struct yaml_node *n)
{
	int64_t number;

	if (!n->quoted && text_int(n->text, INT64_MIN, INT64_MAX, &number))
		json_int(c->build, key, number);
	else if (!n->quoted && (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0))
		json_bool(c->build, key, n->text[0] == 't');
	else if (!n->quoted && (strcmp(n->text, "null") == 0 || n->text[0] == '\0'))
		json_text(c->build, key, NULL);
	else
		json_text(c->build, key, n->text);
}

/* ---- trees ---- */

static void put(struct composer *c, const char *key, const struct yaml_node *n);

static void
put_record(struct composer *c, const char *key, const struct json *ours)
{
	c->ours = ours;
	put(c, key, c->object->record);
	c->ours = NULL;
}

static void
put_scalar(struct composer *c, const char *key, const struct yaml_node *n)
{
	struct connector_place place;
	size_t at = 0;

	if (connector_next_place(n->text, &at, &place) <= 0) {
		put_constant(c, key, n);
	} else if (c->ours != NULL && place.length == strlen(n->text)) {
		put_field(c, key, &place);
	} else if (c->ours != NULL) {
		put_text(c, key, n->text);
	} else if (strcmp(place.name, "record") == 0) {
		put_record(c, key, c->records[0]);
	} else {
		json_open_list(c->build, key);
		for (size_t i = 0; i < c->count; i++)
			put_record(c, NULL, c->records[i]);
		json_close(c->build);
	}
}

static void
put(struct composer *c, const char *key, const struct yaml_node *n)
{
	if (n->kind == YAML_SCALAR) {
		put_scalar(c, key, n);
		return;
	}
	if (n->kind == YAML_MAP)
		json_open_map(c->build, key);
	else
		json_open_list(c->build, key);
	for (const struct yaml_node *child = n->first; child != NULL; child = child->next)
		put(c, n->kind == YAML_MAP ? child->key : NULL, child);
	json_close(c->build);
}

/* ---- what is no body ---- */

static bool
is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       strchr("-._~", c) != NULL;
}

/* The value of a field, for a URL with all that may mean something there %-encoded. */
static void
write_value(FILE *out, const char *value, bool encode)
{
	for (const char *p = value; *p != '\0'; p++)
		if (!encode || is_plain(*p))
			fputc(*p, out);
		else
			fprintf(out, "%%%02X", (unsigned char) *p);
}

/* ret_null (NULL: none may be): is one of the fields null? */
static char *
compose_text(const char *template, const struct json *object, bool encode, bool *ret_null, char *why,
             size_t why_size)
{
	struct composer c = {.ours = object, .why = why, .why_size = why_size};
	struct connector_place place;
	size_t at = 0, done = 0, size = 0;
	char *text = NULL, buf[JSON_PLAIN_SIZE];
	FILE *out = open_memstream(&text, &size);

	if (out == NULL) {
		fail(&c, "no memory", "");
		return NULL;
	}
	while (connector_next_place(template, &at, &place) > 0) {
		const char *value = field_text(&c, &place, buf);

		if (ret_null != NULL)
			*ret_null |= value == NULL;
		else if (value == NULL || value[0] == '\0')
			fail(&c, "it has to have a value: ", place.name);
		fprintf(out, "%.*s", (int) (place.begin - done), template + done);
		write_value(out, value != NULL ? value : "", encode);
		done = at;
	}
	fputs(template + done, out);
	if (fclose(out) != 0)
		fail(&c, "no memory", "");
	if (!c.failed)
		return text;
	free(text);
	return NULL;
}

char *
connector_text(const char *template, const struct json *object, char *why, size_t why_size)
{
	return compose_text(template, object, false, NULL, why, why_size);
}

char *
connector_encoded_text(const char *template, const struct json *object, char *why, size_t why_size)
{
	return compose_text(template, object, true, NULL, why, why_size);
}

char *
connector_text_or_null(const char *template, const struct json *object, bool *ret_null, char *why,
                       size_t why_size)
{
	*ret_null = false;
	return compose_text(template, object, false, ret_null, why, why_size);
}

void
connector_write_encoded(FILE *out, const char *text)
{
	write_value(out, text, true);
}

char *
connector_request_url(const struct connector *c, enum connector_kind kind, const struct json *object,
                      char *why, size_t why_size)
{
	char *url;

	if (c->object[kind].file != NULL)
		return strdup(c->object[kind].file);
	url = compose_text(c->object[kind].url, object, true, NULL, why, why_size);

	if (url == NULL || connector_is_url(url, false))
		return url;
	snprintf(why, why_size, "with its fields the URL has a part . or .., or is too long");
	free(url);
	return NULL;
}

char *
connector_header_value(const char *template, const struct json *object, char *why, size_t why_size)
{
	char *value = compose_text(template, object, false, NULL, why, why_size);
	bool good = value != NULL && strlen(value) <= CONNECTOR_VALUE_BYTES;

	/* nothing that a partner wrote becomes another header */
	for (const char *p = value; good && *p != '\0'; p++)
		good = *p >= ' ' && *p < 0x7f;
	if (value == NULL || good)
		return value;
	snprintf(why, why_size, "a value of a header is too long, or not of printable ASCII");
	free(value);
	return NULL;
}

/* ---- bodies ---- */

char *
connector_compose(const struct connector_object *shape, const struct json *const *objects, size_t count,
                  char *why, size_t why_size)
{
	struct json_build build = {0};
	struct composer c = {.object = shape,
	                     .records = objects,
	                     .count = count,
	                     .build = &build,
	                     .why = why,
	                     .why_size = why_size};
	size_t length = 0;
	char *body;

	if (c.object->body != NULL)
		put(&c, NULL, c.object->body);
	else
		put_record(&c, NULL, objects[0]);
	body = json_take(&build, &length);
	if (body == NULL)
		fail(&c, "no memory, or deeper than JSON may be", "");
	if (!c.failed)
		return body;
	free(body);
	return NULL;
}
