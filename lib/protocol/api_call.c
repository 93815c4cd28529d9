#include "lib/protocol/api_call.h"

#include <string.h>

#include "lib/protocol/receive_job.h"

#define CALL(member) offsetof(struct api_call, member)
#define ANSWER(member) offsetof(struct api_answer, member)

enum { OPEN };

#define ID                                                                                                   \
	{                                                                                                        \
		"id", MEMBER_INT, false, CALL(id), 1, INT64_MAX, NULL                                                \
	}
#define REQUEST_ID                                                                                           \
	{                                                                                                        \
		"request_id", MEMBER_TEXT, false, CALL(request_id), 1, API_REQUEST_ID_BYTES, NULL                    \
	}
#define TOKEN                                                                                                \
	{                                                                                                        \
		"token", MEMBER_TEXT, false, CALL(token), 0, API_TOKEN_BYTES, NULL                                   \
	}
#define KEY                                                                                                  \
	{                                                                                                        \
		"key", MEMBER_TEXT, true, CALL(key), 1, API_KEY_BYTES, NULL                                          \
	}
#define PROGRAMME                                                                                            \
	{                                                                                                        \
		"programme", MEMBER_INT, false, CALL(programme), INT32_MIN, INT32_MAX, NULL                          \
	}
#define MEMBER                                                                                               \
	{                                                                                                        \
		"member", MEMBER_TEXT, false, CALL(member), 1, API_MEMBER_BYTES, NULL                                \
	}
#define MERCHANT                                                                                             \
	{                                                                                                        \
		"merchant", MEMBER_TEXT, false, CALL(merchant), 0, API_MERCHANT_BYTES, NULL                          \
	}
#define REFERENCE                                                                                            \
	{                                                                                                        \
		"reference", MEMBER_TEXT, false, CALL(reference), API_REFERENCE_BYTES, API_REFERENCE_BYTES, NULL     \
	}

static const struct contract_field token_fields[] = {
    ID,
    REQUEST_ID,
    {"client_id", MEMBER_TEXT, false, CALL(client_id), 1, API_CLIENT_BYTES, NULL},
    {"secret", MEMBER_TEXT, false, CALL(secret), 1, API_SECRET_BYTES, NULL},
    {"member", MEMBER_TEXT, true, CALL(member), 1, API_MEMBER_BYTES, NULL},
};
static const struct contract_field authorize_fields[] = {
    ID,
    REQUEST_ID,
    TOKEN,
    {"source", MEMBER_TEXT, true, CALL(source), 1, RECEIVE_SOURCE_BYTES, NULL},
};
static const struct contract_field available_fields[] = {ID, REQUEST_ID, TOKEN, PROGRAMME, MEMBER};
static const struct contract_field redeem_fields[] = {
    ID,
    REQUEST_ID,
    TOKEN,
    KEY,
    PROGRAMME,
    MEMBER,
    MERCHANT,
    {"points", MEMBER_INT, false, CALL(points), INT64_MIN, INT64_MAX, NULL},
    {"amount", MEMBER_TEXT, false, CALL(amount), 1, API_AMOUNT_BYTES, NULL},
    {"type", MEMBER_INT, false, CALL(type), INT32_MIN, INT32_MAX, NULL},
};
static const struct contract_field reverse_fields[] = {ID,        REQUEST_ID, TOKEN,    KEY,
                                                       PROGRAMME, MEMBER,     MERCHANT, REFERENCE};
