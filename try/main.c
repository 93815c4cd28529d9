/*
 * handback-try: what would become of a file, for the pages.  Each file is parsed, judged in a transaction, and the
 * transaction is rolled back: nothing is kept of it.
 *
 * Trust: it reads no byte of a file but to show it escaped; the parsers, which it starts, do that in their sandbox.
 * Its database role is handbackd's, since it judges as that does; a handback-desk, which asks, gives a file's name
 * and bytes and no statement.
 *
 *     --config FILE   where the database, the profiles and the sources are
 *     --listen PATH   a SOCK_SEQPACKET socket that it makes, with a process for each connection
 *
 * Without --listen a connection is its descriptor 3.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/log.h"
#include "lib/config/config.h"
#include "lib/db/connect.h"
#include "lib/finance/output/escape.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/output/render.h"
#include "lib/protocol/channel.h"
#include "lib/protocol/serve.h"
#include "lib/protocol/try_call.h"
#include "try/guess.h"
#include "try/lint.h"
#include "try/trial.h"

#define RECORDS "200" /* that are shown */

/* ---- which profile ---- */

/* Could it be a file of this source, by its name?  The source says so by globs, and its profile by what it expects of a
 * name. */
static bool
fits(struct reconciler *r, const struct config_source *source, const char *name)
{
	char why[LIMIT_MESSAGE_BYTES];
	struct name_facts facts;
	const char *unfit;

	for (const char *const *glob = source->files; *glob != NULL; glob++)
		if (fnmatch(*glob, name, 0) == 0)
			return profile_cache_load(&r->profile, r->profiles, source->profile, why) == 0 &&
			       profile_match_name(r->profile.profile, name, strlen(name), &facts, &unfit);
	return false;
}

/* The source that was named, or the one whose names fit; NULL: none does, or those that do are read unlike. */
static const struct config_source *
find_source(struct reconciler *r, const struct config *config, const struct try_file *file)
{
	const struct config_source *found = NULL;

	if (file->source != NULL)
		return config_source(config, file->source);
	for (size_t i = 0; i < config->source_count; i++) {
		const struct config_source *source = &config->sources[i];

		if ((found != NULL && strcmp(found->profile, source->profile) == 0) || !fits(r, source, file->name))
			continue;
		if (found != NULL)
			return NULL;
		found = source;
	}
	return found;
}

static void
put_sentence(FILE *out, const char *text)
{
	fputs("<p class=\"sentence\" role=\"status\">", out);
	escape_html(out, text);
	fputs("</p>\n", out);
}

static bool
load_named(FILE *out, struct reconciler *r, const struct config_source *source)
{
	char why[LIMIT_MESSAGE_BYTES] = "", *said;

	if (profile_cache_load(&r->profile, r->profiles, source->profile, why) < 0) {
		put_sentence(out, why);
		return false;
	}
	said = mem_format("Read by the profile %s, as a file of the source %s.", source->profile, source->name);
	put_sentence(out, said);
	free(said);
	return true;
}

/* The text with the words that a sample cannot tell, where they are known: the partner's and the programme's codes. */
static char *
fill_in(const char *text, const char *word, const char *value)
{
	const char *at = value != NULL ? strstr(text, word) : NULL;

	if (at == NULL)
		return mem_text(text);
	return mem_format("%.*s\"%s\"%s", (int) (at - text), text, value, at + strlen(word));
}

static bool
load_guessed(FILE *out, struct reconciler *r, int fd, const struct try_file *file)
{
	char why[LIMIT_MESSAGE_BYTES] = "", *text = NULL, *half, *whole;
	bool good = guess_profile(fd, file->name, &text, why) == PARSER_DONE;

	if (!good) {
		put_sentence(out, why);
		return false;
	}
	put_sentence(out, "No source has files of this name, or several that are read unlike: the profile was inferred from the "
	                  "file. What it decides has to be looked at.");
	half = fill_in(text, "PARTNER", file->partner);
	whole = fill_in(half, "PROGRAMME", file->programme);
	good = profile_cache_set(&r->profile, "inferred", whole, strlen(whole), why) == 0;
	if (!good)
		put_sentence(out, why);
	fputs("<details><summary>The profile that was inferred</summary>\n<pre tabindex=\"0\">", out);
	for (const char *line = whole; *line != '\0'; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] != '\0')) {
		char *part = mem_part(line, strcspn(line, "\n"));

		escape_html(out, part);
		fputc('\n', out);
		free(part);
	}
	fputs("</pre></details>\n", out);
	free(half);
	free(whole);
	free(text);
	return good;
}

