/*
 * The command line as a table: names, options, help and documentation all come
 * from here.  A new command is a row in ctl/commands.c and a handler.
 */
#ifndef HANDBACK_CTL_COMMAND_H
#define HANDBACK_CTL_COMMAND_H

#include <assert.h>

/* An option means the same wherever it is taken. */
enum option_id {
	OPT_HELP,
	OPT_CONFIG,
	OPT_DATABASE,
	OPT_JSON,
	OPT_FORMAT,
	OPT_PARTNER,
	OPT_FILE,
	OPT_FROM,
	OPT_TO,
	OPT_STATE,
	OPT_OUTCOME,
	OPT_REASON,
	OPT_LIMIT,
	OPT_ALL,
	OPT_PROFILE,
	OPT_NAME,
	OPT_RECORDS,
	OPT_RULES,
	OPT_WRITE,
	OPT_TABLE,
	OPT_WATCH,
	OPT_TOUCH,
	OPT_WHY,
	OPT_REDEMPTION,
	OPT_YES,
	OPT_ACCEPT_DIFFERENCE,
	OPT_VERDICT,
	OPT_HEAD,
	OPT_CHECKPOINTS,
	OPT_PLAN,
	OPT_DIFF,
	OPT_ENDED,
	OPT_HOLD,
	OPT_CALLS_PER_MINUTE,
	OPT_POINTS_PER_DAY,
	OPT_SCOPE,
	OPT_MERCHANT,
	OPT_PREFIX,
	OPT_SOURCE_NAME,
	OPT_RATE,
	OPT_MINIMUM_BALANCE,
	OPT_SHOP,
	OPT_ADDRESS,
	OPT_PERMIT,
	OPT_VALID_FROM,
	OPT_VALID_UNTIL,
	OPT_DAYS,
	OPT_ROWS,
	OPT_AS_OF,
	OPT_BY,
	OPT_MINIMUM_POINTS,
	OPT_AMOUNT,
	OPT_UNROUTED,
	OPT_KEY,
	OPT_CATEGORY,
	OPT_PROGRAMME,
	OPT_MEMBER,
	OPT_TYPE,
	OPT_POINTS_FROM,
	OPT_POINTS_TO,
	OPT_COLUMNS,
	OPT_EVERY,
	OPT_BEGINS_ON,
	OPT_MAIL,
	OPT_EXPLAIN,
	OPT_WIDE,
	OPT_COUNT
};

struct option_spec {
	const char *name;
	const char *argument; /* "FILE"; NULL: it is a flag */
	const char *help;
};
extern const struct option_spec option_specs[OPT_COUNT];

/* A set of options. */
__extension__ typedef unsigned __int128 options_t;
#define OPT(id) ((options_t) 1 << (id))
static_assert(OPT_COUNT <= 128, "a set of options has 128 bits");
/* Taken by every command. */
#define OPT_GLOBAL                                                                                           \
	(OPT(OPT_HELP) | OPT(OPT_CONFIG) | OPT(OPT_DATABASE) | OPT(OPT_JSON) | OPT(OPT_FORMAT) | OPT(OPT_WIDE))

struct session;

struct command {
	const char *name;              /* "audit verify" */
	const char *group;             /* heading in the overview */
	const char *arguments;         /* "REFERENCE", "" for none */
	int least, most;               /* of them */
	options_t options;             /* of its own, OPT() each */
	const char *summary;           /* one line, no full stop */
	const char *about;             /* sentences */
	const char *example;           /* one or more lines to type */
	int (*run)(struct session *s); /* gives an exit_code */
};
/* Ended by a NULL name; those of one group stand together. */
extern const struct command commands[];
#define COMMANDS_MOST 160

/* The command that argv begins with, one or two words, and how many they are; NULL: none. */
const struct command *command_find(int argc, char *const *argv, int *ret_words);
/* The second words of the commands that begin with this one, "assign, comment or show", for the caller to free; NULL: there
 * are none. */
char *command_group(const char *first);
/* The nearest name to what was typed, or NULL. */
const char *command_hint(const char *typed);

void help_overview(void);
void help_command(const struct command *c);
/* docs/handbackctl.md, as it has to be. */
void help_document(void);

#endif
