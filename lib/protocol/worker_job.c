#include "lib/protocol/worker_job.h"

#include <string.h>

#define SOURCE_BYTES 63
#define PARTNER_BYTES 127
#define STAGE_BYTES 32
#define SERVER_BYTES 287

#define TEXT(type, key, member, most)                                                                        \
	{                                                                                                        \
		key, MEMBER_TEXT, false, offsetof(struct type, member), 1, most, NULL                                \
	}
#define NUMBER(type, key, member, least, most)                                                               \
	{                                                                                                        \
		key, MEMBER_INT, false, offsetof(struct type, member), least, most, NULL                             \
	}
#define COUNT(member) NUMBER(worker_report, #member, result.member, 0, INT64_MAX)

static const struct contract_field job_fields[] = {
    TEXT(worker_request, "source", source, SOURCE_BYTES),
    TEXT(worker_request, "partner", partner, PARTNER_BYTES),
    TEXT(worker_request, "profile", profile, LIMIT_NAME_BYTES),
    {"name", MEMBER_HEX, false, offsetof(struct worker_request, name), 1, LIMIT_NAME_BYTES, NULL},
    NUMBER(worker_request, "seen", seen_us, 0, INT64_MAX),
    {"checksum", MEMBER_TEXT, true, offsetof(struct worker_request, checksum), 1, LIMIT_NAME_BYTES, NULL},
    {"crashed", MEMBER_INT, true, offsetof(struct worker_request, crashed), 1, 64, NULL},
};

static const struct contract_field release_fields[] = {
    {"file", MEMBER_INT, true, offsetof(struct worker_request, file), 1, INT64_MAX, NULL},
    {"crashed", MEMBER_INT, true, offsetof(struct worker_request, crashed), 1, 64, NULL},
};

static const struct contract_field ready_fields[] = {
    {"server", MEMBER_TEXT, true, offsetof(struct worker_report, server), 1, SERVER_BYTES, NULL},
    {"timeline", MEMBER_INT, true, offsetof(struct worker_report, timeline), 1, UINT32_MAX, NULL},
};

static const struct contract_field taken_fields[] = {
    NUMBER(worker_report, "file", file, 1, INT64_MAX),
    {"bytes", MEMBER_INT, true, offsetof(struct worker_report, bytes), 1, LIMIT_FILE_BYTES, NULL},
};

static const struct contract_field retried_fields[] = {
    NUMBER(worker_report, "times", times, 1, INT32_MAX),
};

static const struct contract_field stage_fields[] = {
    TEXT(worker_report, "name", stage, STAGE_BYTES),
    NUMBER(worker_report, "records", records, 0, INT64_MAX),
};

static const char *const end_states[] = {"posted", "held", "duplicate", NULL};

static const struct contract_field done_fields[] = {
    NUMBER(worker_report, "file", result.file_id, 1, INT64_MAX),
    {"state", MEMBER_ARRAY, false, offsetof(struct worker_report, result.state), 1,
     sizeof(((struct job_result *) NULL)->state) - 1, end_states},
    COUNT(records),
    COUNT(confirmed),
    COUNT(reversed),
    COUNT(already_applied),
    COUNT(duplicate_record),
    COUNT(informational),
    COUNT(held),
    COUNT(points),
    COUNT(earlier),
    {"reason", MEMBER_ARRAY, true, offsetof(struct worker_report, result.reason), 0,
     sizeof(((struct job_result *) NULL)->reason) - 1, NULL},
    COUNT(ms),
    {"answer", MEMBER_FLAG, false, offsetof(struct worker_report, result.answered), 0, 0, NULL},
};

static const struct contract_field why_fields[] = {
    {"why", MEMBER_ARRAY, false, offsetof(struct worker_report, result.why), 0, LIMIT_MESSAGE_BYTES - 1,
     NULL},
};

#define FIELDS(list) list, sizeof(list) / sizeof((list)[0])
#define STARTING WORKER_TURN_STARTING
#define IDLE WORKER_TURN_IDLE
#define BUSY WORKER_TURN_BUSY
#define JOB_ENDS                                                                                             \
	{                                                                                                        \
		[BUSY] = CONTRACT_TO(IDLE)                                                                           \
	}

