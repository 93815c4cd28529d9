#include "lib/protocol/fetch_job.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DAY_MS (24 * 3600 * 1000LL)

/* ---- the contract ---- */

#define JOB(member) offsetof(struct fetch_job, member)
#define JOB_TEXT(key, optional, most)                                                                        \
	{                                                                                                        \
#key, MEMBER_TEXT, optional, JOB(key), 0, most, NULL                                                 \
	}
#define JOB_NUMBER(key, least, most)                                                                         \
	{                                                                                                        \
#key, MEMBER_INT, true, JOB(key), least, most, NULL                                                  \
	}
#define ITEM(key)                                                                                            \
	{                                                                                                        \
		key, MEMBER_TEXT, false, JOB(item), 1, LIMIT_NAME_BYTES, NULL                                        \
	}

static const char *const modes[] = {"fetch", "after", "probe", NULL};
static const char *const afters[] = {"leave", "move", "delete", NULL};
static const char *const sidecars[] = {"none", "marker", "sha256", NULL};
static const char *const listings[] = {"files", "empty", "failed", NULL};

static const struct contract_field job_fields[] = {
    {"mode", MEMBER_WORD, true, JOB(mode), 0, 0, modes},
    JOB_TEXT(source, false, LIMIT_NAME_BYTES),
    JOB_TEXT(host, false, LIMIT_NAME_BYTES),
    JOB_TEXT(user, false, LIMIT_NAME_BYTES),
    JOB_TEXT(directory, true, FETCH_PATH_BYTES),
    {"sidecar", MEMBER_WORD, true, JOB(sidecar), 0, 0, sidecars},
    JOB_TEXT(sidecar_suffix, true, LIMIT_NAME_BYTES),
    {"after", MEMBER_WORD, true, JOB(after), 0, 0, afters},
    JOB_TEXT(after_directory, true, FETCH_PATH_BYTES),
    JOB_TEXT(answer, true, FETCH_ANSWER_BYTES),
    JOB_TEXT(answer_name, true, LIMIT_NAME_BYTES),
    JOB_TEXT(answer_directory, true, FETCH_PATH_BYTES),
    JOB_TEXT(requests_directory, true, FETCH_PATH_BYTES),
    {"may_write", MEMBER_FLAG, true, JOB(may_write), 0, 0, NULL},
    {"no_landlock", MEMBER_FLAG, true, JOB(no_landlock), 0, 0, NULL},
    JOB_TEXT(kex, true, LIMIT_MESSAGE_BYTES),
    JOB_TEXT(ciphers, true, LIMIT_MESSAGE_BYTES),
    JOB_TEXT(macs, true, LIMIT_MESSAGE_BYTES),
    JOB_TEXT(host_key_types, true, LIMIT_MESSAGE_BYTES),
    JOB_NUMBER(port, 1, 65535),
    JOB_NUMBER(connect_ms, 1, DAY_MS),
    JOB_NUMBER(stall_ms, 1, DAY_MS),
    JOB_NUMBER(run_ms, 1, DAY_MS),
    JOB_NUMBER(rate_per_s, 0, INT64_MAX / DAY_MS),
    JOB_NUMBER(settle_ms, 0, DAY_MS),
    JOB_NUMBER(reread_ms, 0, 3650 * DAY_MS),
    JOB_NUMBER(file_bytes, 0, INT64_MAX),
    JOB_NUMBER(listing, 1, LIMIT_LISTING),
};
static const struct contract_field pin_fields[] = {ITEM("key")};
static const struct contract_field glob_fields[] = {ITEM("glob")};

#define REPORT(member) offsetof(struct fetch_report, member)
#define TEXT(key)                                                                                            \
	{                                                                                                        \
#key, MEMBER_TEXT, false, REPORT(key), 0, MESSAGE_BYTES, NULL                                        \
	}
#define MAYBE(key)                                                                                           \
	{                                                                                                        \
#key, MEMBER_TEXT, true, REPORT(key), 0, MESSAGE_BYTES, NULL                                         \
	}
#define COUNT(key)                                                                                           \
	{                                                                                                        \
#key, MEMBER_INT, false, REPORT(key), 0, INT64_MAX, NULL                                             \
	}
#define YES_OR_NO(key)                                                                                       \
	{                                                                                                        \
#key, MEMBER_FLAG, false, REPORT(key), 0, 0, NULL                                                    \
	}

static const struct contract_field noted_fields[] = {COUNT(archived)};
static const struct contract_field connected_fields[] = {TEXT(host_key), MAYBE(type), MAYBE(server),
                                                         MAYBE(kex), MAYBE(cipher)};
