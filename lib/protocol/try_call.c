#include "lib/protocol/try_call.h"

static const struct contract_field file_fields[] = {
    {"name", MEMBER_HEX, false, offsetof(struct try_file, name), 1, LIMIT_NAME_BYTES, NULL},
    {"source", MEMBER_TEXT, true, offsetof(struct try_file, source), 1, TRY_SOURCE_BYTES, NULL},
    {"partner", MEMBER_TEXT, true, offsetof(struct try_file, partner), 1, TRY_SOURCE_BYTES, NULL},
    {"programme", MEMBER_TEXT, true, offsetof(struct try_file, programme), 1, TRY_SOURCE_BYTES, NULL},
};

static const char *const turns[] = {"open", "asked", NULL};

static const struct contract_message messages[TRY_MESSAGES] = {
    [TRY_FILE] = {"try",
                  true,
                  true,
                  file_fields,
                  sizeof(file_fields) / sizeof(file_fields[0]),
                  {[TRY_TURN_OPEN] = CONTRACT_TO(TRY_TURN_ASKED)}},
    [TRY_DONE] = {"done", false, true, NULL, 0, {[TRY_TURN_ASKED] = CONTRACT_TO(TRY_TURN_OPEN)}},
};

const struct contract try_contract = {"try_call", "handback-desk", "handback-try",
                                      turns,      messages,        TRY_MESSAGES};

bool
try_file_encode(struct message_line *ret, int *turn, const struct try_file *file)
{
	return contract_encode(&try_contract, TRY_FILE, turn, file, ret);
}

bool
try_done_encode(struct message_line *ret, int *turn)
{
	return contract_encode(&try_contract, TRY_DONE, turn, "", ret);
}

int
try_file_decode(struct try_file *ret, int *turn, char *line, bool passed, char *why, size_t why_size)
{
	*ret = (struct try_file){.source = NULL};
	return contract_decode(&try_contract, true, turn, line, passed, ret, why, why_size);
}

int
try_done_decode(int *turn, char *line, bool passed, char *why, size_t why_size)
{
	return contract_decode(&try_contract, false, turn, line, passed, &(char){0}, why, why_size);
}
