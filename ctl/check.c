/* check: is everything there that handback needs, and as it should be?  Changes nothing. */
#include "ctl/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ctl/handlers.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/base/paths.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/profile/holidays.h"
#include "lib/profile/profile.h"

#define LOW_SPACE_MIB 1024 /* less is worth a warning */

static const struct column check_columns[] = {
    {"what", "What", COLUMN_NAME, 16, 0, NULL},
    {"state", "Is", COLUMN_WORD, 0, 0, NULL},
    {"detail", "Detail", COLUMN_SENTENCE, 24, 0, NULL},
};

void
check_found(struct checks *c, const char *what, enum finding finding, int code, const char *format, ...)
{
	static const char *const words[] = {"ok", "warning", "error"};
	char detail[LIMIT_MESSAGE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	const char *cells[] = {what, words[finding], detail};
	table_row(c->table, cells);
	if (finding == WRONG && code > c->code)
		c->code = code;
}

static void
check_programs(struct checks *c)
{
	const struct config *config = c->session->config;
	bool fetches = false;

	for (size_t i = 0; i < config->source_count; i++)
		fetches = fetches || config->sources[i].sftp.host != NULL;
	for (int i = 0; paths_name(i) != NULL; i++) {
		const char *name = paths_name(i);
		char path[4096];
		if (strcmp(name, "handback-fetch") == 0 && !fetches)
			continue;
		if (paths_program(path, sizeof(path), name))
			check_found(c, name, FINE, 0, "%s", path);
		else
			check_found(c, name, WRONG, EXIT_USAGE, "not installed: %s", strerror(errno));
	}
}

/* A directory of ours: nobody else may write there. */
static void
check_own_directory(struct checks *c, const char *what, const char *path, bool nobody_reads)
{
	struct stat st;
	struct statvfs fs;

	if (stat(path, &st) < 0) {
		if (errno == ENOENT)
			check_found(c, what, WARNING, 0, "%s is not there yet; handbackd makes it", path);
		else
			check_found(c, what, WRONG, EXIT_UNAVAILABLE, "%s: %s", path, strerror(errno));
		return;
	}
	if (!S_ISDIR(st.st_mode))
		check_found(c, what, WRONG, EXIT_UNAVAILABLE, "%s is no directory", path);
	else if (st.st_mode & S_IWOTH)
		check_found(c, what, WRONG, EXIT_UNAVAILABLE, "%s: everyone may write there (mode %04o)", path,
		      st.st_mode & 07777);
	else if (nobody_reads && (st.st_mode & (S_IROTH | S_IXOTH)))
		check_found(c, what, WARNING, 0, "%s: everyone may look there (mode %04o)", path, st.st_mode & 07777);
	else if (euidaccess(path, W_OK | X_OK) < 0)
		check_found(c, what, WARNING, 0, "%s: this user may not write there", path);
	else if (statvfs(path, &fs) == 0) {
		uint64_t free_mib = (uint64_t) fs.f_bavail * fs.f_frsize >> 20;
		check_found(c, what, free_mib < LOW_SPACE_MIB ? WARNING : FINE, 0, "%s, %" PRIu64 " MiB free%s", path,
		            free_mib,
		            free_mib < LOW_SPACE_MIB
		                ? ": make room, or have old copies removed (retention in the configuration)"
		                : "");
	} else
		check_found(c, what, FINE, 0, "%s", path);
}

/* Files move through the spool by rename, which works within one file system only. */
static void
check_one_file_system(struct checks *c)
{
	static const char *const parts[] = {"work", "archive", "quarantine", "incoming"};
	const char *spool = c->session->config->spool;
	struct stat whole, part;

	if (stat(spool, &whole) < 0)
		return;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *path = mem_format("%s/%s", spool, parts[i]);
		if (stat(path, &part) == 0 && part.st_dev != whole.st_dev)
			check_found(c, "spool", WRONG, EXIT_UNAVAILABLE,
			      "%s is another file system than %s: files cannot be renamed into it", path, spool);
		free(path);
	}
}