static const struct contract_field mismatch_fields[] = {TEXT(expected), TEXT(got), MAYBE(type)};
static const struct contract_field poll_fields[] = {
    {"result", MEMBER_WORD, false, REPORT(result), 0, 0, listings},
    COUNT(names),
    COUNT(matching),
    COUNT(fresh),
    COUNT(waiting),
    COUNT(refused),
    YES_OR_NO(partial),
    MAYBE(why)};
static const struct contract_field why_fields[] = {TEXT(name), TEXT(why)};
static const struct contract_field progress_fields[] = {TEXT(name), COUNT(bytes), COUNT(size)};
static const struct contract_field file_fields[] = {
    TEXT(name),
    TEXT(stored),
    COUNT(size),
    {"mtime", MEMBER_INT, false, REPORT(mtime), INT64_MIN, INT64_MAX, NULL},
    {"sha256", MEMBER_TEXT, false, REPORT(sha256), 64, 64, NULL}};
static const struct contract_field after_fields[] = {TEXT(name), TEXT(what), MAYBE(as)};
static const struct contract_field name_fields[] = {TEXT(name)};
static const struct contract_field fact_fields[] = {TEXT(name), MAYBE(value)};
static const struct contract_field host_key_fields[] = {MAYBE(type), TEXT(fingerprint)};
static const struct contract_field line_fields[] = {TEXT(text)};
static const struct contract_field failed_fields[] = {
    {"stage", MEMBER_TEXT, false, REPORT(stage), 1, FETCH_STAGE_BYTES, NULL}, TEXT(why)};
static const struct contract_field done_fields[] = {
    COUNT(names),  COUNT(files),      COUNT(bytes),        COUNT(waiting),  COUNT(refused),
    COUNT(failed), COUNT(after_done), COUNT(after_failed), COUNT(answered), YES_OR_NO(partial)};

#define FIELDS(list) list, sizeof(list) / sizeof((list)[0])
#define NO_FIELDS NULL, 0
#define AT(here, then) [FETCH_TURN_##here] = CONTRACT_TO(FETCH_TURN_##then)
#define STAYS(here) AT(here, here)

static const struct contract_message messages[FETCH_MESSAGES] = {
    [FETCH_SEND_JOB] = {"job", true, false, FIELDS(job_fields), {AT(NEW, FILLING)}},
    [FETCH_SEND_PIN] = {"pin", true, false, FIELDS(pin_fields), {STAYS(FILLING)}},
    [FETCH_SEND_PATTERN] = {"pattern", true, false, FIELDS(glob_fields), {STAYS(FILLING)}},
    [FETCH_SEND_IGNORE] = {"ignore", true, false, FIELDS(glob_fields), {STAYS(FILLING)}},
    [FETCH_SEND_SPOOL] = {"spool", true, true, NO_FIELDS, {STAYS(FILLING)}},
    [FETCH_SEND_KEY] = {"key", true, true, NO_FIELDS, {STAYS(FILLING)}},
    [FETCH_SEND_PASSPHRASE] = {"passphrase", true, true, NO_FIELDS, {STAYS(FILLING)}},
    [FETCH_SEND_PASSWORD] = {"password", true, true, NO_FIELDS, {STAYS(FILLING)}},
    [FETCH_SEND_KNOWN_HOSTS] = {"known_hosts", true, true, NO_FIELDS, {STAYS(FILLING)}},
    [FETCH_SEND_GO] = {"go", true, false, NO_FIELDS, {AT(FILLING, STARTED)}},

    [FETCH_NOTED] = {"noted", false, false, FIELDS(noted_fields), {STAYS(STARTED)}},
    [FETCH_CONNECTED] = {"connected", false, false, FIELDS(connected_fields), {AT(STARTED, CONNECTED)}},
    [FETCH_HOST_KEY_MISMATCH] =
        {"host_key_mismatch", false, false, FIELDS(mismatch_fields), {AT(STARTED, FAILING)}},
    /* that it could not be read may be sent before there is a connection: settle_listing */
    [FETCH_LISTED] = {"poll",
                      false,
                      false,
                      FIELDS(poll_fields),
                      {AT(STARTED, FAILING), AT(CONNECTED, POLLED), STAYS(FAILING)}},
    [FETCH_REFUSED] = {"refused", false, false, FIELDS(why_fields), {STAYS(CONNECTED)}},
    [FETCH_WAITING] = {"waiting", false, false, FIELDS(why_fields), {STAYS(POLLED)}},
    [FETCH_FILE_FAILED] = {"file_failed", false, false, FIELDS(why_fields), {STAYS(POLLED)}},
    [FETCH_PROGRESS] = {"progress", false, false, FIELDS(progress_fields), {STAYS(POLLED)}},
    [FETCH_FILE] = {"file", false, false, FIELDS(file_fields), {STAYS(POLLED)}},
    [FETCH_AFTER_DONE] = {"after", false, false, FIELDS(after_fields), {STAYS(CONNECTED), STAYS(POLLED)}},
    [FETCH_AFTER_FAILED] =
        {"after_failed", false, false, FIELDS(why_fields), {STAYS(CONNECTED), STAYS(POLLED)}},
    [FETCH_ANSWERED] = {"answered", false, false, FIELDS(name_fields), {STAYS(CONNECTED), STAYS(POLLED)}},
    /* one that cannot be written is known before there is a connection */
    [FETCH_ANSWER_FAILED] = {"answer_failed",
                             false,
                             false,
                             FIELDS(why_fields),
                             {STAYS(STARTED), STAYS(CONNECTED), STAYS(POLLED)}},
    [FETCH_FACT] = {"fact", false, false, FIELDS(fact_fields), {STAYS(STARTED)}},
    [FETCH_HOST_KEY] = {"host_key", false, false, FIELDS(host_key_fields), {STAYS(STARTED)}},
    [FETCH_LINE] = {"line", false, false, FIELDS(line_fields), {STAYS(STARTED)}},
    /* a job that does not fit ends so too, and whoever sent it may still be sending */
    [FETCH_FAILED] = {"failed",
                      false,
                      false,
                      FIELDS(failed_fields),
                      {AT(NEW, ENDED), AT(FILLING, ENDED), AT(STARTED, ENDED), AT(CONNECTED, ENDED),
                       AT(POLLED, ENDED), AT(FAILING, ENDED)}},
    [FETCH_DONE] = {"done",
                    false,
                    false,
                    FIELDS(done_fields),
                    {AT(STARTED, ENDED), AT(CONNECTED, ENDED), AT(POLLED, ENDED)}},
};

