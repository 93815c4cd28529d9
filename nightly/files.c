/* The files that are due, and how polling for them went. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/paths.h"
#include "lib/base/spawn.h"
#include "lib/config/config.h"
#include "lib/db/params.h"
#include "lib/finance/output/memory.h"
#include "lib/json/json.h"
#include "lib/protocol/control_client.h"
#include "nightly/night.h"
#include "nightly/nightly_sql.h"

#define POLL_MS 200
#define ANSWER_S 5

/* The answer to "status", the caller's to free. */
static int
daemon_status(const struct night *n, struct json **ret)
{
	const char *control = n->batch->config->control;
	char *text = control_ask(control, CONTROL_STATUS, ANSWER_S);
	struct json *answer;

	if (text == NULL) {
		complain("no handbackd answers at %s: %s", control, strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	answer = json_parse(text);
	free(text);
	if (json_string_of(answer, "state") == NULL) {
		complain("what handbackd answers at %s makes no sense", control);
		json_free(answer);
		return EXIT_INTERNAL;
	}
	*ret = answer;
	return EXIT_CLEAN;
}

static int
keep_poll(struct night *n, const char *source, const char *result, const char *why, int64_t at_us)
{
	struct params p = {0};

	param_text(&p, source);
	param_text(&p, result);
	param_text(&p, why);
	param_int(&p, at_us);
	enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_source_poll, p.n, p.value, NULL);
	return status == PG_OK ? EXIT_CLEAN : query_failed(&n->batch->query, status);
}

/* A source as the daemon reports it: where it is on a server, that counts. */
static int
keep_answer(struct night *n, const struct json *source)
{
	const struct json *server = json_get(source, "sftp");
	const struct json *shown = json_is_map(server) ? server : source;
	const char *name = json_string_of(source, "name"), *poll = json_string_of(shown, "poll"),
	           *result = "failed";
	const char *why = json_string_of(shown, "error");

	if (poll != NULL && (strcmp(poll, "files") == 0 || strcmp(poll, "empty") == 0)) {
		result = poll;
		why = NULL;
	} else if (why == NULL)
		why = "it was not polled yet";
	return name != NULL ? keep_poll(n, name, result, why, json_int_of(shown, "last_poll_us")) : EXIT_CLEAN;
}

/* Did every local source have its poll since then?  Servers have times of their own. */
static bool
all_polled(const struct json *answer, int64_t since_us)
{
	const struct json *list = json_get(answer, "sources");

	for (size_t i = 0; i < json_count(list); i++)
		if (json_int_of(json_item(list, i), "last_poll_us") < since_us)
			return false;
	return true;
}

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The daemon polls everywhere by itself: wait until it has, and nothing is left to do. */
static int
by_daemon(struct night *n, struct json *first)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	struct json *answer = first;
	int64_t since = now_us(), failed = json_int_of(json_get(first, "since_start"), "failed");
	int code = EXIT_CLEAN;

	while (code == EXIT_CLEAN) {
		if (json_true_of(answer, "quiet") && all_polled(answer, since))
			break;
		json_free(answer);
		answer = NULL;
		nanosleep(&pause, NULL);
		code = daemon_status(n, &answer);
	}
	const struct json *list = json_get(answer, "sources");
	for (size_t i = 0; i < json_count(list) && code == EXIT_CLEAN; i++)
		code = keep_answer(n, json_item(list, i));
	if (code == EXIT_CLEAN && json_int_of(json_get(answer, "since_start"), "failed") > failed)
		n->code = EXIT_FAILED;
	json_free(answer);
	return code;
}

/* What a directory shows after a run. */
static int
keep_directory(struct night *n, const struct config_source *source, bool run_was_good)
{
	DIR *dir = source->sftp.host != NULL ? NULL : opendir(source->directory);
	const char *result = "empty";

	if (source->sftp.host != NULL)
		return keep_poll(n, source->name, run_was_good ? "empty" : "failed",
		                 run_was_good ? NULL : "the run of handbackd did not end well", now_us());
	if (dir == NULL)
		return keep_poll(n, source->name, "failed", strerrordesc_np(errno), now_us());
	for (const struct dirent *e; (e = readdir(dir)) != NULL;)
		if (e->d_name[0] != '.')
			result = "files";
	closedir(dir);
	return keep_poll(n, source->name, result, NULL, now_us());
}

/* No daemon runs: one that does all that is due, once. */
static int
by_run(struct night *n)
{
	const struct config *config = n->batch->config;
	char path[4096];
	const char *argv[] = {"handbackd", "--config", config->path, "--once", NULL};
	struct spawn run = {.path = path,
	                    .argv = argv,
	                    .env = spawn_environment(),
	                    .fds = (const struct spawn_fd[]){{2, 2}},
	                    .fd_count = 1,
	                    .death_signal = SIGTERM};
	int status = 0, code = EXIT_CLEAN;

	if (!paths_program(path, sizeof(path), "handbackd")) {
		complain("handbackd: %s", strerror(errno));
		return EXIT_INTERNAL;
	}
	pid_t pid = spawn(&run);
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		complain("%s: %s", path, strerror(errno));
		return EXIT_INTERNAL;
	}
	int ended = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_INTERNAL;
	bool good = ended == EXIT_CLEAN || ended == EXIT_HELD;
	if (!good) {
		complain("handbackd --once ended with %d: see what it says", ended);
		n->code = ended;
	}
	for (size_t i = 0; i < config->source_count && code == EXIT_CLEAN; i++)
		code = keep_directory(n, &config->sources[i], good);
	return code;
}

int
night_files(struct night *n)
{
	struct json *answer;

	if (access(n->batch->config->control, F_OK) == 0 && daemon_status(n, &answer) == EXIT_CLEAN)
		return by_daemon(n, answer);
	return by_run(n);
}