static void
check_source(struct checks *c, const struct config_source *source)
{
	char *what = mem_format("source %s", source->name);
	struct stat st;

	if (source->sftp.host != NULL)
		check_found(c, what, FINE, 0, "fetched from %s", source->sftp.host);
	else if (source->api.on)
		check_found(c, what, FINE, 0, "sent by the API");
	else if (stat(source->directory, &st) < 0)
		check_found(c, what, WRONG, EXIT_USAGE, "%s: %s", source->directory, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		check_found(c, what, WRONG, EXIT_USAGE, "%s is no directory", source->directory);
	else if (euidaccess(source->directory, R_OK | X_OK) < 0)
		check_found(c, what, WRONG, EXIT_USAGE, "%s: this user may not read it", source->directory);
	else if (euidaccess(source->directory, W_OK) < 0)
		check_found(c, what, WARNING, 0,
		      "%s: this user may not remove files from it, so they will stay there when they are done",
		      source->directory);
	else if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
		check_found(c, what, WARNING, 0, "%s: everyone may put files there, and take others' away (mode %04o)",
		      source->directory, st.st_mode & 07777);
	else
		check_found(c, what, FINE, 0, "%s", source->directory);
	free(what);
}

/* What goes back to the partner has a place to go to, and a name of its own there. */
static void
check_answers(struct checks *c, const struct config_source *source, const char *profile,
              const struct policy *policy)
{
	size_t i = (size_t) (source - c->session->config->sources);
	const char *rejects = policy->rejects.name, *config = c->session->config->path;
	char *what = mem_format("source %s", source->name);

	if (rejects != NULL && source->sftp.host == NULL && source->answers == NULL)
		check_found(c, what, WARNING, 0,
		      "%s has answer.rejects, but sources[%zu] in %s has no answers: no rejects are reported to the "
		      "partner",
		      profile, i, config);
	else if (rejects != NULL && source->sftp.answer != NULL && strcmp(source->sftp.answer_name, rejects) == 0)
		check_found(c, what, WRONG, EXIT_USAGE,
		      "sources[%zu].sftp.answer_name in %s and answer.rejects.name in %s are both %s: one of the two "
		      "files would never be sent; change one name",
		      i, config, profile, rejects);
	else if (source->answers != NULL && euidaccess(source->answers, W_OK | X_OK) < 0)
		check_found(c, what, WRONG, EXIT_USAGE,
		      "sources[%zu].answers in %s is %s: %s; its files wait until it can be written to", i, config,
		      source->answers, strerror(errno));
	free(what);
}

/* The lists of days that a profile names: at night nothing is judged without them. */
static void
check_holidays(struct checks *c, const char *what, const struct policy *policy)
{
	const char *directory = c->session->config->profiles;
	int profiles = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i <= policy->expected_files; i++) {
		const char *name = i == 0 ? policy->holidays : policy->expected[i - 1].holidays;
		char why[LIMIT_MESSAGE_BYTES], *days = holidays_read(profiles, name, why);

		/* kinds have the profile's list when they have none of their own */
		if (days == NULL && (i == 0 || policy->holidays == NULL || strcmp(name, policy->holidays) != 0))
			check_found(c, what, WRONG, EXIT_USAGE, "%s/%s", directory, why);
		free(days);
	}
	if (profiles >= 0)
		close(profiles);
}

/* The profile of one source: does it compile, and is it of the same partner?  known: an earlier source has
 * the same. */
static void
check_profile(struct checks *c, const struct config_source *source, bool known)
{
	char *what = mem_format("profile %s", source->profile), *text = NULL;
	char *path = mem_format("%s/%s.yaml", c->session->config->profiles, source->profile);
	struct problems *p = problems_new(path);
	struct profile *profile = NULL;
	size_t len = 0;

	if (io_read_file(AT_FDCWD, path, LIMIT_PROFILE_BYTES, &text, &len) < 0) {
		if (!known)
			check_found(c, what, WRONG, EXIT_USAGE, "%s: %s", path, strerror(errno));
	} else if ((profile = profile_compile(text, len, p)) == NULL) {
		if (!known)
			check_found(c, what, WRONG, EXIT_USAGE, "%s",
			      problems_line(p, 0) != NULL ? problems_line(p, 0) : "it does not compile");
	} else if (strcmp(profile->policy.partner, source->partner) != 0)
		check_found(c, what, WRONG, EXIT_USAGE, "it is of partner %s, and source %s of %s", profile->policy.partner,
		      source->name, source->partner);
	else {
		if (!known && problems_warnings(p))
			check_found(c, what, WARNING, 0, "%zu warnings; `handbackctl profile lint %s` shows them",
			      problems_warnings(p), source->profile);
		else if (!known)
			check_found(c, what, FINE, 0, "%s", path);
		if (!known)
			check_holidays(c, what, &profile->policy);
		check_answers(c, source, path, &profile->policy);
	}
	profile_free(profile);
	problems_free(p);
	free(text);
	free(path);
	free(what);
}

static void
check_sources(struct checks *c)
{
	const struct config *config = c->session->config;

	if (config->source_count == 0)
		check_found(c, "sources", WARNING, 0, "none: nothing will ever come in");
	for (size_t i = 0; i < config->source_count; i++) {
		const struct config_source *source = &config->sources[i];
		bool known = false;
		check_source(c, source);
		for (size_t j = 0; j < i; j++)
			known = known || strcmp(config->sources[j].profile, source->profile) == 0;
		check_profile(c, source, known);
	}
}

int
run_check(struct session *s)
{
	const struct passwd *user = getpwuid(geteuid());
	struct checks c = {.session = s};
	int code = session_config(s);

	if (code != EXIT_CLEAN)
		return code;
	struct document *d = document_new("check", NULL);
	c.table = document_add(d, "checks", NULL, TABLE_ROWS, COLUMNS(check_columns));
	check_found(&c, "configuration", FINE, 0, "%s, %zu sources", s->config->path, s->config->source_count);
	check_programs(&c);
	check_own_directory(&c, "spool", s->config->spool, true);
	check_one_file_system(&c);
	check_own_directory(&c, "reports", s->config->reports, false);
	if (s->config->database_embedded != NULL)
		check_own_directory(&c, "embedded database", s->config->database_embedded, true);
	check_sources(&c);
	check_machine(&c);
	check_database(&c);
	table_note(c.table,
	           mem_format("Permissions are those of user %s.", user != NULL ? user->pw_name : "(unknown)"));
	code = session_show(s, d);
	document_free(d);
	return code == EXIT_CLEAN ? c.code : code;
}
