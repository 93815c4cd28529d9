#include "lib/protocol/control_client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/text.h"

#define ANSWER_BYTES (4 << 20)

#define OPEN CONTROL_TURN_OPEN
#define WAITING CONTROL_TURN_WAITING

static const struct contract_message questions[CONTROL_QUESTIONS] = {
    [CONTROL_STATUS] = {.verb = "status", .asks = true, .next = {[OPEN] = CONTRACT_TO(OPEN)}},
    [CONTROL_RESCAN] = {.verb = "rescan", .asks = true, .next = {[OPEN] = CONTRACT_TO(OPEN)}},
    [CONTROL_WAIT] = {.verb = "wait", .asks = true, .next = {[OPEN] = CONTRACT_TO(WAITING)}},
};

static const char *const turns[] = {[OPEN] = "open", [WAITING] = "waiting", NULL};

const struct contract control_contract = {
    "control_client", "handbackctl, handbackd --once", "handbackd", turns, questions, CONTROL_QUESTIONS};

/* ---- the answer to `wait` ---- */

static const struct {
	const char *key;
	size_t offset;
} members[] = {
    {"posted", offsetof(struct control_done, posted)},
    {"held", offsetof(struct control_done, held)},
    {"duplicate", offsetof(struct control_done, duplicate)},
    {"held_records", offsetof(struct control_done, held_records)},
    {"waiting", offsetof(struct control_done, waiting)},
    {"sources_failing", offsetof(struct control_done, sources_failing)},
};

void
control_done_encode(struct json_build *answer, const struct control_done *done)
{
	json_open_map(answer, NULL);
	json_bool(answer, "quiet", true);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		int64_t number;

		memcpy(&number, (const char *) done + members[i].offset, sizeof(number));
		json_int(answer, members[i].key, number);
	}
	json_close(answer);
}

static bool
take_done(struct control_done *ret, const struct json *answer)
{
	bool good = json_true_of(answer, "quiet");

	for (size_t i = 0; good && i < sizeof(members) / sizeof(members[0]); i++) {
		char buf[JSON_PLAIN_SIZE];
		const char *digits = json_plain(json_get(answer, members[i].key), buf);
		int64_t number;

		good = digits == buf && text_int(digits, 0, INT64_MAX, &number); /* a number, and no text */
		if (good)
			memcpy((char *) ret + members[i].offset, &number, sizeof(number));
	}
	return good;
}

bool
control_done_decode(struct control_done *ret, const char *answer)
{
	struct json *value = json_parse(answer);
	struct control_done done;
	bool good = take_done(&done, value);

	json_free(value);
	if (good)
		*ret = done;
	return good;
}

/* ---- asking ---- */

/* Up to a newline, which goes; NULL with errno. */
static char *
read_line(int fd)
{
	char *line = NULL, *end, *larger;
	size_t len = 0, size = 0;

	for (;;) {
		ssize_t n;

		if (size - len < 2) {
			size = size == 0 ? 4096 : 2 * size;
			larger = size <= ANSWER_BYTES ? realloc(line, size) : NULL;
			if (larger == NULL) {
				errno = size <= ANSWER_BYTES ? ENOMEM : EFBIG;
				break;
			}
			line = larger;
		}
		n = read(fd, line + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EPROTO;
		if (n <= 0)
			break;
		end = memchr(line + len, '\n', (size_t) n);
		len += (size_t) n;
		if (end != NULL) {
			*end = '\0';
			return line;
		}
	}
	free(line);
	return NULL;
}

char *
control_ask(const char *path, enum control_question question, int patience_s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = patience_s};
	struct message_line line;
	char *answer;
	int turn = OPEN, fd, saved;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	(void) contract_encode(&control_contract, question, &turn, NULL, &line); /* one word */
	(void) message_end(&line);
	answer = connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0 &&
	                 io_write_all(fd, line.text, line.length) == 0
	             ? read_line(fd)
	             : NULL;
	saved = errno;
	close(fd);
	errno = saved == EAGAIN ? ETIMEDOUT : saved;
	return answer;
}
