#include "try/guess.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/paths.h"

static const char program[] = "handback-infer";

/* What was proposed is made of a partner's bytes, by a process that has read them: it is only shown if it is
 * ASCII. */
static bool
is_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != '\n' && (text[i] < ' ' || text[i] > '~'))
			return false;
	return true;
}

static enum parser_end
propose(struct parser_child *child, const char *name, int file, int nothing, char **ret_text, char *why)
{
	const char *broken = NULL;
	size_t len = 0, begin = strlen(program) + 2;
	struct stat st;
	enum parser_end end;

	if (fstat(file, &st) < 0 || parser_child_give(child, file, st.st_size, nothing, name, false) < 0) {
		snprintf(why, LIMIT_MESSAGE_BYTES, "%s", strerror(errno));
		return PARSER_DISTURBED;
	}
	if (io_read_all(child->frames, LIMIT_PROFILE_BYTES, ret_text, &len) < 0)
		broken = "it wrote more than a profile can be";
	else if (!is_text(*ret_text, len))
		broken = "what it wrote is no plain text";
	end = parser_child_end(child, broken, why);
	if (end == PARSER_DONE)
		return end;
	if (strncmp(why, program, begin - 2) == 0 && strlen(why) > begin)
		memmove(why, why + begin, strlen(why + begin) + 1);
	free(*ret_text);
	*ret_text = NULL;
	return end;
}

enum parser_end
guess_profile(int file, const char *name, char **ret_text, char *why)
{
	enum parser_end end = PARSER_DISTURBED;
	struct parser_child child;
	char path[4096];
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	*ret_text = NULL;
	parser_child_open(&child);
	if (nothing >= 0 && paths_program(path, sizeof(path), program) && parser_child_start(&child, path, -1) == 0)
		end = propose(&child, name, file, nothing, ret_text, why);
	else
		snprintf(why, LIMIT_MESSAGE_BYTES, "cannot start %s: %s", program, strerror(errno));
	parser_child_stop(&child);
	if (nothing >= 0)
		close(nothing);
	return end;
}
