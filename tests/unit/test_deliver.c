/* Deliveries that wait for a token: each ends once, whatever becomes of the token and of requests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lib/json/json.h"
#include "lib/yaml/yaml.h"
#include "outbound/send/send.h"

static const char connector[] =
    "login: {kind: client_credentials, url: \"https://a.example/token\", user: u, secret: s}\n"
    "objects:\n"
    "  redemption: {url: \"https://a.example/r\", record: {id: \"${reference}\"}}\n";

/* ---- what stands for the network, the clock and the outbox ---- */

static struct {
	http_done *done;
	void *arg;
	char url[64];
} request[32];
static size_t requests;
static int64_t now_s, takes_s; /* of each request: its host's name is looked up within http_send */
static size_t tokens, tokens_most;
static int ends[16];
static struct send_report last;

bool
http_send(struct http *h, const struct http_request *r, http_done *done, void *arg, char *why,
          size_t why_size)
{
	bool is_token = strstr(r->url, "/token") != NULL;

	(void) h;
	now_s += takes_s;
	if (is_token && ++tokens > tokens_most) {
		snprintf(why, why_size, "its host has no address");
		return false;
	}
	assert_true(requests < sizeof(request) / sizeof(request[0]));
	request[requests].done = done;
	request[requests].arg = arg;
	snprintf(request[requests].url, sizeof(request[0].url), "%s", r->url);
	requests++;
	return true;
}

int64_t
send_now_s(void)
{
	return now_s;
}

const char *
send_secret(const struct send *s, const char *name)
{
	(void) s;
	return strcmp(name, "s") == 0 ? "secret" : NULL;
}

void
send_report(struct send *s, enum send_message message, const struct send_report *report)
{
	(void) s;
	assert_int_equal(message, SEND_DONE);
	assert_in_range(report->delivery, 1, 15);
	ends[report->delivery]++;
	last = *report;
	last.why = NULL;
}

void
send_fault(struct send *s, const char *format, ...)
{
	(void) s, (void) format;
	fail();
}

/* ---- the cases ---- */

static struct send send_to;

static void
begin(size_t deliveries)
{
	struct problems *p = problems_new("c");

	requests = tokens = 0;
	now_s = 1000;
	takes_s = 0;
	memset(ends, 0, sizeof(ends));
	send_to = (struct send){.connector = connector_compile(connector, sizeof(connector) - 1, p)};
	problems_free(p);
	assert_non_null(send_to.connector);
	send_to.token_login = connector_login(send_to.connector, 0);
	for (size_t i = 1; i <= deliveries; i++)
		deliver(&send_to,
		        &(const struct send_delivery){.delivery = (int64_t) i, .kind = "redemption", .objects = 1},
		        CONNECTOR_REDEMPTION, json_parse("[{\"reference\": \"R\"}]"));
}

static void
answer(size_t i, int status, const char *body, const char *retry_after)
{
	request[i].done(request[i].arg, &(const struct http_answer){.status = status,
	                                                            .body = body,
	                                                            .length = strlen(body),
	                                                            .retry_after = retry_after,
	                                                            .why = "no answer"});
}

static void
finish(size_t deliveries)
{
	for (size_t i = 1; i <= deliveries; i++)
		assert_int_equal(ends[i], 1);
	assert_null(send_to.first);
	assert_int_equal(send_to.under_way, 0);
	free(send_to.token);
	connector_free(send_to.connector);
}

static void
test_a_token_that_ends_while_they_are_sent(void **state)
{
	(void) state;
	tokens_most = 1;
	begin(8);
	assert_int_equal(requests, 1);
	takes_s = 5;
	answer(0, 200, "{\"access_token\": \"t\", \"expires_in\": 1}", NULL);
	/* the first went with it; no other token can be had: the others end, each once */
	assert_int_equal(requests, 2);
	assert_string_equal(request[1].url, "https://a.example/r");
	assert_int_equal(ends[1], 0);
	assert_int_equal(last.result, SEND_RETRY);
	answer(1, 200, "", NULL);
	finish(8);
}

static void
test_each_goes_with_a_token_that_holds(void **state)
{
	(void) state;
	tokens_most = 16;
	begin(4);
	takes_s = 5;
	/* each token lasts for one of them */
	for (size_t i = 0; i < requests; i++)
		answer(i, 200,
		       strstr(request[i].url, "/token") != NULL ? "{\"access_token\": \"t\", \"expires_in\": 1}" : "",
		       NULL);
	assert_int_equal(tokens, 4);
	assert_int_equal(last.result, SEND_DELIVERED);
	finish(4);
}

static void
test_no_token_to_begin_with(void **state)
{
	(void) state;
	tokens_most = 0;
	begin(3);
	finish(3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_token_that_ends_while_they_are_sent),
	    cmocka_unit_test(test_each_goes_with_a_token_that_holds),
	    cmocka_unit_test(test_no_token_to_begin_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
