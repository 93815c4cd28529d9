/* profile lint, and how profiles are found. */
#include "ctl/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "ctl/handlers.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/profile/profile.h"

static const struct column problem_columns[] = {
    {"profile", "Profile", COLUMN_NAME, 0, 0, NULL},
    {"problem", "Problem", COLUMN_SENTENCE, 30, 0, NULL},
};

static const struct column lint_columns[] = {
    {"profile", "Profile", COLUMN_NAME, 0, 0, NULL},
    {"state", "Result", COLUMN_WORD, 0, 0, NULL},
    {"errors", "Errors", COLUMN_NUMBER, 0, 0, NULL},
    {"warnings", "Warnings", COLUMN_NUMBER, 0, 0, NULL},
};

/* The path of a profile: as it is where it has a slash or ends in .yaml, else one of the profiles directory.
 */
char *
profile_path(struct session *s, const char *said)
{
	size_t len = strlen(said);

	if (strchr(said, '/') != NULL || (len > 5 && strcmp(said + len - 5, ".yaml") == 0))
		return mem_text(said);
	return session_config(s) == EXIT_CLEAN ? mem_format("%s/%s.yaml", s->config->profiles, said) : NULL;
}

int
profile_of_argument(struct session *s, const char *said, struct problems **ret_problems,
                    struct profile **ret_profile)
{
	char *text = NULL, *path = profile_path(s, said);
	size_t len = 0;

	if (path == NULL)
		return EXIT_USAGE;
	if (io_read_file(AT_FDCWD, path, LIMIT_PROFILE_BYTES, &text, &len) < 0) {
		complain("%s: %s", path, strerror(errno));
		free(path);
		return EXIT_USAGE;
	}
	*ret_problems = problems_new(path);
	*ret_profile = profile_compile(text, len, *ret_problems);
	free(text);
	free(path);
	return EXIT_CLEAN;
}

/* What `profile infer` left to a person stands in comments: in the order of the file, how many. */
static size_t
add_open(struct table *problems, const char *said, const char *path)
{
	char *text = NULL;
	size_t len = 0, open = 0, number = 0;

	if (io_read_file(AT_FDCWD, path, LIMIT_PROFILE_BYTES, &text, &len) < 0)
		return 0;
	for (const char *at = text, *end = text + len; at < end; number++) {
		const char *newline = memchr(at, '\n', (size_t) (end - at)), *stop = newline == NULL ? end : newline;
		const char *comment = memmem(at, (size_t) (stop - at), "# ", 2);
		const char *decide =
		    comment == NULL ? NULL : memmem(comment, (size_t) (stop - comment), "decide: ", 8);

		if (decide != NULL) {
			char *line =
			    mem_format("%s:%zu:%td: still to decide: %.*s: when that is done, take the comment away",
			               path, number + 1, decide - at + 1, (int) (stop - decide - 8), decide + 8);
			table_row(problems, (const char *[]){said, line});
			free(line);
			open++;
		}
		at = stop + 1;
	}
	free(text);
	return open;
}

static void
add_lint(struct table *profiles, struct table *problems, const char *said, const struct problems *p,
         size_t open)
{
	char errors[24], warnings[24];
	const char *cells[] = {said,
	                       problems_errors(p) + open ? "error"
	                       : problems_warnings(p)    ? "warning"
	                                                 : "ok",
	                       errors, warnings};

	snprintf(errors, sizeof(errors), "%zu", problems_errors(p) + open);
	snprintf(warnings, sizeof(warnings), "%zu", problems_warnings(p));
	table_row(profiles, cells);
	for (size_t i = 0; problems_line(p, i) != NULL; i++) {
		const char *line[] = {said, problems_line(p, i)};
		table_row(problems, line);
	}
}

int
run_profile_lint(struct session *s)
{
	struct document *d = document_new("lint", NULL);
	struct table *profiles = document_add(d, "profiles", NULL, TABLE_ROWS, COLUMNS(lint_columns));
	struct table *problems = document_add(d, "problems", NULL, TABLE_ROWS, COLUMNS(problem_columns));
	const bool explain = s->value[OPT_EXPLAIN] != NULL;
	int worst = EXIT_CLEAN;

	if (explain && s->argument_count > 1) {
		complain("--explain takes one profile");
		document_free(d);
		return EXIT_USAGE;
	}
	for (int i = 0; i < s->argument_count; i++) {
		struct problems *p = NULL;
		struct profile *profile = NULL;
		int code = profile_of_argument(s, s->arguments[i], &p, &profile);
		char *path = code == EXIT_CLEAN ? profile_path(s, s->arguments[i]) : NULL;
		size_t open = path == NULL ? 0 : add_open(problems, s->arguments[i], path);
		if (code == EXIT_CLEAN)
			add_lint(profiles, problems, s->arguments[i], p, open);
		if (code != EXIT_CLEAN || profile == NULL || open > 0)
			worst = EXIT_USAGE;
		if (explain && profile != NULL)
			profile_explain(d, profile);
		free(path);
		profile_free(profile);
		problems_free(p);
	}
	/* mistakes as file:line:column: ... at the beginning of a line, where editors find them */
	for (size_t i = 0; s->format == FORMAT_TEXT && i < problems->rows; i++)
		puts(table_cell(problems, i, 1));
	if (s->format == FORMAT_TEXT)
		document_drop(d, problems);
	int code = session_show(s, d);
	document_free(d);
	return code == EXIT_CLEAN ? worst : code;
}