static const struct contract_message messages[WORKER_MESSAGES] = {
    [WORKER_JOB] = {"job", true, true, FIELDS(job_fields), {[IDLE] = CONTRACT_TO(BUSY)}},
    [WORKER_RELEASE] = {"release", true, false, FIELDS(release_fields), {[IDLE] = CONTRACT_TO(BUSY)}},
    /* also after a job that failed with its connection: by then the daemon may have given the next */
    [WORKER_READY] =
        {"ready",
         false,
         false,
         FIELDS(ready_fields),
         {[STARTING] = CONTRACT_TO(IDLE), [IDLE] = CONTRACT_TO(IDLE), [BUSY] = CONTRACT_TO(BUSY)}},
    [WORKER_WAITING] =
        {"waiting",
         false,
         false,
         NULL,
         0,
         {[STARTING] = CONTRACT_TO(STARTING), [IDLE] = CONTRACT_TO(IDLE), [BUSY] = CONTRACT_TO(BUSY)}},
    [WORKER_RETRIED] =
        {"retried",
         false,
         false,
         FIELDS(retried_fields),
         {[STARTING] = CONTRACT_TO(STARTING), [IDLE] = CONTRACT_TO(IDLE), [BUSY] = CONTRACT_TO(BUSY)}},
    [WORKER_TAKEN] = {"taken", false, false, FIELDS(taken_fields), {[BUSY] = CONTRACT_TO(BUSY)}},
    [WORKER_STAGE] = {"stage", false, false, FIELDS(stage_fields), {[BUSY] = CONTRACT_TO(BUSY)}},
    [WORKER_DONE] = {"done", false, false, FIELDS(done_fields), JOB_ENDS},
    [WORKER_GONE] = {"gone", false, false, NULL, 0, JOB_ENDS},
    [WORKER_BUSY_FILE] = {"busy", false, false, FIELDS(why_fields), JOB_ENDS},
    [WORKER_FAILED] = {"failed", false, false, FIELDS(why_fields), JOB_ENDS},
};

static const char *const turns[] = {[STARTING] = "starting", [IDLE] = "idle", [BUSY] = "busy", NULL};

const struct contract worker_contract = {"worker_job", "handbackd", "handback-reconcile",
                                         turns,        messages,    WORKER_MESSAGES};

bool
worker_request_encode(struct message_line *ret, int *turn, enum worker_message message,
                      const struct worker_request *request)
{
	return contract_encode(&worker_contract, message, turn, request, ret);
}

bool
worker_report_encode(struct message_line *ret, int *turn, enum worker_message message,
                     const struct worker_report *report)
{
	return contract_encode(&worker_contract, message, turn, report, ret);
}

int
worker_request_decode(struct worker_request *ret, int *turn, char *line, bool passed, char *why,
                      size_t why_size)
{
	*ret = (struct worker_request){0};
	return contract_decode(&worker_contract, true, turn, line, passed, ret, why, why_size);
}

static enum job_end
end_of(int message)
{
	return message == WORKER_DONE        ? JOB_DONE
	       : message == WORKER_GONE      ? JOB_GONE
	       : message == WORKER_BUSY_FILE ? JOB_BUSY
	                                     : JOB_FAILED;
}

int
worker_report_decode(struct worker_report *ret, int *turn, char *line, char *why, size_t why_size)
{
	int before = *turn, message;

	*ret = (struct worker_report){0};
	message = contract_decode(&worker_contract, false, turn, line, false, ret, why, why_size);
	if (message >= WORKER_DONE)
		ret->result.end = end_of(message);
	if (message == WORKER_DONE && strcmp(ret->result.state, "held") == 0 && ret->result.reason[0] == '\0') {
		snprintf(why, why_size, "it left out or mistook a field (reason): a held file without one");
		*turn = before;
		return -1;
	}
	return message;
}
