/* profile lint, and how profiles are found. */
#include "ctl/profile.h"

#include <errno.h>
#include <fcntl.h>

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

static void
add_lint(struct table *profiles, struct table *problems, const char *said, const struct problems *p)
{
	char errors[24], warnings[24];
	const char *cells[] = {said,
	                       problems_errors(p)     ? "error"
	                       : problems_warnings(p) ? "warning"
	                                              : "ok",
	                       errors, warnings};

	snprintf(errors, sizeof(errors), "%zu", problems_errors(p));
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
	int worst = EXIT_CLEAN;

	for (int i = 0; i < s->argument_count; i++) {
		struct problems *p = NULL;
		struct profile *profile = NULL;
		int code = profile_of_argument(s, s->arguments[i], &p, &profile);
		if (code == EXIT_CLEAN)
			add_lint(profiles, problems, s->arguments[i], p);
		if (code != EXIT_CLEAN || profile == NULL)
			worst = EXIT_USAGE;
		profile_free(profile);
		problems_free(p);
	}
	/* mistakes as file:line:column: ... at the beginning of a line, where editors find them */
	for (size_t i = 0; s->format == FORMAT_TEXT && i < problems->rows; i++)
		puts(table_cell(problems, i, 1));
	if (s->format == FORMAT_TEXT)
		document_drop_last(d);
	int code = session_show(s, d);
	document_free(d);
	return code == EXIT_CLEAN ? worst : code;
}
