/*
 * What a server's first packet, its names, and the lines of a child that was taken over may be: as messages,
 * and as what the contracts make of them.  The first byte chooses; the rest is the bytes.
 */
#include <stdint.h>

#include "fetch/kexinit.h"
#include "fetch/names.h"
#include "lib/base/text.h"
#include "lib/protocol/decrypt_job.h"
#include "lib/protocol/fetch_job.h"
#include "lib/protocol/message.h"
#include "lib/protocol/worker_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool truth)
{
	if (!truth)
		abort();
}

static void
try_offer(const uint8_t *data, size_t size)
{
	static struct kexinit offer;
	if (!kexinit_parse(data, size, &offer))
		return;
	for (int i = 0; i < KEXINIT_LISTS; i++) {
		for (const char *c = offer.list[i]; *c; c++)
			expect(*c >= 0x20 && *c < 0x7f);
	}
}

/* A name that nothing is said against is stored under one component of ours, and comes back from it. */
static void
try_name(const char *name)
{
	char stored[NAME_STORED_SIZE], again[NAME_STORED_SIZE];
	if (name_fault(name) != NULL)
		return;
	expect(name_store(stored, name) && stored[0] != '.' && strchr(stored, '/') == NULL &&
	       strlen(stored) <= LIMIT_NAME_BYTES);
	for (const char *c = stored; *c; c++)
		expect(*c >= 0x20 && *c < 0x7f);
	expect(name_restore(again, stored) && strcmp(again, name) == 0);
}

/* What is read as a message and written again is the same message. */
static void
try_message(char *line)
{
	static struct message m, back;
	static struct message_line again;
	if (!message_read(&m, line))
		return;
	message_start(&again, m.verb);
	for (size_t i = 0; i < m.pairs; i++)
		message_add_bytes(&again, m.pair[i].key, m.pair[i].value, m.pair[i].length);
	if (again.full)
		return;
	expect(message_read(&back, again.text) && back.pairs == m.pairs && strcmp(back.verb, m.verb) == 0);
	for (size_t i = 0; i < m.pairs; i++)
		expect(strcmp(back.pair[i].key, m.pair[i].key) == 0 && back.pair[i].length == m.pair[i].length &&
		       memcmp(back.pair[i].value, m.pair[i].value, m.pair[i].length) == 0);
}

/* Lines of a conversation: what is taken is within its bounds, so that the other side's encoder would write
 * it. */
static void
try_reports(char *lines)
{
	static struct message_line again;
	char why[LIMIT_MESSAGE_BYTES];
	int fetcher = FETCH_TURN_STARTED, worker = WORKER_TURN_STARTING;
	for (char *line = strtok_r(lines, "\n", &lines); line != NULL; line = strtok_r(NULL, "\n", &lines)) {
		static char copy[MESSAGE_BYTES + 1];
		struct fetch_report fetched;
		struct worker_report worked;
		int before = fetcher, message;
		if (strlen(line) > MESSAGE_BYTES / 8) /* escaped again it may not fit */
			continue;
		snprintf(copy, sizeof(copy), "%s", line);
		message = fetch_report_decode(&fetched, &fetcher, copy, why, sizeof(why));
		expect(message < 0 ? fetcher == before
		                   : fetch_report_encode(&again, &before, (enum fetch_message) message, &fetched) &&
		                         before == fetcher);
		before = worker;
		message = worker_report_decode(&worked, &worker, line, why, sizeof(why));
		expect(message < 0 ? worker == before
		                   : worker_report_encode(&again, &before, (enum worker_message) message, &worked) &&
		                         before == worker);
		if (worker == WORKER_TURN_IDLE)
			worker = WORKER_TURN_BUSY; /* it gets its next job */
	}
}

static void
try_job(char *lines)
{
	char why[LIMIT_MESSAGE_BYTES];
	struct fetch_job job;
	int turn = FETCH_TURN_NEW, message = 0;
	fetch_job_init(&job);
	for (char *line = strtok_r(lines, "\n", &lines); line != NULL && message >= 0;
	     line = strtok_r(NULL, "\n", &lines))
		message = fetch_job_decode(&job, &turn, line, -1, why, sizeof(why));
	expect(message != FETCH_SEND_GO ||
	       (job.source != NULL && job.host != NULL && job.user != NULL && job.port > 0 && job.port < 65536 &&
	        job.pin_count <= FETCH_PINS && job.pattern_count <= FETCH_GLOBS));
	fetch_job_free(&job);
}

/* The first line as an answer, all of them as a job. */
static void
try_decrypter(char *lines)
{
	static struct message_line again;
	static char copy[MESSAGE_BYTES + 1];
	char why[LIMIT_MESSAGE_BYTES];
	struct decrypt_answer answer;
	struct decrypt_job job;
	int turn = DECRYPT_TURN_STARTED, back = turn, message;
	snprintf(copy, sizeof(copy), "%.*s", (int) strcspn(lines, "\n"), lines);
	message = decrypt_answer_decode(&answer, &turn, copy, why, sizeof(why));
	expect(message < 0 ? turn == back
	                   : decrypt_answer_encode(&again, &back, (enum decrypt_message) message, &answer) &&
	                         back == DECRYPT_TURN_ENDED);
	decrypt_job_init(&job);
	turn = DECRYPT_TURN_NEW;
	message = 0;
	for (char *line = strtok_r(lines, "\n", &lines); line != NULL && message >= 0;
	     line = strtok_r(NULL, "\n", &lines))
		message = decrypt_job_decode(&job, &turn, line, -1, why, sizeof(why));
	expect(message != DECRYPT_SEND_GO); /* without a descriptor it is never whole */
	decrypt_job_free(&job);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	char *text = malloc(size);
	if (text == NULL)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 'k')
		try_offer(data + 1, size - 1);
	else if (data[0] == 'n')
		try_name(text);
	else if (data[0] == 'r')
		try_reports(text);
	else if (data[0] == 'j')
		try_job(text);
	else if (data[0] == 'd')
		try_decrypter(text);
	else
		try_message(text);
	free(text);
	return 0;
}
