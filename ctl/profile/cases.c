/* profile read, profile test: what a profile makes of files, without a database. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/handlers.h"
#include "ctl/profile.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/base/paths.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/protocol/frame_text.h"
#include "reconcile/file/parser_child.h"
#include "reconcile/file/profile_cache.h"

#define CASE_BYTES (64 << 20)

static const struct column case_columns[] = {
    {"profile", "Profile", COLUMN_NAME, 0, 0, NULL},    {"case", "Case", COLUMN_NAME, 0, 0, NULL},
    {"result", "Result", COLUMN_WORD, 0, 0, NULL},      {"line", "Line", COLUMN_NUMBER, 0, 0, NULL},
    {"expected", "Expected", COLUMN_TEXT, 20, 1, NULL}, {"came", "Came", COLUMN_TEXT, 20, 1, NULL},
};

/* A profile and the program that reads its files. */
struct reading {
	struct profile_cache profile;
	struct parser_child child;
	char program[4096];
	bool no_landlock;
};

static int
reading_open(struct session *s, const char *said, struct reading *ret, char **ret_path)
{
	char why[LIMIT_MESSAGE_BYTES], *text = NULL;
	size_t len = 0;
	int code = EXIT_CLEAN;

	profile_cache_open(&ret->profile);
	parser_child_open(&ret->child);
	*ret_path = profile_path(s, said);
	if (*ret_path == NULL)
		return EXIT_USAGE;
	ret->no_landlock = s->config != NULL && s->config->sandbox == CONFIG_SANDBOX_NO_LANDLOCK;
	if (io_read_file(AT_FDCWD, *ret_path, LIMIT_PROFILE_BYTES, &text, &len) < 0) {
		complain("%s: %s", *ret_path, strerror(errno));
		return EXIT_USAGE;
	}
	if (profile_cache_set(&ret->profile, *ret_path, text, len, why) < 0) {
		complain("%s", why);
		code = EXIT_USAGE;
	} else if (!paths_program(ret->program, sizeof(ret->program), profile_program(ret->profile.profile))) {
		complain("%s: %s", profile_program(ret->profile.profile), strerror(errno));
		code = EXIT_INTERNAL;
	}
	free(text);
	return code;
}

static void
reading_close(struct reading *r)
{
	parser_child_stop(&r->child);
	profile_cache_close(&r->profile);
}

/* Frames as text; NULL, or why they are none, static text. */
static const char *
read_frames(int fd, FILE *out)
{
	struct frame_reader *reader = frame_reader_new(fd);
	const char *broken = NULL;
	struct frame f;
	int rc = -1;

	while (reader != NULL && (rc = frame_next(reader, &f, &broken)) == 1)
		frame_text(out, &f);
	frame_reader_free(reader);
	return rc == 0 ? NULL : broken != NULL ? broken : "out of memory";
}

/* What the profile makes of the file, to be freed; NULL, said why. */
static char *
read_case(struct reading *r, int file, const char *shown, const char *name)
{
	char why[LIMIT_MESSAGE_BYTES], *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const char *broken;
	struct stat st;

	if (out == NULL || fstat(file, &st) < 0 || lseek(file, 0, SEEK_SET) < 0 ||
	    parser_child_start(&r->child, r->program, r->profile.text) < 0 ||
	    parser_child_give(&r->child, file, st.st_size, r->profile.text, name, r->no_landlock) < 0) {
		complain("%s: %s", shown, strerror(errno));
		if (out != NULL)
			fclose(out);
		free(text);
		return NULL;
	}
	broken = read_frames(r->child.frames, out);
	fclose(out);
	if (parser_child_end(&r->child, broken, why) == PARSER_DONE)
		return text;
	complain("%s: %s", shown, why);
	free(text);
	return NULL;
}

int
run_profile_read(struct session *s)
{
	const char *path = s->arguments[1], *slash = strrchr(path, '/');
	const char *name = s->value[OPT_NAME] != NULL ? s->value[OPT_NAME] : slash == NULL ? path : slash + 1;
	struct reading r = {0};
	char *profile = NULL, *text = NULL;
	int file = -1, code = reading_open(s, s->arguments[0], &r, &profile);

	if (code == EXIT_CLEAN)
		code = session_file(path, &file);
	if (code == EXIT_CLEAN && strlen(name) > LIMIT_NAME_BYTES) {
		complain("%s: the name is too long", name);
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN) {
		text = read_case(&r, file, path, name);
		code = text == NULL ? EXIT_FAILED : EXIT_CLEAN;
	}
	if (text != NULL)
		fputs(text, stdout);
	free(text);
	free(profile);
	if (file >= 0)
		close(file);
	reading_close(&r);
	return code;
}

