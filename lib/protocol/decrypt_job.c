#include "lib/protocol/decrypt_job.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- the contract ---- */

#define JOB(member) offsetof(struct decrypt_job, member)

static const struct contract_field job_fields[] = {
    {"encrypted", MEMBER_FLAG, false, JOB(encrypted), 0, 0, NULL},
    {"signature", MEMBER_FLAG, false, JOB(signature), 0, 0, NULL},
    {"weak_sha1", MEMBER_FLAG, true, JOB(weak_sha1), 0, 0, NULL},
    {"weak_ripemd160", MEMBER_FLAG, true, JOB(weak_ripemd160), 0, 0, NULL},
    {"weak_keys", MEMBER_FLAG, true, JOB(weak_keys), 0, 0, NULL},
    {"no_landlock", MEMBER_FLAG, true, JOB(no_landlock), 0, 0, NULL},
    {"limit", MEMBER_INT, false, JOB(limit), 1, INT64_MAX, NULL},
};
static const struct contract_field why_fields[] = {
    {"why", MEMBER_TEXT, false, offsetof(struct decrypt_answer, why), 1, DECRYPT_WHY_BYTES, NULL},
};

#define FIELDS(list) list, sizeof(list) / sizeof((list)[0])
#define NO_FIELDS NULL, 0
#define AT(here, then) [DECRYPT_TURN_##here] = CONTRACT_TO(DECRYPT_TURN_##then)

static const struct contract_message messages[DECRYPT_MESSAGES] = {
    [DECRYPT_SEND_JOB] = {"job", true, false, FIELDS(job_fields), {AT(NEW, FILLING)}},
    [DECRYPT_SEND_FILE] = {"file", true, true, NO_FIELDS, {AT(FILLING, FILLING)}},
    [DECRYPT_SEND_CONTENT] = {"content", true, true, NO_FIELDS, {AT(FILLING, FILLING)}},
    [DECRYPT_SEND_SECRET] = {"secret", true, true, NO_FIELDS, {AT(FILLING, FILLING)}},
    [DECRYPT_SEND_PASSPHRASE] = {"passphrase", true, true, NO_FIELDS, {AT(FILLING, FILLING)}},
    [DECRYPT_SEND_SIGNERS] = {"signers", true, true, NO_FIELDS, {AT(FILLING, FILLING)}},
    [DECRYPT_SEND_GO] = {"go", true, false, NO_FIELDS, {AT(FILLING, STARTED)}},

    [DECRYPT_DONE] = {"done", false, false, NO_FIELDS, {AT(STARTED, ENDED)}},
    [DECRYPT_REFUSED] = {"refused", false, false, FIELDS(why_fields), {AT(STARTED, ENDED)}},
    [DECRYPT_CRASHED] = {"crashed", false, false, FIELDS(why_fields), {AT(STARTED, ENDED)}},
    /* a job that does not fit ends so too */
    [DECRYPT_FAILED] = {"failed",
                        false,
                        false,
                        FIELDS(why_fields),
                        {AT(NEW, ENDED), AT(FILLING, ENDED), AT(STARTED, ENDED)}},
};

static const char *const turns[] = {"new", "filling", "started", "ended", NULL};

const struct contract decrypt_contract = {"decrypt_job", "handback-reconcile", "handback-decrypt", turns,
                                          messages,      DECRYPT_MESSAGES};

/* ---- the job ---- */

/* The message that a descriptor goes with. */
static enum decrypt_message
message_of(int descriptor)
{
	return (enum decrypt_message)(DECRYPT_SEND_FILE + descriptor);
}

void
decrypt_job_init(struct decrypt_job *job)
{
	*job = (struct decrypt_job){0};
	for (int i = 0; i < DECRYPT_DESCRIPTORS; i++)
		job->fd[i] = -1;
}

void
decrypt_job_free(struct decrypt_job *job)
{
	for (int i = 0; i < DECRYPT_DESCRIPTORS; i++)
		if (job->fd[i] >= 0)
			close(job->fd[i]);
	decrypt_job_init(job);
}

static bool
send_packet(int channel, int *turn, enum decrypt_message message, const struct decrypt_job *job, int fd)
{
	struct message_line line;

	errno = EMSGSIZE;
	return contract_encode(&decrypt_contract, message, turn, job, &line) &&
	       channel_send(channel, line.text, line.length, fd) == 0;
}

bool
decrypt_job_send(int channel, int *turn, const struct decrypt_job *job, char *why, size_t why_size)
{
	bool good = send_packet(channel, turn, DECRYPT_SEND_JOB, job, -1);

	for (int i = 0; good && i < DECRYPT_DESCRIPTORS; i++)
		good = job->fd[i] < 0 || send_packet(channel, turn, message_of(i), job, job->fd[i]);
	good = good && send_packet(channel, turn, DECRYPT_SEND_GO, job, -1);
	if (!good)
		snprintf(why, why_size, "%s",
		         errno == EMSGSIZE ? "a value of the job is out of bounds" : strerrordesc_np(errno));
	return good;
}

/* What was not sent, and what does not go together: a sentence, or NULL. */
static const char *
complete(const struct decrypt_job *job)
{
	if (job->fd[DECRYPT_FILE] < 0 || job->fd[DECRYPT_CONTENT] < 0)
		return "the job lacks its file or a place for the content";
	if (!job->encrypted && !job->signature)
		return "the job demands nothing";
	if (job->encrypted && job->fd[DECRYPT_SECRET] < 0)
		return "the job lacks the private key";
	if (job->signature && job->fd[DECRYPT_SIGNERS] < 0)
		return "the job lacks the signers' keys";
	return NULL;
}

/* What the message means for the job: a sentence, or NULL. */
static const char *
take(struct decrypt_job *job, int message, int passed)
{
	int *place;

	if (message == DECRYPT_SEND_GO)
		return complete(job);
	if (message == DECRYPT_SEND_JOB)
		return NULL;
	place = &job->fd[message - DECRYPT_SEND_FILE];
	if (*place >= 0)
		return "it came before";
	*place = passed;
	return NULL;
}

int
decrypt_job_decode(struct decrypt_job *job, int *turn, char *line, int passed, char *why, size_t why_size)
{
	int message = contract_decode(&decrypt_contract, true, turn, line, passed >= 0, job, why, why_size);
	const char *wrong = message >= 0 ? take(job, message, passed) : NULL;

	if (wrong != NULL)
		snprintf(why, why_size, "%s: %s", messages[message].verb, wrong);
	if (message >= 0 && wrong == NULL)
		return message;
	if (passed >= 0)
		close(passed);
	return -1;
}

static int
take_packet(void *job, int *turn, char *line, int passed, char *why, size_t why_size)
{
	return decrypt_job_decode(job, turn, line, passed, why, why_size);
}

bool
decrypt_job_receive(int channel, struct decrypt_job *ret, int *turn, char *why, size_t why_size)
{
	decrypt_job_init(ret);
	return channel_receive_job(channel, take_packet, ret, turn, why, why_size);
}

/* ---- the answer ---- */

bool
decrypt_answer_encode(struct message_line *ret, int *turn, enum decrypt_message message,
                      const struct decrypt_answer *answer)
{
	return contract_encode(&decrypt_contract, message, turn, answer, ret);
}

int
decrypt_answer_decode(struct decrypt_answer *ret, int *turn, char *line, char *why, size_t why_size)
{
	*ret = (struct decrypt_answer){NULL};
	return contract_decode(&decrypt_contract, false, turn, line, false, ret, why, why_size);
}
