/* nightly, audit verify: for people; the work is done by the service's own programs. */
#include <errno.h>
#include <unistd.h>

#include "ctl/handlers.h"
#include "lib/base/paths.h"

#define MOST_ARGUMENTS 14

/* What was asked of us, asked of the program in our place: what it says and its status are ours. */
static int
become(const struct session *s, const char *program)
{
	static const struct {
		enum option_id id;
		const char *option;
	} own[] = {{OPT_CONFIG, "--config"},
	           {OPT_DATABASE, "--database"},
	           {OPT_HEAD, "--head"},
	           {OPT_CHECKPOINTS, "--checkpoints"},
	           {OPT_PLAN, "--plan"}};
	const char *arguments[MOST_ARGUMENTS] = {program, "--format", format_name(s->format)};
	char path[4096];
	int n = 3;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (s->value[own[i].id] != NULL) {
			arguments[n++] = own[i].option;
			if (*s->value[own[i].id])
				arguments[n++] = s->value[own[i].id];
		}
	if (paths_program(path, sizeof(path), program))
		execv(path, (char *const *) (uintptr_t) arguments);
	complain("%s: %s", program, strerror(errno));
	return EXIT_INTERNAL;
}

int
run_nightly(struct session *s)
{
	return become(s, "handback-nightly");
}

int
run_audit_verify(struct session *s)
{
	return become(s, "handback-verify");
}