/* ---- cases ---- */

static int
is_case(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && (len < 9 || strcmp(entry->d_name + len - 9, ".expected") != 0);
}

/* The first line that differs: its number, and both; 0 when none does.  Lines are made texts of their own. */
static size_t
first_difference(char *expected, char *came, const char **ret_expected, const char **ret_came)
{
	for (size_t line = 1;; line++) {
		char *e = strsep(&expected, "\n"), *c = strsep(&came, "\n");

		*ret_expected = e != NULL ? e : "";
		*ret_came = c != NULL ? c : "";
		if (e == NULL && c == NULL)
			return 0;
		if (strcmp(*ret_expected, *ret_came) != 0)
			return line;
	}
}

/* A case is a file and what is expected of it: FILE.expected. */
static int
judge(struct table *t, const char *said, const char *name, char *expected, char *came)
{
	char line[24];
	const char *cells[6] = {said, name, "right"};
	size_t at = expected == NULL ? 0 : first_difference(expected, came, &cells[4], &cells[5]);

	snprintf(line, sizeof(line), "%zu", at);
	if (expected == NULL)
		cells[2] = "nothing expected";
	else if (at > 0) {
		cells[2] = "different";
		cells[3] = line;
	} else
		cells[4] = cells[5] = NULL;
	table_row(t, cells);
	return strcmp(cells[2], "right") == 0 ? EXIT_CLEAN : EXIT_PROOF;
}

static int
one_case(struct reading *r, struct table *t, const char *said, int folder, const char *name)
{
	char *expected_name = mem_format("%s.expected", name), *expected = NULL, *came;
	int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK), code = EXIT_FAILED;
	struct stat st;
	size_t len = 0;

	if (file < 0 || fstat(file, &st) < 0)
		complain("%s: %s", name, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		code = EXIT_CLEAN;
	else if (io_read_file(folder, expected_name, CASE_BYTES, &expected, &len) < 0 && errno != ENOENT)
		complain("%s: %s", expected_name, strerror(errno));
	else if ((came = read_case(r, file, name, name)) != NULL) {
		code = judge(t, said, name, expected, came);
		free(came);
	}
	free(expected);
	free(expected_name);
	if (file >= 0)
		close(file);
	return code;
}

/* All files of NAME.cases beside the profile. */
static int
all_cases(struct session *s, struct table *t, const char *said)
{
	struct reading r = {0};
	char *path = NULL, *folder = NULL;
	struct dirent **names = NULL;
	int code = reading_open(s, said, &r, &path), count = -1, dir = -1;

	if (code == EXIT_CLEAN) {
		size_t len = strlen(path);

		folder = mem_format("%.*s.cases", (int) (len > 5 ? len - 5 : len), path);
		dir = io_open_dir(AT_FDCWD, folder);
		count = dir < 0 ? -1 : scandir(folder, &names, is_case, alphasort);
		if (count <= 0) {
			complain("%s: %s", folder,
			         count < 0 ? strerror(errno) : "no case: files, each with FILE.expected");
			code = EXIT_USAGE;
		}
	}
	for (int i = 0; i < count; i++) {
		int one = one_case(&r, t, said, dir, names[i]->d_name);

		code = code == EXIT_CLEAN || one == EXIT_FAILED ? one : code;
		free(names[i]);
	}
	free(names);
	free(folder);
	free(path);
	if (dir >= 0)
		close(dir);
	reading_close(&r);
	return code;
}

int
run_profile_test(struct session *s)
{
	struct document *d = document_new("profile test", NULL);
	struct table *t = document_add(d, "cases", NULL, TABLE_ROWS, COLUMNS(case_columns));
	int worst = EXIT_CLEAN, code;

	for (int i = 0; i < s->argument_count; i++) {
		code = all_cases(s, t, s->arguments[i]);
		worst = worst == EXIT_CLEAN || code == EXIT_FAILED ? code : worst;
	}
	code = session_show(s, d);
	document_free(d);
	return code == EXIT_CLEAN ? worst : code;
}
