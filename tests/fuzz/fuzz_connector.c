/* The connector's compiler: a text compiles or is refused with a reason; what compiled composes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/connector/connector.h"
#include "lib/connector/points.h"
#include "lib/json/json.h"
#include "lib/yaml/yaml.h"

#define OBJECT                                                                                               \
	"{\"reference\": \"12345678-9abc-4ef0-8234-56789abcdef0\", \"version\": 1, \"programme\": \"P\", "       \
	"\"member\": \"a/b\\r\\nc\", "                                                                           \
	"\"points\": 5, \"state\": \"open\", \"redeemed_at\": \"2026-11-30T05:11:34.5+00:00\", \"partner\": "    \
	"null}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
compose(const struct connector *c, enum connector_kind kind, const struct json *object)
{
	char why[256], *url = connector_request_url(c, kind, object, why, sizeof(why));
	char *body = connector_body(c, kind, &object, 1, why, sizeof(why)), *value;
	const char *name, *template;

	for (const char *p = url; p != NULL && *p != '\0'; p++)
		assert(*p > ' ' && *p < 0x7f);
	for (size_t i = 0; connector_header(c, i, &name, &template); i++) {
		value = connector_header_value(template, object, why, sizeof(why));
		for (const char *p = value; p != NULL && *p != '\0'; p++)
			assert(*p >= ' ' && *p < 0x7f);
		free(value);
	}
	free(url);
	free(body);
	if (!connector_reads(c, kind))
		return;
	url = connector_read_url(c, kind, &object, 1, why, sizeof(why));
	for (const char *p = url; p != NULL && *p != '\0'; p++)
		assert(*p > ' ' && *p < 0x7f);
	free(url);
	free(connector_read_body(c, kind, &object, 1, why, sizeof(why)));
}

/* What is sent by `points`, and what answers that say the same in many ways come to: nothing that is not
 * named is certain. */
static void
send_points(const struct connector *c, const struct json *object)
{
	static const char *const bodies[] = {"{\"status\": \"ok\"}", "[]", "", "{"};
	struct points_verdict verdict;
	char why[256];

	for (int step = POINTS_FIRST; step < POINTS_STEPS; step++) {
		char *url = NULL;

		if (!connector_sends_points(c, (enum points_step) step))
			continue;
		url = connector_points_url(c, (enum points_step) step, object, why, sizeof(why));
		for (const char *p = url; p != NULL && *p != '\0'; p++)
			assert(*p > ' ' && *p < 0x7f);
		free(url);
		free(connector_points_body(c, (enum points_step) step, object, why, sizeof(why)));
		for (int status = 0; status < 600; status += 100)
			for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
				const struct connector_answer answer = {
				    .status = status, .body = bodies[i], .length = strlen(bodies[i])};

				connector_judge_points(c, (enum points_step) step, object, &answer, &verdict);
				assert(verdict.result < POINTS_RESULTS);
				assert((status >= 200 && status < 300) ||
				       (verdict.result != POINTS_CREDITED && verdict.result != POINTS_PENDING));
				free(connector_points_first(c, &answer, &verdict));
			}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems *problems = problems_new("fuzz.yaml");
	struct connector *c = connector_compile((const char *) data, size, problems);
	struct json *object = json_parse(OBJECT);

	assert((c == NULL) == (problems_errors(problems) > 0));
	for (int kind = 0; c != NULL && kind < CONNECTOR_KINDS; kind++)
		if (connector_has(c, (enum connector_kind) kind))
			compose(c, (enum connector_kind) kind, object);
	if (c != NULL)
		send_points(c, object);
	json_free(object);
	connector_free(c);
	problems_free(problems);
	return 0;
}
