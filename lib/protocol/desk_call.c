#include "lib/protocol/desk_call.h"

/* One struct for both messages of the asker, since a contract reads into one. */
struct call {
	struct desk_enter enter;
	struct desk_ask ask;
};

#define CALL(member) offsetof(struct call, member)
#define ANSWER(member) offsetof(struct desk_answer, member)
#define FIELDS(list) list, sizeof(list) / sizeof((list)[0])

static const struct contract_field enter_fields[] = {
    {"person", MEMBER_TEXT, false, CALL(enter.person), 1, DESK_PERSON_BYTES, NULL},
    {"code", MEMBER_TEXT, false, CALL(enter.code), DESK_CODE_BYTES, DESK_CODE_BYTES, NULL},
};
static const struct contract_field ask_fields[] = {
    {"path", MEMBER_TEXT, false, CALL(ask.path), 1, DESK_PATH_BYTES, NULL},
    {"query", MEMBER_TEXT, true, CALL(ask.query), 0, DESK_QUERY_BYTES, NULL},
    {"form", MEMBER_TEXT, true, CALL(ask.form), 0, DESK_FORM_BYTES, NULL},
};
static const struct contract_field upload_fields[] = {
    {"path", MEMBER_TEXT, false, CALL(ask.path), 1, DESK_PATH_BYTES, NULL},
    {"type", MEMBER_TEXT, false, CALL(ask.type), 1, DESK_CONTENT_BYTES, NULL},
};
static const struct contract_field refused_fields[] = {
    {"why", MEMBER_TEXT, false, ANSWER(why), 1, DESK_WHY_BYTES, NULL},
};
static const struct contract_field page_fields[] = {
    {"status", MEMBER_INT, false, ANSWER(status), 200, 599, NULL},
    {"type", MEMBER_TEXT, false, ANSWER(type), 1, DESK_TYPE_BYTES, NULL},
    {"name", MEMBER_TEXT, true, ANSWER(name), 1, DESK_PATH_BYTES, NULL},
    {"location", MEMBER_TEXT, true, ANSWER(location), 1, DESK_PATH_BYTES, NULL},
    {"ends", MEMBER_FLAG, false, ANSWER(ends), 0, 0, NULL},
};

static const char *const turns[] = {"new", "entering", "open", "asked", "ended", NULL};

static const struct contract_message messages[DESK_MESSAGES] = {
    [DESK_ENTER] =
        {"enter", true, false, FIELDS(enter_fields), {[DESK_TURN_NEW] = CONTRACT_TO(DESK_TURN_ENTERING)}},
    [DESK_ASK] = {"ask", true, false, FIELDS(ask_fields), {[DESK_TURN_OPEN] = CONTRACT_TO(DESK_TURN_ASKED)}},
    [DESK_UPLOAD] = {"upload",
                     true,
                     true,
                     FIELDS(upload_fields),
                     {[DESK_TURN_OPEN] = CONTRACT_TO(DESK_TURN_ASKED)}},
    [DESK_ENTERED] = {"entered", false, false, NULL, 0, {[DESK_TURN_ENTERING] = CONTRACT_TO(DESK_TURN_OPEN)}},
    [DESK_REFUSED] = {"refused",
                      false,
                      false,
                      FIELDS(refused_fields),
                      {[DESK_TURN_ENTERING] = CONTRACT_TO(DESK_TURN_ENDED)}},
    [DESK_PAGE] =
        {"page", false, true, FIELDS(page_fields), {[DESK_TURN_ASKED] = CONTRACT_TO(DESK_TURN_OPEN)}},
};

const struct contract desk_contract = {"desk_call", "handback-web", "handback-desk",
                                       turns,       messages,       DESK_MESSAGES};

bool
desk_enter_encode(struct message_line *ret, int *turn, const struct desk_enter *enter)
{
	const struct call call = {.enter = *enter};

	return contract_encode(&desk_contract, DESK_ENTER, turn, &call, ret);
}

bool
desk_ask_encode(struct message_line *ret, int *turn, const struct desk_ask *ask)
{
	const struct call call = {.ask = *ask};

	return contract_encode(&desk_contract, ask->type != NULL ? DESK_UPLOAD : DESK_ASK, turn, &call, ret);
}

int
desk_call_decode(struct desk_enter *ret_enter, struct desk_ask *ret_ask, int *turn, char *line, int passed,
                 char *why, size_t why_size)
{
	struct call call = {0};
	int message = contract_decode(&desk_contract, true, turn, line, passed >= 0, &call, why, why_size);

	call.ask.body = passed;
	*ret_enter = call.enter;
	*ret_ask = call.ask;
	return message;
}

bool
desk_answer_encode(struct message_line *ret, int *turn, enum desk_message message,
                   const struct desk_answer *answer)
{
	return contract_encode(&desk_contract, message, turn, answer, ret);
}

int
desk_answer_decode(struct desk_answer *ret, int *turn, char *line, bool passed, char *why, size_t why_size)
{
	*ret = (struct desk_answer){0};
	return contract_decode(&desk_contract, false, turn, line, passed, ret, why, why_size);
}
