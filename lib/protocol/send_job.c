#include "lib/protocol/send_job.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- the contract ---- */

#define JOB(member) offsetof(struct send_job, member)
#define DELIVERY(member) offsetof(struct send_delivery, member)
#define REPORT(member) offsetof(struct send_report, member)

/* of one object; of a delivery there is one word more */
static const char *const row_results[] = {"delivered", "retry", "held", NULL};
const char *const send_results[SEND_RESULTS + 1] = {"delivered", "retry", "held", "stop", NULL};

static const char *const steps[] = {"create", "upload", "close", "poll", "results", NULL};
static const char *const states[] = {"open", "going", "ended", "failed", "gone", NULL};
const char *const send_outcomes[SEND_OUTCOMES + 1] = {"credited", "pending", "rejected", "not_sent",
                                                      "stopped",  "exists",  "missing",  "differs",
                                                      "unknown",  NULL};

static const struct contract_field target_fields[] = {
    {"target", MEMBER_TEXT, false, JOB(target), 1, SEND_NAME_BYTES, NULL},
    {"no_landlock", MEMBER_FLAG, true, JOB(no_landlock), 0, 0, NULL},
};
static const struct contract_field credential_fields[] = {
    {"name", MEMBER_TEXT, false, JOB(name), 1, SEND_NAME_BYTES, NULL},
};
static const struct contract_field delivery_fields[] = {
    {"delivery", MEMBER_INT, false, DELIVERY(delivery), 1, INT64_MAX, NULL},
    {"kind", MEMBER_TEXT, false, DELIVERY(kind), 1, SEND_NAME_BYTES, NULL},
    {"objects", MEMBER_INT, false, DELIVERY(objects), 1, SEND_OBJECTS, NULL},
    {"reads", MEMBER_FLAG, true, DELIVERY(reads), 0, 0, NULL},
    {"step", MEMBER_ARRAY, true, DELIVERY(step), 1, SEND_STEP_BYTES, steps},
    {"job", MEMBER_TEXT, true, DELIVERY(job), 1, SEND_JOB_BYTES, NULL},
};
#define WHY                                                                                                  \
	{                                                                                                        \
		"why", MEMBER_TEXT, true, REPORT(why), 1, SEND_WHY_BYTES, NULL                                       \
	}
#define OF_DELIVERY                                                                                          \
	{                                                                                                        \
		"delivery", MEMBER_INT, false, REPORT(delivery), 1, INT64_MAX, NULL                                  \
	}
#define STATUS                                                                                               \
	{                                                                                                        \
		"status", MEMBER_INT, true, REPORT(status), 100, 599, NULL                                           \
	}
static const struct contract_field fault_fields[] = {
    {"why", MEMBER_TEXT, false, REPORT(why), 1, SEND_WHY_BYTES, NULL},
};
static const struct contract_field row_fields[] = {
    OF_DELIVERY,
    {"row", MEMBER_INT, false, REPORT(row), 0, SEND_OBJECTS - 1, NULL},
    {"result", MEMBER_WORD, false, REPORT(result), 0, 0, row_results},
    STATUS,
    {"code", MEMBER_TEXT, true, REPORT(code), 1, SEND_CODE_BYTES, NULL},
};
static const struct contract_field done_fields[] = {
    OF_DELIVERY,
    {"result", MEMBER_WORD, false, REPORT(result), 0, 0, send_results},
    STATUS,
    {"wait_s", MEMBER_INT, true, REPORT(wait_s), 1, SEND_WAIT_S, NULL},
    {"used", MEMBER_INT, true, REPORT(used), 0, INT64_MAX, NULL},
    {"whole", MEMBER_INT, true, REPORT(whole), 1, INT64_MAX, NULL},
    {"job", MEMBER_TEXT, true, REPORT(job), 1, SEND_JOB_BYTES, NULL},
    {"state", MEMBER_ARRAY, true, REPORT(state), 1, SEND_STEP_BYTES, states},
    WHY,
};

static const struct contract_field settled_fields[] = {
    OF_DELIVERY,
    {"outcome", MEMBER_WORD, false, REPORT(outcome), 0, 0, send_outcomes},
    STATUS,
    {"reference", MEMBER_TEXT, true, REPORT(reference), 1, SEND_REFERENCE_BYTES, NULL},
    {"points", MEMBER_INT, true, REPORT(points), INT64_MIN, INT64_MAX, NULL},
    {"wait_s", MEMBER_INT, true, REPORT(wait_s), 1, SEND_WAIT_S, NULL},
    WHY,
};

#define FIELDS(list) list, sizeof(list) / sizeof((list)[0])
#define NO_FIELDS NULL, 0
#define AT(here, then) [SEND_TURN_##here] = CONTRACT_TO(SEND_TURN_##then)

static const struct contract_message messages[SEND_MESSAGES] = {
    [SEND_TARGET] = {"target", true, true, FIELDS(target_fields), {AT(NEW, FILLING)}},
    [SEND_CREDENTIAL] = {"credential", true, true, FIELDS(credential_fields), {AT(FILLING, FILLING)}},
    [SEND_GO] = {"go", true, false, NO_FIELDS, {AT(FILLING, STARTED)}},
    [SEND_DELIVERY] = {"delivery", true, true, FIELDS(delivery_fields), {AT(READY, READY)}},

    [SEND_READY] = {"ready", false, false, NO_FIELDS, {AT(STARTED, READY)}},
    /* a job that does not fit ends so too, and whoever sent it may still be sending */
    [SEND_FAULT] = {"fault",
                    false,
                    false,
                    FIELDS(fault_fields),
                    {AT(NEW, ENDED), AT(FILLING, ENDED), AT(STARTED, ENDED), AT(READY, ENDED)}},
    [SEND_ROW] = {"row", false, false, FIELDS(row_fields), {AT(READY, READY)}},
    [SEND_DONE] = {"done", false, false, FIELDS(done_fields), {AT(READY, READY)}},
    [SEND_SETTLED] = {"settled", false, false, FIELDS(settled_fields), {AT(READY, READY)}},
};

