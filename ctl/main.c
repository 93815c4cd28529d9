/*
 * handbackctl: operators' and finance's hands.  It holds no more than its
 * database role allows, and reads no partner's byte: for that it asks
 * handback-parse, as the daemon does.
 */
#include <getopt.h>
#include <signal.h>
#include <unistd.h>

#include "ctl/session.h"
#include "lib/base/harden.h"
#include "lib/base/nearest.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/sheet/sheet.h"

#define MAX_OPTIONS (OPT_COUNT + 1)

/* What getopt wants, from our table; val is 256 + the option's number. */
static void
getopt_table(options_t options, struct option *ret)
{
	for (int i = 0; i < OPT_COUNT; i++)
		if (options & OPT(i))
			*ret++ = (struct option){option_specs[i].name,
			                         option_specs[i].argument != NULL ? required_argument : no_argument, NULL,
			                         256 + i};
	*ret = (struct option){NULL, 0, NULL, 0};
}

/* The nearest of the options that the command takes, or NULL. */
static const char *
near_option(const char *word, options_t options)
{
	const char *names[OPT_COUNT + 1] = {NULL};
	size_t count = 0, len = strcspn(word, "=");

	for (int i = 0; i < OPT_COUNT; i++)
		if (options & OPT(i))
			names[count++] = option_specs[i].name;
	char *typed = mem_part(word, len);
	const char *near = nearest_word(typed + strspn(typed, "-"), names);
	free(typed);
	return near;
}

static int
wrong_option(const char *word, int kind, const struct command *c, options_t options)
{
	const char *near = near_option(word, options);

	if (kind == ':')
		complain("option %s requires a value; try `handbackctl %s --help`", word, c != NULL ? c->name : "");
	else if (near != NULL)
		complain("unknown option %s; did you mean --%s? `handbackctl %s%s--help` has all", word, near,
		         c != NULL ? c->name : "", c != NULL ? " " : "");
	else
		complain("unknown option %s; try `handbackctl %s%s--help`", word, c != NULL ? c->name : "",
		         c != NULL ? " " : "");
	return EXIT_USAGE;
}

/* Reads options into the session until something else comes (stop) or to the end.  optind is left behind
 * them. */
static int
read_options(struct session *s, int argc, char **argv, options_t options, bool stop)
{
	struct option table[MAX_OPTIONS];

	getopt_table(options, table);
	opterr = 0;
	optind = 0;
	for (int got; (got = getopt_long(argc, argv, stop ? "+:h" : ":h", table, NULL)) != -1;) {
		if (got == 'h')
			got = 256 + OPT_HELP;
		if (got == '?' || got == ':')
			return wrong_option(argv[optind - 1], got, s->command, options);
		s->value[got - 256] = optarg != NULL ? optarg : "";
	}
	return EXIT_CLEAN;
}

static int
unknown_command(int argc, char **argv)
{
	char *group = argc == 1 ? command_group(argv[0]) : NULL;
	if (group != NULL) {
		complain("%s what? %s; `handbackctl %s COMMAND --help` shows each", argv[0], group, argv[0]);
		free(group);
		return EXIT_USAGE;
	}
	char *typed = argc > 1 && argv[1][0] != '-' ? mem_format("%s %s", argv[0], argv[1]) : mem_text(argv[0]);
	const char *near = command_hint(typed);

	if (near == NULL)
		near = command_hint(argv[0]);
	if (near != NULL)
		complain("no such command: %s; did you mean `handbackctl %s`?", typed, near);
	else
		complain("no such command: %s; `handbackctl --help` lists them", typed);
	free(typed);
	return EXIT_USAGE;
}

/* "help", "help COMMAND" and "help --all". */
static int
help(int argc, char **argv)
{
	int words = 0;

	if (argc == 0) {
		help_overview();
		return EXIT_CLEAN;
	}
	if (argc == 1 && strcmp(argv[0], "--all") == 0) {
		help_document();
		return EXIT_CLEAN;
	}
	const struct command *c = command_find(argc, argv, &words);
	if (c == NULL)
		return unknown_command(argc, argv);
	help_command(c);
	return EXIT_CLEAN;
}

static int
check_call(struct session *s)
{
	const struct command *c = s->command;

	if (s->argument_count < c->least || s->argument_count > c->most) {
		complain("usage: handbackctl %s %s", c->name, c->arguments);
		return EXIT_USAGE;
	}
	if (s->value[OPT_JSON] != NULL)
		s->format = FORMAT_JSON;
	if (s->value[OPT_FORMAT] != NULL) {
		int format = format_from_name(s->value[OPT_FORMAT]);
		if (format < 0) {
			complain("--format %s: it is text, json, csv, html or xlsx", s->value[OPT_FORMAT]);
			return EXIT_USAGE;
		}
		s->format = (enum format) format;
	}
	if (s->value[OPT_WIDE] != NULL)
		s->terminal.width = 0;
	if (s->format == FORMAT_XLSX && isatty(STDOUT_FILENO)) {
		complain("--format xlsx is a file, and no terminal shows it: write >report.xlsx behind the command");
		return EXIT_USAGE;
	}
	return EXIT_CLEAN;
}

static int
run(struct session *s, int argc, char **argv)
{
	int words = 0;

	if (strcmp(argv[0], "help") == 0)
		return help(argc - 1, argv + 1);
	s->command = command_find(argc, argv, &words);
	if (s->command == NULL)
		return unknown_command(argc, argv);

	/* getopt skips argv[0]: there stands the command's last word */
	int first = words - 1;
	int code = read_options(s, argc - first, argv + first, OPT_GLOBAL | s->command->options, false);
	if (code != EXIT_CLEAN)
		return code;
	if (s->value[OPT_HELP] != NULL) {
		help_command(s->command);
		return EXIT_CLEAN;
	}
	s->arguments = argv + first + optind;
	s->argument_count = argc - first - optind;
	code = check_call(s);
	return code == EXIT_CLEAN ? s->command->run(s) : code;
}

int
main(int argc, char **argv)
{
	struct session s = {.format = FORMAT_TEXT,
	                    .person = getuid(),
	                    .query = {.spool = -1, .say = complain, .book = sheet_write}};

	harden();
	/* a reader that has seen enough (| head) is no error of ours: writes fail, and session_show knows */
	signal(SIGPIPE, SIG_IGN);
	terminal_detect(&s.terminal);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("handbackctl " HANDBACK_VERSION);
		return EXIT_CLEAN;
	}
	int code = read_options(&s, argc, argv, OPT_GLOBAL, true);
	if (code == EXIT_CLEAN && (s.value[OPT_HELP] != NULL || optind >= argc)) {
		help_overview();
		code = s.value[OPT_HELP] != NULL ? EXIT_CLEAN : EXIT_USAGE;
	} else if (code == EXIT_CLEAN)
		code = run(&s, argc - optind, argv + optind);
	session_end(&s);
	return code;
}