static const char *const turns[] = {"new",    "filling", "started", "connected",
                                    "polled", "failing", "ended",   NULL};

const struct contract fetch_contract = {
    "fetch_job", "handbackd, handbackctl", "handback-fetch", turns, messages, FETCH_MESSAGES};

/* ---- the job ---- */

void
fetch_job_init(struct fetch_job *job)
{
	*job = (struct fetch_job){
	    .spool_fd = -1, .key_fd = -1, .passphrase_fd = -1, .password_fd = -1, .known_hosts_fd = -1};
}

/* Where the descriptor of a message is kept; NULL: it has none. */
static int *
place_of(struct fetch_job *job, int message)
{
	switch (message) {
	case FETCH_SEND_SPOOL:
		return &job->spool_fd;
	case FETCH_SEND_KEY:
		return &job->key_fd;
	case FETCH_SEND_PASSPHRASE:
		return &job->passphrase_fd;
	case FETCH_SEND_PASSWORD:
		return &job->password_fd;
	case FETCH_SEND_KNOWN_HOSTS:
		return &job->known_hosts_fd;
	default:
		return NULL;
	}
}

void
fetch_job_free(struct fetch_job *job)
{
	for (int i = FETCH_SEND_SPOOL; i <= FETCH_SEND_KNOWN_HOSTS; i++)
		if (*place_of(job, i) >= 0)
			close(*place_of(job, i));
	channel_packets_free(&job->packets);
	fetch_job_init(job);
}

static bool
add_packet(struct channel_packets *packets, int *turn, enum fetch_message message,
           const struct fetch_job *job, int fd)
{
	struct message_line line;

	if (contract_encode(&fetch_contract, message, turn, job, &line))
		return channel_packets_add(packets, line.text, line.length, fd);
	if (fd >= 0)
		close(fd);
	errno = EMSGSIZE;
	return false;
}

static bool
add_list(struct channel_packets *packets, int *turn, enum fetch_message message, struct fetch_job *job,
         const char *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		job->item = items[i];
		if (!add_packet(packets, turn, message, job, -1))
			return false;
	}
	return true;
}

/* The descriptor is the packet's from here on. */
static bool
add_descriptors(struct channel_packets *packets, int *turn, struct fetch_job *job)
{
	for (int i = FETCH_SEND_SPOOL; i <= FETCH_SEND_KNOWN_HOSTS; i++) {
		int fd = *place_of(job, i);

		*place_of(job, i) = -1;
		if (fd >= 0 && !add_packet(packets, turn, (enum fetch_message) i, job, fd))
			return false;
	}
	return true;
}

bool
fetch_job_encode(struct channel_packets *ret, int *turn, struct fetch_job *job, char *why, size_t why_size)
{
	struct channel_packets packets = {NULL, 0, 0};

	if (add_packet(&packets, turn, FETCH_SEND_JOB, job, -1) &&
	    add_list(&packets, turn, FETCH_SEND_PIN, job, job->pins, job->pin_count) &&
	    add_list(&packets, turn, FETCH_SEND_PATTERN, job, job->patterns, job->pattern_count) &&
	    add_list(&packets, turn, FETCH_SEND_IGNORE, job, job->ignores, job->ignore_count) &&
	    add_descriptors(&packets, turn, job) && add_packet(&packets, turn, FETCH_SEND_GO, job, -1)) {
		*ret = packets;
		return true;
	}
	snprintf(why, why_size, "%s",
	         errno == EMSGSIZE ? "the job is too long for a message, or a value of it out of bounds"
	                           : "out of memory");
	channel_packets_free(&packets);
	fetch_job_free(job);
	return false;
}