static const struct contract_field redemption_fields[] = {ID, REQUEST_ID, TOKEN, REFERENCE};
static const struct contract_field request_fields[] = {
    ID,
    REQUEST_ID,
    TOKEN,
    {"key", MEMBER_TEXT, false, CALL(key), 1, API_KEY_BYTES, NULL},
};
static const struct contract_field transactions_fields[] = {
    ID, REQUEST_ID, TOKEN, MEMBER, {"before", MEMBER_INT, true, CALL(before), 1, INT64_MAX, NULL},
};
static const struct contract_field entries_fields[] = {
    ID,
    REQUEST_ID,
    TOKEN,
    {"category", MEMBER_TEXT, true, CALL(category), 1, API_CATEGORY_BYTES, NULL},
    {"partner", MEMBER_TEXT, true, CALL(partner), 1, API_WORD_BYTES, NULL},
    {"member", MEMBER_TEXT, true, CALL(member), 1, API_MEMBER_BYTES, NULL},
    {"type", MEMBER_INT, true, CALL(type), 1, INT32_MAX, NULL},
    {"merchant", MEMBER_TEXT, true, CALL(merchant), 1, API_MERCHANT_BYTES, NULL},
    {"state", MEMBER_TEXT, true, CALL(state), 1, API_WORD_BYTES, NULL},
    {"from", MEMBER_TEXT, true, CALL(from), API_DAY_BYTES, API_DAY_BYTES, NULL},
    {"to", MEMBER_TEXT, true, CALL(to), API_DAY_BYTES, API_DAY_BYTES, NULL},
    {"after", MEMBER_INT, true, CALL(after), 1, INT64_MAX, NULL},
};

#define SOURCE                                                                                               \
	{                                                                                                        \
		"source", MEMBER_TEXT, false, CALL(source), 1, RECEIVE_SOURCE_BYTES, NULL                            \
	}
#define NAME                                                                                                 \
	{                                                                                                        \
		"name", MEMBER_TEXT, false, CALL(name), 1, LIMIT_NAME_BYTES, NULL                                    \
	}
#define BYTES                                                                                                \
	{                                                                                                        \
		"bytes", MEMBER_INT, false, CALL(bytes), 0, INT64_MAX, NULL                                          \
	}
#define SHA256(optional)                                                                                     \
	{                                                                                                        \
		"sha256", MEMBER_TEXT, optional, CALL(sha256), RECEIVE_SHA256_BYTES, RECEIVE_SHA256_BYTES, NULL      \
	}
static const struct contract_field send_fields[] = {ID, REQUEST_ID, TOKEN, SOURCE, NAME, BYTES, SHA256(true)};
static const struct contract_field sent_fields[] = {ID,   REQUEST_ID, TOKEN,        SOURCE,
                                                    NAME, BYTES,      SHA256(false)};
static const struct contract_field file_fields[] = {ID, REQUEST_ID, TOKEN, REFERENCE};
#define SECRET                                                                                               \
	{                                                                                                        \
		"secret", MEMBER_TEXT, false, CALL(secret), 1, API_SECRET_BYTES, NULL                                \
	}
#define ORDER                                                                                                \
	{                                                                                                        \
		"key", MEMBER_TEXT, false, CALL(key), 1, API_KEY_BYTES, NULL                                         \
	}
#define FIGURE                                                                                               \
	{                                                                                                        \
		"amount", MEMBER_TEXT, false, CALL(amount), 1, API_AMOUNT_BYTES, NULL                                \
	}
static const struct contract_field enter_fields[] = {ID, REQUEST_ID, TOKEN, MEMBER};
static const struct contract_field exchange_fields[] = {
    ID,
    REQUEST_ID,
    TOKEN,
    SECRET,
    {"audience", MEMBER_TEXT, false, CALL(audience), 1, API_AUDIENCE_BYTES, NULL},
};
static const struct contract_field rate_fields[] = {
    ID,
    REQUEST_ID,
    TOKEN,
    {"reference", MEMBER_TEXT, true, CALL(reference), API_REFERENCE_BYTES, API_REFERENCE_BYTES, NULL},
};
static const struct contract_field session_fields[] = {ID, REQUEST_ID, SECRET, MEMBER};
static const struct contract_field order_fields[] = {ID, REQUEST_ID, SECRET, MEMBER, ORDER, FIGURE};
#define NAMED(word, optional, most)                                                                          \
	{                                                                                                        \
#word, MEMBER_TEXT, optional, CALL(word), 1, most, NULL                                              \
	}
