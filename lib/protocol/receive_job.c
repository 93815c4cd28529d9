#include "lib/protocol/receive_job.h"

#define JOB(member) offsetof(struct receive_job, member)
#define ANSWER(member) offsetof(struct receive_answer, member)
#define FIELDS(list) list, sizeof(list) / sizeof((list)[0])

static const struct contract_field file_fields[] = {
    {"source", MEMBER_TEXT, false, JOB(source), 1, RECEIVE_SOURCE_BYTES, NULL},
    {"name", MEMBER_TEXT, false, JOB(name), 1, LIMIT_NAME_BYTES, NULL},
    {"bytes", MEMBER_INT, false, JOB(bytes), 0, INT64_MAX, NULL},
    {"sha256", MEMBER_TEXT, true, JOB(sha256), RECEIVE_SHA256_BYTES, RECEIVE_SHA256_BYTES, NULL},
};
static const struct contract_field whole_fields[] = {
    {"sha256", MEMBER_TEXT, false, ANSWER(sha256), RECEIVE_SHA256_BYTES, RECEIVE_SHA256_BYTES, NULL},
};
static const struct contract_field refused_fields[] = {
    {"code", MEMBER_TEXT, false, ANSWER(code), 3, 3, NULL},
    {"why", MEMBER_TEXT, false, ANSWER(why), 1, RECEIVE_WHY_BYTES, NULL},
};

static const char *const turns[] = {"new", "asked", "body", "ended", NULL};

static const struct contract_message messages[RECEIVE_MESSAGES] = {
    [RECEIVE_FILE] =
        {"file", true, false, FIELDS(file_fields), {[RECEIVE_TURN_NEW] = CONTRACT_TO(RECEIVE_TURN_ASKED)}},
    [RECEIVE_READY] =
        {"ready", false, false, NULL, 0, {[RECEIVE_TURN_ASKED] = CONTRACT_TO(RECEIVE_TURN_BODY)}},
    [RECEIVE_WHOLE] = {"whole",
                       false,
                       false,
                       FIELDS(whole_fields),
                       {[RECEIVE_TURN_BODY] = CONTRACT_TO(RECEIVE_TURN_ENDED)}},
    [RECEIVE_REFUSED] = {"refused",
                         false,
                         false,
                         FIELDS(refused_fields),
                         {[RECEIVE_TURN_ASKED] = CONTRACT_TO(RECEIVE_TURN_ENDED),
                          [RECEIVE_TURN_BODY] = CONTRACT_TO(RECEIVE_TURN_ENDED)}},
};

const struct contract receive_contract = {
    "receive_job", "handback-api and the gate", "handback-receive", turns, messages, RECEIVE_MESSAGES};

bool
receive_job_encode(struct message_line *ret, const struct receive_job *job)
{
	int turn = RECEIVE_TURN_NEW;

	return contract_encode(&receive_contract, RECEIVE_FILE, &turn, job, ret);
}

bool
receive_job_decode(struct receive_job *ret, int *turn, char *line, char *why, size_t why_size)
{
	*ret = (struct receive_job){0};
	return contract_decode(&receive_contract, true, turn, line, false, ret, why, why_size) == RECEIVE_FILE;
}

bool
receive_answer_encode(struct message_line *ret, int *turn, enum receive_message message,
                      const struct receive_answer *answer)
{
	return contract_encode(&receive_contract, message, turn, answer, ret);
}

int
receive_answer_decode(struct receive_answer *ret, int *turn, char *line, char *why, size_t why_size)
{
	*ret = (struct receive_answer){0};
	return contract_decode(&receive_contract, false, turn, line, false, ret, why, why_size);
}
