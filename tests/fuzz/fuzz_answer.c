/* A target's answer: three lines (the connector's number and the status, Retry-After, the limit), then the
 * body.  Whatever it is, each object has a result, and nothing is delivered that the answer does not name. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/connector/connector.h"
#include "lib/json/json.h"
#include "lib/yaml/yaml.h"

#define HEAD(batch)                                                                                          \
	"batch: " batch                                                                                          \
	"\nobjects: {redemption: {url: \"https://t.example/r\", record: {id: \"${reference}\"}, body: {list: "   \
	"\"${records}\"}, read: {url: \"https://t.example/q?${keys}\", each: \"${reference}\", batch: " batch    \
	", list: d, key: id, more: next, compare: {v: \"${reference}\", p.0: 7}}}}\n"
#define OBJECTS 3

static const char *const connectors[] = {
    HEAD("3") "answer: {code: 0.errorCode, rows: {result: success, delivered: ['true'], code: "
              "errors.0.statusCode, status: http},"
              " codes: {retry: [LOCK], held: [GONE], stop: [FIELD], delivered: [THERE]}, limit: {header: L, "
              "begins: 'u='}}\n",
    HEAD("3") "answer: {rows: {list: d, index: index, result: status, delivered: [OK], status: httpCode, "
              "code: message}, wait: 300s}\n",
    HEAD("3") "answer: {code: message, rows: {list: data.ok, failed: data.bad, key: id, code: error}}\n",
    "objects: {redemption: {url: \"https://t.example/r\", record: {id: \"${reference}\"}, read: {url: "
    "\"https://t.example/${reference}\", compare: {v: \"${reference}\"}}}}\n",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The line at *at, which goes behind it. */
static const char *
next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	*at = end != NULL ? end + 1 : line + strlen(line);
	if (end != NULL)
		*end = '\0';
	return line;
}

static void
judge(const struct connector *c, char *text, size_t size)
{
	static const char *const keys[OBJECTS] = {"{\"reference\": \"a\"}", "{\"reference\": \"b\"}",
	                                          "{\"reference\": \"c\"}"};
	struct json *made[OBJECTS];
	const struct json *objects[OBJECTS];
	struct connector_row rows[OBJECTS];
	struct connector_verdict verdict;
	char *at = text;
	const char *first = next_line(&at), *after = next_line(&at), *limit = next_line(&at);
	size_t count = connector_batch(c) < OBJECTS ? 1 : OBJECTS;
	const struct connector_answer answer = {
	    .status = first[0] != '\0' ? (int) strtol(first + 1, NULL, 10) % 1000 : 0,
	    .body = at,
	    .length = size - (size_t) (at - text),
	    .retry_after = after,
	    .limit = limit,
	    .remaining = after,
	    .now_s = 1764500000};

	for (size_t i = 0; i < OBJECTS; i++)
		objects[i] = made[i] = json_parse(keys[i]);
	connector_judge(c, CONNECTOR_REDEMPTION, objects, count, &answer, rows, &verdict);
	assert(verdict.result < CONNECTOR_RESULTS && verdict.wait_s >= 0 && verdict.wait_s <= CONNECTOR_WAIT_S);
	assert(verdict.used >= 0 && verdict.whole >= 0);
	for (size_t i = 0; i < count; i++) {
		assert(rows[i].result < CONNECTOR_STOP && rows[i].status >= 0 && rows[i].status < 600);
		for (const char *p = rows[i].code; *p != '\0'; p++)
			assert((unsigned char) *p >= ' ' && *p != 0x7f);
		/* what the answer does not even contain was not taken by a target that names what it took */
		if (count == OBJECTS && rows[i].result == CONNECTOR_DELIVERED && answer.status / 100 == 2)
			assert(strchr(at, '{') != NULL);
	}
	/* of what it is asked for, nothing is said to be lost but by an answer that is whole */
	connector_judge_read(c, CONNECTOR_REDEMPTION, objects, count, &answer, rows, &verdict);
	assert(verdict.result < CONNECTOR_RESULTS);
	for (size_t i = 0; i < count; i++) {
		assert(rows[i].result < CONNECTOR_STOP);
		if (rows[i].code[0] != '\0')
			assert(verdict.result == CONNECTOR_DELIVERED && rows[i].result == CONNECTOR_HELD);
		if (rows[i].result == CONNECTOR_DELIVERED)
			assert(strchr(at, '{') != NULL);
	}
	for (size_t i = 0; i < OBJECTS; i++)
		json_free(made[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct connector *compiled[sizeof(connectors) / sizeof(connectors[0])];
	size_t which = size > 0 ? data[0] % (sizeof(connectors) / sizeof(connectors[0])) : 0;
	char *text = malloc(size + 1);

	assert(text != NULL);
	if (compiled[which] == NULL) {
		struct problems *problems = problems_new("fuzz.yaml");

		compiled[which] = connector_compile(connectors[which], strlen(connectors[which]), problems);
		problems_free(problems);
	}
	assert(compiled[which] != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	judge(compiled[which], text, size);
	free(text);
	return 0;
}
