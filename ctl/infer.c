/* profile infer: a first profile for a sample.  Its bytes are read by handback-infer, in its sandbox. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/handlers.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/base/paths.h"
#include "lib/finance/output/memory.h"
#include "reconcile/file/parser_child.h"

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

static int
propose(struct parser_child *child, const char *path, int file, int nothing)
{
	const char *slash = strrchr(path, '/'), *broken = NULL;
	char why[LIMIT_MESSAGE_BYTES], *text = NULL;
	size_t len = 0, begin = strlen(program) + 2;
	struct stat st;
	enum parser_end end;

	if (fstat(file, &st) < 0 ||
	    parser_child_give(child, file, st.st_size, nothing, slash == NULL ? path : slash + 1, false) < 0) {
		complain("%s: %s", path, strerror(errno));
		return EXIT_FAILED;
	}
	if (io_read_all(child->frames, LIMIT_PROFILE_BYTES, &text, &len) < 0)
		broken = "it wrote more than a profile can be";
	else if (!is_text(text, len))
		broken = "what it wrote is no plain text";
	end = parser_child_end(child, broken, why);
	if (end == PARSER_DONE)
		(void) fwrite(text, 1, len, stdout);
	else
		complain("%s: %s", path,
		         strncmp(why, program, begin - 2) == 0 && strlen(why) > begin ? why + begin : why);
	free(text);
	return end == PARSER_DONE ? EXIT_CLEAN : end == PARSER_PROFILE ? EXIT_USAGE : EXIT_FAILED;
}

int
run_profile_infer(struct session *s)
{
	struct parser_child child;
	char path[4096];
	int file = -1, nothing = -1, code = session_file(s->arguments[0], &file);

	parser_child_open(&child);
	if (code == EXIT_CLEAN && !paths_program(path, sizeof(path), program)) {
		complain("%s: %s", program, strerror(errno));
		code = EXIT_INTERNAL;
	}
	if (code == EXIT_CLEAN) {
		nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
		code = EXIT_FAILED;
		if (nothing < 0 || parser_child_start(&child, path, -1) < 0)
			complain("cannot start %s: %s", program, strerror(errno));
		else
			code = propose(&child, s->arguments[0], file, nothing);
	}
	parser_child_stop(&child);
	if (nothing >= 0)
		close(nothing);
	if (file >= 0)
		close(file);
	return code;
}