/* What is missing, and what does not go together: a sentence, or NULL. */
static const char *
complete(struct fetch_job *job)
{
	if (job->mode != FETCH_PROBE && job->spool_fd < 0)
		return "the job lacks its spool";
	if (job->sidecar != FETCH_NO_SIDECAR && (job->sidecar_suffix == NULL || job->sidecar_suffix[0] == '\0'))
		return "job: a sidecar file needs its suffix";
	if (job->after == FETCH_MOVE && job->after_directory == NULL)
		return "job: after=move needs after_directory";
	job->port = job->port != 0 ? job->port : 22;
	job->connect_ms = job->connect_ms != 0 ? job->connect_ms : LIMIT_CONNECT_S * 1000;
	job->stall_ms = job->stall_ms != 0 ? job->stall_ms : LIMIT_STALL_S * 1000;
	job->run_ms = job->run_ms != 0 ? job->run_ms : 3600 * 1000;
	job->file_bytes = job->file_bytes != 0 ? job->file_bytes : LIMIT_FILE_BYTES;
	job->listing = job->listing != 0 ? job->listing : LIMIT_LISTING;
	return NULL;
}

static bool
add_item(const char **list, size_t most, size_t *count, const char *item)
{
	if (*count == most)
		return false;
	list[(*count)++] = item;
	return true;
}

/* What the message means for the job: a sentence, or NULL. */
static const char *
take(struct fetch_job *job, int message, int passed)
{
	bool fits = true;

	if (message == FETCH_SEND_PIN)
		fits = add_item(job->pins, FETCH_PINS, &job->pin_count, job->item);
	else if (message == FETCH_SEND_PATTERN)
		fits = add_item(job->patterns, FETCH_GLOBS, &job->pattern_count, job->item);
	else if (message == FETCH_SEND_IGNORE)
		fits = add_item(job->ignores, FETCH_GLOBS, &job->ignore_count, job->item);
	else if (message == FETCH_SEND_GO)
		return complete(job);
	else if (message != FETCH_SEND_JOB) {
		fits = *place_of(job, message) < 0;
		if (fits)
			*place_of(job, message) = passed;
	}
	return fits ? NULL : "there are more of them than a job has";
}

int
fetch_job_decode(struct fetch_job *job, int *turn, const char *line, int passed, char *why, size_t why_size)
{
	const char *wrong;
	int message;

	/* kept for as long as the job: its texts point there */
	if (!channel_packets_add(&job->packets, line, strlen(line), -1)) {
		snprintf(why, why_size, "out of memory");
		message = -1;
	} else {
		message =
		    contract_decode(&fetch_contract, true, turn, job->packets.packet[job->packets.count - 1].text,
		                    passed >= 0, job, why, why_size);
	}
	wrong = message >= 0 ? take(job, message, passed) : NULL;
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
	return fetch_job_decode(job, turn, line, passed, why, why_size);
}

bool
fetch_job_receive(int channel, struct fetch_job *ret, int *turn, char *why, size_t why_size)
{
	fetch_job_init(ret);
	return channel_receive_job(channel, take_packet, ret, turn, why, why_size);
}

/* ---- reports ---- */

/* Only a listing that could not be read may come without a connection, and nothing but the failure follows.
 */
static bool
settle_listing(enum fetch_message message, int before, int *turn, const struct fetch_report *report)
{
	if (message != FETCH_LISTED)
		return true;
	if (report->result != FETCH_LISTING_FAILED)
		return before == FETCH_TURN_CONNECTED;
	*turn = FETCH_TURN_FAILING;
	return report->why != NULL;
}

bool
fetch_report_encode(struct message_line *ret, int *turn, enum fetch_message message,
                    const struct fetch_report *report)
{
	int before = *turn;

	return contract_encode(&fetch_contract, message, turn, report, ret) &&
	       settle_listing(message, before, turn, report);
}

int
fetch_report_decode(struct fetch_report *ret, int *turn, char *line, char *why, size_t why_size)
{
	int before = *turn, message;

	*ret = (struct fetch_report){0};
	message = contract_decode(&fetch_contract, false, turn, line, false, ret, why, why_size);
	if (message < 0 || settle_listing((enum fetch_message) message, before, turn, ret))
		return message;
	snprintf(why, why_size, "it spoke out of turn while %s: a listing of nothing", turns[before]);
	*turn = before;
	return -1;
}
