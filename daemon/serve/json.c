#include "daemon/serve/json.h"

#include <inttypes.h>

#include "lib/base/limits.h"
#include "lib/base/text.h"

static void
begin(struct json *j, const char *key)
{
	if (j->comma)
		evbuffer_add(j->out, ",", 1);
	j->comma = true;
	if (key != NULL)
		evbuffer_add_printf(j->out, "\"%s\":", key);
}

void
json_open(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	evbuffer_add(j->out, &bracket, 1);
	j->comma = false;
}

void
json_close(struct json *j, char bracket)
{
	evbuffer_add(j->out, &bracket, 1);
	j->comma = true;
}

void
json_text(struct json *j, const char *key, const char *text)
{
	char escaped[TEXT_ESCAPED_SIZE(4096)];
	size_t at = 0;

	begin(j, key);
	if (text == NULL) {
		evbuffer_add(j->out, "null", 4);
		return;
	}
	text_escape(escaped, sizeof escaped, text, strlen(text));
	evbuffer_add(j->out, "\"", 1);
	while (escaped[at] != '\0') {
		size_t plain = strcspn(escaped + at, "\"\\");

		evbuffer_add(j->out, escaped + at, plain);
		at += plain;
		if (escaped[at] == '\0')
			break;
		evbuffer_add(j->out, "\\", 1);
		evbuffer_add(j->out, escaped + at++, 1);
	}
	evbuffer_add(j->out, "\"", 1);
}

void
json_int(struct json *j, const char *key, int64_t number)
{
	begin(j, key);
	evbuffer_add_printf(j->out, "%" PRId64, number);
}

void
json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	evbuffer_add_printf(j->out, "%s", value ? "true" : "false");
}
