/*
 * What gate, handback-api and handback-receive say to each other, where one of them was taken over, and the
 * tokens of callers.  The first byte says which; the rest is one packet or token.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "lib/base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool truth)
{
	if (!truth)
		abort();
}

/* What is taken is within its bounds, so that the other side's encoder would write it. */
static void
try_call(const char *line, size_t len)
{
	static struct message_line again;
	char why[LIMIT_MESSAGE_BYTES];
	struct call *c = call_read(line, len, why, sizeof(why));

	if (c != NULL) {
		expect(api_call_encode(&again, c->message, &c->what));
		call_answer(c, "000", NULL);
		c->answer.id = c->what.id;
		expect(api_answer_encode(&again, &c->answer));
	}
	call_free(c);
}

static void
try_answer(char *line, bool passed)
{
	static struct message_line again;
	char why[LIMIT_MESSAGE_BYTES];
	struct api_answer answer;
	int message = api_answer_decode(&answer, line, passed, why, sizeof(why));

	expect(message < 0 || (message == API_HANDOVER ? passed && api_handover_encode(&again, answer.id)
	                                               : !passed && api_answer_encode(&again, &answer)));
}

static void
try_receiver(char *line)
{
	static struct message_line again;
	static char copy[MESSAGE_BYTES + 1];
	char why[LIMIT_MESSAGE_BYTES];
	struct receive_job job;
	struct receive_answer answer;
	int turn = RECEIVE_TURN_NEW, before = RECEIVE_TURN_BODY, message;

	snprintf(copy, sizeof(copy), "%s", line);
	expect(!receive_job_decode(&job, &turn, copy, why, sizeof(why)) || receive_job_encode(&again, &job));
	turn = before;
	message = receive_answer_decode(&answer, &turn, line, why, sizeof(why));
	expect(message < 0 ? turn == before
	                   : receive_answer_encode(&again, &before, (enum receive_message) message, &answer) &&
	                         before == turn);
}

/* None that we did not sign is good, and one that we did is good only as we wrote it. */
static void
try_token(const char *text)
{
	struct token_keys keys = {0};
	struct token_claims claims = {.client = "app", .generation = 1, .issued_s = 1000, .expires_s = 2800};
	char token[API_TOKEN_BYTES + 1];

	expect(token_key_init(&keys.key[0], "0123456789abcdef0123456789abcdef", 32));
	expect(token_make(&keys, &claims, token, sizeof(token)));
	expect((token_read(&keys, text, 1500, &claims) == NULL) == (strcmp(text, token) == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	/* escaped again it may not fit */
	if (size == 0 || size > MESSAGE_BYTES / 8)
		return 0;
	text = malloc(size);
	if (text == NULL)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 'c')
		try_call(text, size - 1);
	else if (data[0] == 'r')
		try_receiver(text);
	else if (data[0] == 't')
		try_token(text);
	else
		try_answer(text, data[0] == 'h');
	free(text);
	return 0;
}
