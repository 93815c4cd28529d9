/*
 * handback-receive: takes one file that a partner sends by the API into the source's corner of the spool.
 *
 * Trust: it has no network, no database and no key.  handback-api, which knows whose token it was, says the
 * source and the name; the bytes come from the gate.  It reads none of them: they go into a file without a
 * name, which gets its name when it is whole, durable and has the hash that was stated.  Whoever hangs up
 * before that leaves nothing.  One process for each file: what it waits for holds up nobody else.
 *
 *     --config FILE   whose sources say what may come
 *     --listen PATH   a SOCK_SEQPACKET socket that it makes, with a process for each connection
 *
 * Without --listen a connection is its descriptor 3.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/protocol/channel.h"
#include "lib/protocol/serve.h"
#include "lib/sandbox/attempt.h"
#include "lib/sandbox/program.h"
#include "receive/body.h"
#include "receive/corner.h"

#define JOB_S 10

/* ---- one file ---- */

static void
say(int *turn, enum receive_message message, const struct receive_answer *answer)
{
	static struct message_line line;

	if (receive_answer_encode(&line, turn, message, answer))
		channel_send(SERVE_CONNECTION, line.text, line.length, -1);
}

static void
say_refused(int *turn, const struct receive_job *job, const struct refusal *refusal)
{
	const struct receive_answer answer = {.code = refusal->code, .why = refusal->why};

	log_write(LOG_NOTICE, "file not taken",
	          LOG_FIELDS(log_text("source", job->source), log_text("name", job->name),
	                     log_text("why", refusal->why)));
	say(turn, RECEIVE_REFUSED, &answer);
}

/* False, and *refusal; its code NULL: the other end went away. */
static bool
take(const struct config_source *source, const struct receive_job *job, const struct corner *corner,
     int *turn, char hex[TEXT_HEX_SIZE(SHA256_BYTES)], struct refusal *refusal)
{
	uint8_t sha256[SHA256_BYTES];
	enum body_end end;

	say(turn, RECEIVE_READY, NULL);
	end = body_take(SERVE_CONNECTION, corner->file, job->bytes, sha256, refusal);
	if (end != BODY_WHOLE)
		return false;
	text_hex(hex, sha256, sizeof(sha256));
	if (job->sha256 != NULL && strcmp(hex, job->sha256) != 0)
		return refuse(refusal, "999", "the bytes that came have another sha-256 than the Content-Digest");
	if (!corner_keep(corner, job->name, corner_is_sidecar(source, job->name), sha256, refusal))
		return false;
	log_write(LOG_INFO, "file received",
	          LOG_FIELDS(log_text("source", source->name), log_text("name", job->name),
	                     log_int("bytes", job->bytes), log_text("sha256", hex)));
	return true;
}

static int
serve(const struct config *config, char *line)
{
	char why[LIMIT_MESSAGE_BYTES], hex[TEXT_HEX_SIZE(SHA256_BYTES)];
	struct corner corner = {.dir = -1, .file = -1};
	const struct config_source *source;
	struct refusal refusal = {.code = NULL};
	struct receive_job job;
	int turn = RECEIVE_TURN_NEW;
	bool good;

	if (!receive_job_decode(&job, &turn, line, why, sizeof(why))) {
		log_write(LOG_ERR, "that is no job", LOG_FIELDS(log_text("why", why)));
		return EXIT_USAGE;
	}
	source = config_source(config, job.source);
	good = corner_takes(source, &job, &refusal) && corner_open(source, job.bytes, &corner, &refusal);
	if (good && !sandbox_receive(corner.dir, job.bytes, config->sandbox == CONFIG_SANDBOX_NO_LANDLOCK, why,
	                             sizeof(why))) {
		log_write(LOG_ERR, why, NULL);
		good = refuse(&refusal, "503", "it cannot be taken now");
	}
#ifdef TEST_BUILD
	attempt_escape();
#endif
	good = good && take(source, &job, &corner, &turn, hex, &refusal);
	/* before the last word: who hears it may send the next one at once */
	if (corner.file >= 0)
		close(corner.file);
	if (corner.dir >= 0)
		close(corner.dir);
	if (good) {
		const struct receive_answer answer = {.sha256 = hex};

		say(&turn, RECEIVE_WHOLE, &answer);
	} else if (refusal.code != NULL) {
		say_refused(&turn, &job, &refusal);
	}
	return EXIT_CLEAN; /* whoever asked knows what became of it */
}

static int
serve_connection(const char *path)
{
	static char line[MESSAGE_BYTES + 2];
	const struct timeval patience = {.tv_sec = JOB_S};
	struct config *config = config_load_logged(path);
	int code = EXIT_USAGE;
	size_t len;

	setsockopt(SERVE_CONNECTION, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (config != NULL && channel_receive(SERVE_CONNECTION, line, sizeof(line), &len, NULL) > 0)
		code = serve(config, line);
	config_free(config);
	return code;
}

int
main(int argc, char **argv)
{
	harden();
	return serve_main("handback-receive", argc, argv, serve_connection);
}
