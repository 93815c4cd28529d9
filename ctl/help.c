/* What handbackctl says of itself: all of it from the table of commands. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl/command.h"
#include "lib/base/exit_codes.h"
#include "lib/base/nearest.h"
#include "lib/base/paths.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/output/wrap.h"

#define HELP_WIDTH 78

static const struct {
	enum exit_code code;
	const char *meaning;
} exits[] = {
    {EXIT_CLEAN, "done, nothing waits"},
    {EXIT_INTERNAL, "internal error"},
    {EXIT_USAGE, "the command line, the configuration or a profile is wrong"},
    {EXIT_HELD, "done, but files or records are on hold"},
    {EXIT_FAILED, "files could not be handled now and stay where they are"},
    {EXIT_PROOF, "`audit verify`, a report's two sums, `try --diff`: a difference was found"},
    {EXIT_UNAVAILABLE, "the database or the spool cannot be reached, or has another schema version"},
};

const struct command *
command_find(int argc, char *const *argv, int *ret_words)
{
	const struct command *found = NULL;

	for (const struct command *c = commands; c->name != NULL; c++) {
		const char *space = strchr(c->name, ' ');
		size_t first = space != NULL ? (size_t) (space - c->name) : strlen(c->name);
		if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], c->name, first) != 0)
			continue;
		if (space != NULL && (argc < 2 || strcmp(argv[1], space + 1) != 0))
			continue;
		/* "report" is one command, "report roll-forward" another: two words rule */
		if (found == NULL || space != NULL) {
			found = c;
			*ret_words = space != NULL ? 2 : 1;
		}
	}
	return found;
}

char *
command_group(const char *first)
{
	size_t len = strlen(first);
	const char *words[COMMANDS_MOST];
	size_t count = 0;
	char *all = NULL;

	for (const struct command *c = commands; c->name != NULL && count < COMMANDS_MOST; c++)
		if (strncmp(c->name, first, len) == 0 && c->name[len] == ' ')
			words[count++] = c->name + len + 1;
	for (size_t i = 0; i < count; i++) {
		const char *between = i == 0 ? "" : i + 1 == count ? " or " : ", ";
		char *more = mem_format("%s%s%s", all != NULL ? all : "", between, words[i]);

		free(all);
		all = more;
	}
	return all;
}

const char *
command_hint(const char *typed)
{
	const char *names[COMMANDS_MOST + 1] = {NULL};
	size_t count = 0;

	for (const struct command *c = commands; c->name != NULL && count < COMMANDS_MOST; c++)
		names[count++] = c->name;
	/* "audit" and "audit verfy" are both near to what begins alike */
	const char *near = nearest_word(typed, names);
	size_t word = strcspn(typed, " ");
	for (size_t i = 0; near == NULL && i < count; i++)
		if (word > 0 && strncmp(names[i], typed, word) == 0)
			near = names[i];
	return near;
}

/* The options of a mask: rows of a Markdown table, or lines for a terminal. */
static void
put_options(options_t mask, bool document)
{
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct option_spec *o = &option_specs[i];
		char shown[64];

		if (!(mask & OPT(i)))
			continue;
		snprintf(shown, sizeof(shown), "--%s%s%s", o->name, o->argument != NULL ? " " : "",
		         o->argument != NULL ? o->argument : "");
		printf(document ? "| `%s` | %s |\n" : "  %-20s  %s\n", shown, o->help);
	}
}

void
help_overview(void)
{
	const char *group = "";

	puts("handbackctl: look into handback, and act for it\n\n"
	     "usage: handbackctl [OPTION]... COMMAND [ARGUMENT]...");
	for (const struct command *c = commands; c->name != NULL; c++) {
		if (strcmp(group, c->group) != 0)
			printf("\n%s\n", c->group);
		group = c->group;
		printf("  %-18s  %s\n", c->name, c->summary);
	}
	puts("\nOptions of every command");
	put_options(OPT_GLOBAL, false);
	puts("\n`handbackctl COMMAND --help` shows more, with an example.");
}

/* Each line of an example on its own, behind what a line begins with. */
static void
put_example(const char *example, const char *before)
{
	while (*example) {
		size_t len = strcspn(example, "\n");
		printf("%s%.*s\n", before, (int) len, example);
		example += len + (example[len] == '\n');
	}
}

void
help_command(const struct command *c)
{
	printf("handbackctl %s: %s\n\nusage: handbackctl %s%s%s%s\n\n", c->name, c->summary, c->name,
	       *c->arguments ? " " : "", c->arguments, c->options ? " [OPTION]..." : "");
	wrap_put(stdout, c->about, HELP_WIDTH, 0);
	if (c->options) {
		puts("\nOptions (`handbackctl --help` has those of every command)");
		put_options(c->options, false);
	}
	puts("\nExample");
	put_example(c->example, "  ");
}

static void
document_command(const struct command *c)
{
	printf("### handbackctl %s\n\n%c%s.\n\n    handbackctl %s%s%s%s\n\n%s\n", c->name, toupper(c->summary[0]),
	       c->summary + 1, c->name, *c->arguments ? " " : "", c->arguments, c->options ? " [OPTION]..." : "",
	       c->about);
	if (c->options) {
		puts("\n| option | meaning |\n|---|---|");
		put_options(c->options, true);
	}
	puts("\nExample:\n");
	put_example(c->example, "    ");
	putchar('\n');
}

void
help_document(void)
{
	const char *group = "";

	puts("# handbackctl\n\nLooks into handback, and acts for it. This page is what `handbackctl help --all` "
	     "prints.\n\n"
	     "    handbackctl [OPTION]... COMMAND [ARGUMENT]...\n\n"
	     "Times are UTC. Tables fit the terminal: texts are shortened with `…`, then columns are left out "
	     "and named\n"
	     "below the table; output that goes to a file or a pipe is never shortened (unless `COLUMNS` says "
	     "how wide\n"
	     "it is). Colours are for terminals only, and never used with `NO_COLOR` set. `--json` gives the "
	     "same tables\n"
	     "as one JSON object, whole and exact.\n\n"
	     "## Options of every command\n\n| option | meaning |\n|---|---|");
	put_options(OPT_GLOBAL, true);
	for (const struct command *c = commands; c->name != NULL; c++) {
		if (strcmp(group, c->group) != 0)
			printf("\n## %s\n\n", c->group);
		group = c->group;
		document_command(c);
	}
	puts("## Exit status\n\n| status | meaning |\n|---|---|");
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++)
		printf("| %d | %s |\n", (int) exits[i].code, exits[i].meaning);
	puts("\n## Files and environment\n\n| | |\n|---|---|\n| `" PATHS_CONFIG "` | the configuration, where "
	     "`--config` names no other |\n| `NO_COLOR` | no colours |\n| `COLUMNS` | the width, where output is "
	     "no "
	     "terminal |");
}