/* ---- the trial ---- */

static void
put_trial(FILE *out, struct reconciler *r, int fd, const char *name)
{
	const struct job_trial what = {.name = name, .file = fd};
	struct job_result *result = mem_new(1, sizeof(*result));
	struct trial t;

	trial_open(&t, RECORDS);
	if (trial_run(&t, r, &what, "the figures above are of all", result) == JOB_DONE) {
		lint_put(out, &t);
		render_html_tables(out, t.document, NULL);
	} else {
		put_sentence(out, *result->why ? result->why : pg_why(r->pg));
	}
	trial_close(&t);
	free(result);
}

static bool
open_database(struct reconciler *r, const struct config *config, struct connection *connection)
{
	const struct connect how = {.application = "handback-try",
	                            .config = config,
	                            .roles = "{handback_daemon}",
	                            .user = "handback_daemon",
	                            .checked = true};
	char why[LIMIT_MESSAGE_BYTES] = "";

	if (connect_open(&how, connection, why, sizeof(why)) != EXIT_CLEAN) {
		log_write(LOG_ERR, "cannot connect to the database", LOG_FIELDS(log_text("why", why)));
		return false;
	}
	r->pg = connection->pg;
	return true;
}

static void
try_file(FILE *out, const struct config *config, const struct try_file *file, int fd)
{
	struct reconciler *r = mem_new(1, sizeof(*r));
	const struct config_source *source;
	struct connection connection = {0};
	struct stat st;

	r->profiles = open(config->profiles, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r->spool = (struct spool){-1, -1, -1, -1};
	r->no_landlock = config->sandbox == CONFIG_SANDBOX_NO_LANDLOCK;
	profile_cache_open(&r->profile);
	parser_child_open(&r->child);
	source = find_source(r, config, file);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > TRY_FILE_BYTES)
		put_sentence(out, "That is no file, or more than a page takes.");
	else if (file->source != NULL && source == NULL)
		put_sentence(out, "There is no such source.");
	else if (reconciler_find_parsers(r) != NULL)
		put_sentence(out, "A program that parses is not installed.");
	else if (source != NULL ? load_named(out, r, source) : load_guessed(out, r, fd, file)) {
		if (open_database(r, config, &connection))
			put_trial(out, r, fd, file->name);
		else
			put_sentence(out, "The database does not answer.");
	}
	parser_child_stop(&r->child);
	profile_cache_close(&r->profile);
	connect_close(&connection);
	if (r->profiles >= 0)
		close(r->profiles);
	free(r);
}

/* ---- the conversation ---- */

static bool
answer(const char *path, const struct try_file *file, int fd, int *turn)
{
	int page = memfd_create("try", MFD_CLOEXEC);
	FILE *out = page >= 0 ? fdopen(page, "w") : NULL;
	struct config *config = config_load_logged(path); /* as it is now: it may have changed since the last file */
	struct message_line line;
	bool sent;

	if (out == NULL) {
		config_free(config);
		return false;
	}
	if (config != NULL)
		try_file(out, config, file, fd);
	else
		put_sentence(out, "The configuration cannot be read.");
	sent = fflush(out) == 0 && !ferror(out) && try_done_encode(&line, turn) &&
	       channel_send(SERVE_CONNECTION, line.text, line.length, page) == 0;
	fclose(out);
	config_free(config);
	return sent;
}

/* Nothing is held while nobody asks: neither a connection of the database nor a parser. */
static int
serve_connection(const char *path)
{
	static char line[MESSAGE_BYTES + 2];
	char why[LIMIT_MESSAGE_BYTES];
	struct try_file file;
	int turn = TRY_TURN_OPEN, fd;
	size_t len;

	while (channel_receive(SERVE_CONNECTION, line, sizeof(line), &len, &fd) > 0) {
		int message = try_file_decode(&file, &turn, line, fd >= 0, why, sizeof(why));
		bool answered = message == TRY_FILE && answer(path, &file, fd, &turn);

		if (fd >= 0)
			close(fd);
		if (message != TRY_FILE)
			log_write(LOG_ERR, "a desk breaks the protocol", LOG_FIELDS(log_text("why", why)));
		if (!answered)
			return message == TRY_FILE ? EXIT_FAILED : EXIT_USAGE;
	}
	return EXIT_CLEAN;
}

int
main(int argc, char **argv)
{
	harden_keys();
	return serve_main("handback-try", argc, argv, serve_connection);
}
