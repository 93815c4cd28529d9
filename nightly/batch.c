#include "nightly/batch.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/harden.h"
#include "lib/base/limits.h"
#include "lib/base/owner.h"
#include "lib/base/paths.h"
#include "lib/config/config.h"
#include "lib/finance/output/show.h"

void
complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	show_complaint(program_invocation_short_name, format, args);
	va_end(args);
}

static int
usage(const char *own, FILE *out)
{
	fprintf(out,
	        "usage: %s [--config FILE] [--database CONNINFO] [--json | --format FORMAT] [--%s]\n"
	        "its timer starts it; handbackctl help says what the options mean\n",
	        program_invocation_short_name,
	        strcmp(own, "head") == 0 ? "head N:HASH] [--checkpoints FILE" : own);
	return out == stdout ? EXIT_CLEAN : EXIT_USAGE;
}

static int
read_format(struct batch *b, const char *word)
{
	int format = format_from_name(word);

	if (format < 0 || format == FORMAT_XLSX) {
		complain("--format %s: it is text, json, csv or html", word);
		return EXIT_USAGE;
	}
	b->format = (enum format) format;
	return EXIT_CLEAN;
}

int
batch_start(struct batch *b, int argc, char **argv, const char *own, bool *ret_go)
{
	const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"database", required_argument, NULL, 'd'},
	    {"json", no_argument, NULL, 'j'},
	    {"format", required_argument, NULL, 'f'},
	    {"help", no_argument, NULL, 'h'},
	    {strcmp(own, "head") == 0 ? "checkpoints" : "help",
	     strcmp(own, "head") == 0 ? required_argument : no_argument, NULL,
	     strcmp(own, "head") == 0 ? 'k' : 'h'},
	    {own, strcmp(own, "head") == 0 ? required_argument : no_argument, NULL, 'o'},
	    {NULL, 0, NULL, 0}};
	int code = EXIT_CLEAN;

	*b = (struct batch){.path = PATHS_CONFIG, .query = {.spool = -1, .say = complain}};
	*ret_go = false;
	harden_keys();
	/* a reader that has seen enough (| head) is no error of ours: writes fail, and batch_show knows */
	signal(SIGPIPE, SIG_IGN);
	terminal_detect(&b->terminal);
	for (int got; code == EXIT_CLEAN && (got = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
		if (got == 'h')
			return usage(own, stdout);
		if (got == 'c') {
			b->path = optarg;
			b->path_given = true;
		} else if (got == 'd')
			b->conninfo = optarg;
		else if (got == 'j')
			b->format = FORMAT_JSON;
		else if (got == 'f')
			code = read_format(b, optarg);
		else if (got == 'k')
			b->checkpoints = optarg;
		else if (got == 'o' && optarg != NULL)
			b->head = optarg;
		else if (got == 'o')
			b->plan = true;
		else
			return usage(own, stderr);
	}
	if (code == EXIT_CLEAN && optind != argc)
		return usage(own, stderr);
	*ret_go = code == EXIT_CLEAN;
	return code;
}

void
batch_end(struct batch *b)
{
	connect_close(&b->connection);
	config_free(b->config);
	b->config = NULL;
}

int
batch_config(struct batch *b)
{
	char why[LIMIT_MESSAGE_BYTES];

	if (b->config != NULL)
		return EXIT_CLEAN;
	struct problems *p = problems_new(b->path);
	b->config = config_load(b->path, p);
	for (size_t i = 0; problems_line(p, i) != NULL; i++)
		complain("%s", problems_line(p, i));
	problems_free(p);
	if (b->config == NULL)
		return EXIT_USAGE;
	b->query.company = b->config->company;
	/* before anything of the service's is touched */
	if (owner_become(b->config->spool, why, sizeof(why)))
		return EXIT_CLEAN;
	complain("%s", why);
	return EXIT_UNAVAILABLE;
}

int
batch_open(struct batch *b, const char *roles, const char *user, bool posts)
{
	struct connect how = {.application = program_invocation_short_name,
	                      .conninfo = b->conninfo,
	                      .roles = roles,
	                      .user = user,
	                      .start = true,
	                      .posts = posts,
	                      .reads = !posts && b->conninfo != NULL,
	                      .checked = true};
	char why[LIMIT_MESSAGE_BYTES] = "";
	int code = b->conninfo != NULL ? EXIT_CLEAN : batch_config(b);

	if (code != EXIT_CLEAN)
		return code;
	how.config = b->config;
	code = connect_open(&how, &b->connection, why, sizeof(why));
	if (code != EXIT_CLEAN) {
		complain("%s", why);
		return code;
	}
	b->query.pg = b->connection.pg;
	if (*pg_warning(b->query.pg) != '\0')
		complain("the database: %s", pg_warning(b->query.pg));
	return EXIT_CLEAN;
}

int
batch_show(const struct batch *b, const struct document *d)
{
	if (show_document(stdout, d, b->format, NULL, &b->terminal) == SHOW_DONE)
		return EXIT_CLEAN;
	complain("cannot write: %s", strerror(errno));
	return EXIT_INTERNAL;
}
