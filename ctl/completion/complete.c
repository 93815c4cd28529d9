/* complete: what may come next on a command line, for the completion of bash, zsh and fish. */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"
#include "ctl/session.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"

/* One word that may come, where it begins as what was typed; note: what it is, or NULL. */
static void
offer(const char *typed, const char *word, size_t len, const char *note)
{
	if (len >= strlen(typed) && strncmp(word, typed, strlen(typed)) == 0)
		printf("%.*s\t%s\n", (int) len, word, note != NULL ? note : "");
}

static void
offer_words(const char *typed, const char *const *words)
{
	for (; *words != NULL; words++)
		offer(typed, *words, strlen(*words), NULL);
}

/* ---- what there is on this site ---- */

static void
offer_rows(struct session *s, const char *typed, const char *sql)
{
	struct pg_result *r = NULL;

	if (s->query.pg == NULL && session_open(s, SESSION_READS) != EXIT_CLEAN)
		return;
	if (pg_run(s->query.pg, sql, 0, NULL, &r) == PG_OK)
		for (int i = 0; i < pg_rows(r); i++)
			offer(typed, pg_text_of(r, i, "word"), strlen(pg_text_of(r, i, "word")),
			      pg_text_of(r, i, "note"));
	pg_result_free(r);
}

static void
offer_sources(struct session *s, const char *typed)
{
	for (size_t i = 0; session_config(s) == EXIT_CLEAN && i < s->config->source_count; i++)
		offer(typed, s->config->sources[i].name, strlen(s->config->sources[i].name),
		      s->config->sources[i].partner);
}

static void
offer_profiles(struct session *s, const char *typed)
{
	DIR *d = session_config(s) == EXIT_CLEAN ? opendir(s->config->profiles) : NULL;

	for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		size_t len = strlen(e->d_name);

		if (len > 5 && strcmp(e->d_name + len - 5, ".yaml") == 0)
			offer(typed, e->d_name, len - 5, NULL);
	}
	if (d != NULL)
		closedir(d);
}

/* What "FILE" and the like stand for, in options and arguments; false: the shell knows better. */
static bool
offer_kind(struct session *s, const char *typed, const char *kind)
{
	static const char *const formats[] = {"text", "json", "csv", "html", "xlsx", NULL};

	if (strcmp(kind, "P") == 0 || strcmp(kind, "PARTNER") == 0)
		offer_rows(s, typed, sql_complete_partners);
	else if (strcmp(kind, "REASON") == 0)
		offer_rows(s, typed, sql_complete_reasons);
	else if (strcmp(kind, "HOLD") == 0 || strcmp(kind, "HOLD...") == 0)
		offer_rows(s, typed, sql_complete_holds);
	else if (strcmp(kind, "FORMAT") == 0)
		offer_words(typed, formats);
	else if (strcmp(kind, "SOURCE") == 0)
		offer_sources(s, typed);
	else if (strncmp(kind, "PROFILE", 7) == 0)
		offer_profiles(s, typed);
	else
		return false;
	return true;
}

/* ---- commands and options ---- */

static void
offer_commands(const char *typed, const char *first)
{
	const char *last = "";

	for (const struct command *c = commands; c->name != NULL; c++) {
		size_t len = strcspn(c->name, " ");
		const char *second = c->name[len] == ' ' ? c->name + len + 1 : NULL;

		if (first == NULL && (strlen(last) < len || strncmp(last, c->name, len) != 0 ||
		                      (last[len] != '\0' && last[len] != ' ')))
			offer(typed, c->name, len, second == NULL ? c->summary : NULL);
		else if (first != NULL && second != NULL && strlen(first) == len && strncmp(first, c->name, len) == 0)
			offer(typed, second, strlen(second), c->summary);
		last = c->name;
	}
}

static void
offer_options(const char *typed, const struct command *c)
{
	const options_t all = OPT_GLOBAL | (c != NULL ? c->options : 0);

	for (int i = 0; i < OPT_COUNT; i++) {
		char *word = mem_format("--%s", option_specs[i].name);

		if ((all & OPT(i)) != 0)
			offer(typed, word, strlen(word), option_specs[i].help);
		free(word);
	}
}

/* The option whose value comes next, or NULL. */
static const struct option_spec *
awaited(const char *previous)
{
	for (int i = 0; previous != NULL && strncmp(previous, "--", 2) == 0 && i < OPT_COUNT; i++)
		if (option_specs[i].argument != NULL && strcmp(previous + 2, option_specs[i].name) == 0)
			return &option_specs[i];
	return NULL;
}

/* The words that are no options and no values of them; how many. */
static int
plain_words(char *const *words, int count, char **ret)
{
	int plain = 0;

	for (int i = 0; i < count; i++) {
		if (i > 0 && awaited(words[i - 1]) != NULL)
			continue;
		if (strncmp(words[i], "-", 1) != 0)
			ret[plain++] = words[i];
	}
	return plain;
}

/* What the argument under the cursor is called in the usage, for the caller to free; NULL: there is none. */
static char *
argument_kind(const struct command *c, int which)
{
	const char *at = c->arguments;

	for (; which > 0 && strchr(at, ' ') != NULL; which--)
		at = strchr(at, ' ') + 1;
	at += strspn(at, "[");
	return *at == '\0' ? NULL : mem_part(at, strcspn(at, " ]"));
}

static void
offer_argument(struct session *s, const char *typed, const struct command *c, int which)
{
	char *kind = argument_kind(c, which);

	if (kind == NULL)
		return;
	if (strcmp(kind, "FILE") == 0 && strcmp(c->name, "show") == 0)
		offer_rows(s, typed, sql_complete_files);
	else
		(void) offer_kind(s, typed, kind);
	free(kind);
}

/* The site that the line is about. */
static void
take_site(struct session *s, char *const *words, int count)
{
	for (int i = 0; i + 1 < count; i++)
		for (int option = OPT_CONFIG; option <= OPT_DATABASE; option++) {
			const struct option_spec *o = awaited(words[i]);

			if (o == &option_specs[option])
				s->value[option] = words[i + 1];
		}
}

int
run_complete(struct session *s)
{
	const int count = s->argument_count - 1;
	const char *typed = count >= 0 ? s->arguments[count] : "",
	           *previous = count > 0 ? s->arguments[count - 1] : NULL;
	const struct option_spec *option = awaited(previous);
	char **plain = mem_new((size_t) (count > 0 ? count : 0) + 1, sizeof(char *));
	const int words = plain_words(s->arguments, count, plain);
	int taken = 0;
	take_site(s, s->arguments, count);
	const struct command *c = command_find(words, plain, &taken);

	if (option != NULL && strcmp(option->name, "file") == 0)
		offer_rows(s, typed, sql_complete_files);
	else if (option != NULL)
		(void) offer_kind(s, typed, option->argument);
	else if (*typed == '-')
		offer_options(typed, c);
	else if (words == 0)
		offer_commands(typed, NULL);
	else {
		if (words == 1)
			offer_commands(typed, plain[0]);
		if (c != NULL)
			offer_argument(s, typed, c, words - taken);
	}
	free(plain);
	return EXIT_CLEAN;
}