static const struct contract_field points_fields[] = {
    ID,
    REQUEST_ID,
    TOKEN,
    REFERENCE,
    {"row", MEMBER_INT, false, CALL(row), 1, API_ROWS, NULL},
    {"key", MEMBER_TEXT, false, CALL(key), 1, API_KEY_BYTES, NULL},
    {"member", MEMBER_TEXT, true, CALL(member), 1, API_MEMBER_BYTES, NULL},
    NAMED(account, true, API_PARTNER_BYTES),
    NAMED(partner, false, API_PARTNER_BYTES),
    {"points", MEMBER_INT, false, CALL(points), INT64_MIN, INT64_MAX, NULL},
    NAMED(reason, false, API_WHY_BYTES),
    NAMED(not_before, true, API_TIME_BYTES),
    NAMED(sponsor, true, API_PARTNER_BYTES),
};
static const struct contract_field points_batch_fields[] = {
    ID, REQUEST_ID, TOKEN, REFERENCE, {"after", MEMBER_INT, true, CALL(after), 1, API_ROWS, NULL},
};
static const struct contract_field deliver_fields[] = {
    ID,
    REQUEST_ID,
    {"code", MEMBER_TEXT, false, CALL(code), 1, API_PROGRAMME_BYTES, NULL},
    {"key", MEMBER_TEXT, false, CALL(key), 1, API_KEY_BYTES, NULL},
    {"at", MEMBER_INT, false, CALL(at), 1, INT64_MAX, NULL},
    {"signatures", MEMBER_TEXT, false, CALL(signatures), 1, API_SIGNATURES_BYTES, NULL},
    {"body", MEMBER_TEXT, false, CALL(body), 1, API_WEBHOOK_BYTES, NULL},
};
static const struct contract_field handover_fields[] = {
    {"id", MEMBER_INT, false, ANSWER(id), 1, INT64_MAX, NULL},
};

static const char *const kinds[] = {"none", "text", "integer", "true", "json", NULL};
static const struct contract_field answer_fields[] = {
    {"id", MEMBER_INT, false, ANSWER(id), 1, INT64_MAX, NULL},
    {"status", MEMBER_INT, false, ANSWER(status), 200, 599, NULL},
    {"code", MEMBER_TEXT, false, ANSWER(code), 3, 3, NULL},
    {"reason", MEMBER_TEXT, true, ANSWER(reason), 1, API_REASON_BYTES, NULL},
    {"kind", MEMBER_WORD, false, ANSWER(kind), 0, 0, kinds},
    {"value", MEMBER_TEXT, true, ANSWER(value), 1, API_JSON_BYTES, NULL},
    {"expires", MEMBER_INT, true, ANSWER(expires_s), 1, INT64_MAX, NULL},
    {"retry_after", MEMBER_INT, true, ANSWER(retry_after_s), 1, 86400, NULL},
    {"batch", MEMBER_INT, true, ANSWER(batch), 1, 4096, NULL},
    {"again", MEMBER_FLAG, false, ANSWER(again), 0, 0, NULL},
};

#define FIELDS(list) list, sizeof(list) / sizeof((list)[0])
#define ALWAYS                                                                                               \
	{                                                                                                        \
		[OPEN] = CONTRACT_TO(OPEN)                                                                           \
	}