static const char *const turns[] = {"new", "filling", "started", "ready", "ended", NULL};

const struct contract send_contract = {"send_job", "handback-outbox", "handback-send",
                                       turns,      messages,          SEND_MESSAGES};

/* ---- the job ---- */

void
send_job_init(struct send_job *job)
{
	*job = (struct send_job){.connector_fd = -1};
	for (int i = 0; i < SEND_CREDENTIALS; i++)
		job->credential[i].fd = -1;
}

void
send_job_free(struct send_job *job)
{
	if (job->connector_fd >= 0)
		close(job->connector_fd);
	for (int i = 0; i < SEND_CREDENTIALS; i++)
		if (job->credential[i].fd >= 0)
			close(job->credential[i].fd);
	channel_packets_free(&job->packets);
	send_job_init(job);
}

/* The descriptor at *fd (NULL: none) is the packet's from here on. */
static bool
add_packet(struct channel_packets *packets, int *turn, enum send_message message, const struct send_job *job,
           int *fd)
{
	struct message_line line;
	int passed = fd != NULL ? *fd : -1;

	if (fd != NULL)
		*fd = -1;
	if ((fd == NULL || passed >= 0) && contract_encode(&send_contract, message, turn, job, &line))
		return channel_packets_add(packets, line.text, line.length, passed);
	if (passed >= 0)
		close(passed);
	errno = EMSGSIZE;
	return false;
}

bool
send_job_encode(struct channel_packets *ret, int *turn, struct send_job *job, char *why, size_t why_size)
{
	struct channel_packets packets = {NULL, 0, 0};
	bool good = add_packet(&packets, turn, SEND_TARGET, job, &job->connector_fd);

	for (size_t i = 0; good && i < job->credential_count; i++) {
		job->name = job->credential[i].name;
		good = add_packet(&packets, turn, SEND_CREDENTIAL, job, &job->credential[i].fd);
	}
	if (good && add_packet(&packets, turn, SEND_GO, job, NULL)) {
		*ret = packets;
		return true;
	}
	snprintf(why, why_size, "%s",
	         errno == EMSGSIZE ? "a value of the target is missing or out of bounds" : "out of memory");
	channel_packets_free(&packets);
	send_job_free(job);
	return false;
}

/* What the message means for the job: a sentence, or NULL. */
static const char *
take(struct send_job *job, int message, int passed)
{
	if (message == SEND_TARGET) {
		job->connector_fd = passed;
	} else if (message == SEND_CREDENTIAL) {
		for (size_t i = 0; i < job->credential_count; i++)
			if (strcmp(job->credential[i].name, job->name) == 0)
				return "it came before";
		if (job->credential_count == SEND_CREDENTIALS)
			return "there are more of them than a target has";
		job->credential[job->credential_count].name = job->name;
		job->credential[job->credential_count++].fd = passed;
	} else if (message != SEND_GO) {
		return "the target is not whole yet";
	}
	return NULL;
}

static int
take_packet(void *value, int *turn, char *line, int passed, char *why, size_t why_size)
{
	struct send_job *job = value;
	const char *wrong;
	int message = -1;

	/* kept for as long as the job: its texts point there */
	if (channel_packets_add(&job->packets, line, strlen(line), -1))
		message =
		    contract_decode(&send_contract, true, turn, job->packets.packet[job->packets.count - 1].text,
		                    passed >= 0, job, why, why_size);
	else
		snprintf(why, why_size, "out of memory");
	wrong = message >= 0 ? take(job, message, passed) : NULL;
	if (wrong != NULL)
		snprintf(why, why_size, "%s: %s", messages[message].verb, wrong);
	if (message >= 0 && wrong == NULL)
		return message;
	if (passed >= 0)
		close(passed);
	return -1;
}

bool
send_job_receive(int channel, struct send_job *ret, int *turn, char *why, size_t why_size)
{
	send_job_init(ret);
	return channel_receive_job(channel, take_packet, ret, turn, why, why_size);
}

/* ---- deliveries and reports ---- */

bool
send_delivery_encode(struct message_line *ret, int *turn, const struct send_delivery *delivery)
{
	return contract_encode(&send_contract, SEND_DELIVERY, turn, delivery, ret);
}

/* The table of messages has the job's as well, which would fill another struct: the verb is looked at first.
 */
bool
send_delivery_decode(struct send_delivery *ret, int *turn, char *line, bool passed, char *why,
                     size_t why_size)
{
	union {
		struct send_delivery delivery;
		struct send_job job;
	} value = {0};

	if (contract_decode(&send_contract, true, turn, line, passed, &value, why, why_size) != SEND_DELIVERY)
		return false;
	*ret = value.delivery;
	return true;
}

bool
send_report_encode(struct message_line *ret, int *turn, enum send_message message,
                   const struct send_report *report)
{
	/* what only a delivery may come to has no word of an object */
	return (message != SEND_ROW || report->result < SEND_STOP) &&
	       contract_encode(&send_contract, message, turn, report, ret);
}

int
send_report_decode(struct send_report *ret, int *turn, char *line, char *why, size_t why_size)
{
	*ret = (struct send_report){0};
	return contract_decode(&send_contract, false, turn, line, false, ret, why, why_size);
}
