/* source probe: what a partner's SFTP server offers, asked by handback-fetch. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/handlers.h"
#include "lib/base/limits.h"
#include "lib/base/paths.h"
#include "lib/base/spawn.h"
#include "lib/base/text.h"
#include "lib/config/config.h"
#include "lib/config/fetch_source.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/output/table.h"
#include "lib/protocol/channel.h"

#define PATIENCE_MS 300000
#define RUN_MS 120000

static const struct column fact_columns[] = {
    {"name", "What", COLUMN_TEXT, 12, 0, NULL},
    {"value", "Value", COLUMN_SENTENCE, 20, 0, NULL},
};

static const struct column key_columns[] = {
    {"type", "Type", COLUMN_TEXT, 0, 0, NULL},
    {"fingerprint", "Host key", COLUMN_TEXT, 0, 0, NULL},
};

static const struct column line_columns[] = {
    {"text", "For the configuration, under sftp:", COLUMN_TEXT, 0, 0, NULL},
};

struct probe {
	struct document *document;
	struct table *keys, *facts, *lines;
	int turn; /* enum fetch_turn */
	bool done;
	char why[LIMIT_MESSAGE_BYTES]; /* it failed; empty: it did not */
};

/* "host", "host:22", "[::1]:22" into a source of its own; false: there is no host in it. */
static bool
take_address(const char *said, struct config_source *ret, char *host, size_t size)
{
	const char *end = said[0] == '[' ? strchr(said, ']') : strrchr(said, ':');
	const char *start = said[0] == '[' ? said + 1 : said, *port = NULL;
	int64_t number = 22;

	/* more than one colon and no bracket: an IPv6 address alone */
	if (said[0] != '[' && end != NULL && strchr(said, ':') != end)
		end = NULL;
	if (end != NULL)
		port = said[0] == '[' ? (end[1] == ':' ? end + 1 : NULL) : end;
	size_t len = end != NULL ? (size_t) (end - start) : strlen(start);
	if (len == 0 || len >= size || (port != NULL && !text_int(port + 1, 1, 65535, &number)))
		return false;
	snprintf(host, size, "%.*s", (int) len, start);
	*ret = (struct config_source){.name = "probe",
	                              .sftp = {.host = host,
	                                       .port = number,
	                                       .user = "nobody",
	                                       .directory = ".",
	                                       .connect_ms = LIMIT_CONNECT_S * 1000,
	                                       .stall_ms = LIMIT_STALL_S * 1000,
	                                       .deadline_ms = RUN_MS}};
	return true;
}

/* False: it broke its contract. */
static bool
take_line(struct probe *p, char *line)
{
	struct fetch_report r;
	int message = fetch_report_decode(&r, &p->turn, line, p->why, sizeof(p->why));
	const char *const fact[] = {r.name, r.value}, *const key[] = {r.type, r.fingerprint};

	if (message == FETCH_FACT)
		table_row(p->facts, fact);
	else if (message == FETCH_HOST_KEY)
		table_row(p->keys, key);
	else if (message == FETCH_LINE)
		table_row(p->lines, &r.text);
	else if (message == FETCH_DONE)
		p->done = true;
	else if (message == FETCH_FAILED)
		snprintf(p->why, sizeof(p->why), "%s: %s", r.stage, r.why);
	return message >= 0;
}

/* Sends the job and listens to the end; false with errno. */
static bool
talk(int channel, const struct channel_packets *job, struct probe *p)
{
	char line[MESSAGE_BYTES + 2];
	size_t len, sent = 0;

	(void) channel_packets_send(job, &sent, channel); /* where it cannot: it says why */
	for (;;) {
		struct pollfd wait = {.fd = channel, .events = POLLIN};
		int ready = poll(&wait, 1, PATIENCE_MS);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			errno = ETIMEDOUT;
		if (ready <= 0)
			return false;
		int got = channel_receive(channel, line, sizeof(line), &len, NULL);
		if (got < 0 && errno == ECONNRESET)
			continue;
		if (got <= 0)
			return got == 0;
		if (!take_line(p, line)) {
			errno = EPROTO;
			return false;
		}
	}
}

static int
run_fetcher(const struct channel_packets *job, struct probe *p)
{
	char path[PATH_MAX];
	const char *const argv[] = {"handback-fetch", NULL};
	int ends[2], status;

	if (!paths_program(path, sizeof(path), "handback-fetch") || channel_pair(ends) < 0) {
		complain("handback-fetch cannot be started: %s", strerror(errno));
		return EXIT_INTERNAL;
	}
	struct spawn_fd fds[] = {{STDERR_FILENO, STDERR_FILENO}, {ends[1], 3}};
	const struct spawn how = {
	    .path = path, .argv = argv, .env = spawn_environment(), .fds = fds, .fd_count = 2};
	pid_t pid = spawn(&how);
	int saved = errno;
	close(ends[1]);
	errno = saved;
	bool heard = pid > 0 && talk(ends[0], job, p);
	saved = errno;
	close(ends[0]);
	if (pid > 0) {
		if (!heard)
			kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	if (!heard) {
		complain("handback-fetch: %s", strerror(saved));
		return EXIT_INTERNAL;
	}
	return EXIT_CLEAN;
}

/* The source that is meant: one of the configuration's, or an address. */
static int
find_source(struct session *s, struct config_source *made, char *host, size_t size,
            const struct config_source **ret)
{
	const char *said = s->arguments[0];
	/* an address is enough before there is any configuration */
	bool configured = s->value[OPT_CONFIG] != NULL || access(PATHS_CONFIG, R_OK) == 0;
	int code = configured ? session_config(s) : EXIT_CLEAN;

	if (code != EXIT_CLEAN)
		return code;
	*ret = configured ? config_source(s->config, said) : NULL;
	if (*ret != NULL && (*ret)->sftp.host == NULL) {
		complain("%s is a directory, not a server", said);
		return EXIT_USAGE;
	}
	if (*ret == NULL && !take_address(said, made, host, size)) {
		complain("%s is neither a source nor HOST[:PORT]", said);
		return EXIT_USAGE;
	}
	if (*ret == NULL)
		*ret = made;
	return EXIT_CLEAN;
}

int
run_source_probe(struct session *s)
{
	struct config_source made;
	const struct config_source *source;
	struct channel_packets job;
	int turn = FETCH_TURN_NEW;
	char host[LIMIT_NAME_BYTES + 1], why[LIMIT_MESSAGE_BYTES];
	int code = find_source(s, &made, host, sizeof(host), &source);

	if (code != EXIT_CLEAN)
		return code;
	if (!fetch_source_job(&job, &turn, source, FETCH_PROBE, s->value[OPT_TOUCH] != NULL, why, sizeof(why))) {
		complain("%s", why);
		return EXIT_UNAVAILABLE;
	}
	struct document *d = document_new("probe", NULL);
	struct probe p = {.document = d, .turn = turn};
	p.keys = document_add(d, "host_keys", "Host keys", TABLE_ROWS, COLUMNS(key_columns));
	p.facts = document_add(d, "facts", "What it offers", TABLE_ROWS, COLUMNS(fact_columns));
	p.lines = document_add(d, "lines", NULL, TABLE_ROWS, COLUMNS(line_columns));
	code = run_fetcher(&job, &p);
	channel_packets_free(&job);
	if (code == EXIT_CLEAN && p.keys->rows + p.facts->rows > 0)
		code = session_show(s, d);
	document_free(d);
	if (code == EXIT_CLEAN && !p.done) {
		complain("%s", p.why[0] ? p.why : "handback-fetch ended and gave no reason");
		code = EXIT_FAILED;
	}
	return code;
}