static const struct contract_message messages[API_MESSAGES] = {
    [API_TOKEN] = {"token", true, false, FIELDS(token_fields), ALWAYS},
    [API_AUTHORIZE] = {"authorize", true, false, FIELDS(authorize_fields), ALWAYS},
    [API_AVAILABLE] = {"available", true, false, FIELDS(available_fields), ALWAYS},
    [API_REDEEM] = {"redeem", true, false, FIELDS(redeem_fields), ALWAYS},
    [API_REVERSE] = {"reverse", true, false, FIELDS(reverse_fields), ALWAYS},
    [API_REDEMPTION] = {"redemption", true, false, FIELDS(redemption_fields), ALWAYS},
    [API_REQUEST] = {"request", true, false, FIELDS(request_fields), ALWAYS},
    [API_TRANSACTIONS] = {"transactions", true, false, FIELDS(transactions_fields), ALWAYS},
    [API_ENTRIES] = {"entries", true, false, FIELDS(entries_fields), ALWAYS},
    [API_SEND] = {"send", true, false, FIELDS(send_fields), ALWAYS},
    [API_SENT] = {"sent", true, false, FIELDS(sent_fields), ALWAYS},
    [API_FILE] = {"file", true, false, FIELDS(file_fields), ALWAYS},
    [API_POINTS] = {"points", true, false, FIELDS(points_fields), ALWAYS},
    [API_POINTS_OF_KEY] = {"points_of_key", true, false, FIELDS(request_fields), ALWAYS},
    [API_POINTS_BATCH] = {"points_batch", true, false, FIELDS(points_batch_fields), ALWAYS},
    [API_ENTER] = {"enter", true, false, FIELDS(enter_fields), ALWAYS},
    [API_EXCHANGE] = {"exchange", true, false, FIELDS(exchange_fields), ALWAYS},
    [API_RATE] = {"rate", true, false, FIELDS(rate_fields), ALWAYS},
    [API_BALANCE] = {"balance", true, false, FIELDS(session_fields), ALWAYS},
    [API_PROFILE] = {"profile", true, false, FIELDS(session_fields), ALWAYS},
    [API_ORDER] = {"order", true, false, FIELDS(order_fields), ALWAYS},
    [API_REFUND] = {"refund", true, false, FIELDS(order_fields), ALWAYS},
    [API_DELIVER] = {"deliver", true, false, FIELDS(deliver_fields), ALWAYS},
    [API_HANDOVER] = {"handover", false, true, FIELDS(handover_fields), ALWAYS},
    [API_ANSWER] = {"answer", false, false, FIELDS(answer_fields), ALWAYS},
};

static const char *const states[] = {"open", NULL};

const struct contract api_contract = {"api_call", "handback-gate", "handback-api",
                                      states,     messages,        API_MESSAGES};

bool
api_call_encode(struct message_line *ret, enum api_message message, const struct api_call *call)
{
	int state = OPEN;

	return contract_encode(&api_contract, message, &state, call, ret);
}

int
api_call_decode(struct api_call *ret, char *line, char *why, size_t why_size)
{
	int state = OPEN;

	*ret = (struct api_call){0};
	return contract_decode(&api_contract, true, &state, line, false, ret, why, why_size);
}

bool
api_answer_encode(struct message_line *ret, const struct api_answer *answer)
{
	int state = OPEN;

	return contract_encode(&api_contract, API_ANSWER, &state, answer, ret);
}

bool
api_handover_encode(struct message_line *ret, int64_t id)
{
	const struct api_answer answer = {.id = id};
	int state = OPEN;

	return contract_encode(&api_contract, API_HANDOVER, &state, &answer, ret);
}

int
api_answer_decode(struct api_answer *ret, char *line, bool passed, char *why, size_t why_size)
{
	int state = OPEN;

	*ret = (struct api_answer){0};
	return contract_decode(&api_contract, false, &state, line, passed, ret, why, why_size);
}

int
api_status(const char *code)
{
	static const struct {
		const char *code;
		int status;
	} others[] = {
	    {"201", 201}, {"202", 202}, {"303", 303}, {"408", 408}, {"413", 413}, {"507", 507},
	    {"401", 401}, {"403", 403}, {"404", 404}, {"405", 405}, {"409", 409}, {"415", 415},
	    {"429", 429}, {"503", 503}, {"997", 500}, {"998", 400}, {"999", 400},
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(others[i].code, code) == 0)
			return others[i].status;
	return 200;
}
