/* profile infer: a first profile for a sample.  Its bytes are read by handback-infer, in its sandbox. */
#include <unistd.h>

#include "ctl/handlers.h"
#include "lib/base/limits.h"
#include "try/guess.h"

int
run_profile_infer(struct session *s)
{
	const char *path = s->arguments[0], *slash = strrchr(path, '/');
	char why[LIMIT_MESSAGE_BYTES], *text = NULL;
	int file = -1, code = session_file(path, &file);

	if (code == EXIT_CLEAN) {
		enum parser_end end = guess_profile(file, slash == NULL ? path : slash + 1, &text, why);

		if (end == PARSER_DONE)
			(void) fputs(text, stdout);
		else
			complain("%s: %s", path, why);
		code = end == PARSER_DONE ? EXIT_CLEAN : end == PARSER_PROFILE ? EXIT_USAGE : EXIT_FAILED;
	}
	free(text);
	if (file >= 0)
		close(file);
	return code;
}
