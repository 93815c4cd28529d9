/*
 * handback-infer: looks at one sample of a partner's and proposes a profile.
 *
 * Trust: as handback-parse: it is handed the sample as a descriptor, knows no
 * path, no database and no network, and reads its first byte in the sandbox.  It
 * is started and gets its job in the same way (lib/protocol/parse_job.h; there is no
 * profile, so that descriptor is /dev/null) but by handbackctl, and writes
 * text: the profile on descriptor 1, at most LIMIT_PROFILE_BYTES of it.  Exit
 * status EXIT_CLEAN; EXIT_USAGE when nothing can be proposed, said why on
 * descriptor 2; the others as there.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/protocol/parse_job.h"
#include "lib/sandbox/parser.h"
#include "parsers/child.h"
#include "parsers/infer/infer_internal.h"

int
main(void)
{
	static struct guess guess;
	struct parse_job job;
	struct sandbox_report report;
	struct sandbox_wish wish;
	char why[256];
	const char *text;
	int file, nothing, rc, turn = PARSE_TURN_AHEAD; /* no profile comes ahead */

	signal(SIGPIPE, SIG_IGN);
	child_begin("handback-infer");
	sample_prepare();
	column_prepare();
	if (sandbox_prepare(why, sizeof(why)) != 0)
		child_leave(EXIT_FAILED, why);
	rc = parse_job_receive(PARSE_JOB_SOCKET, &turn, &job, &file, &nothing, &text);
	if (rc == PARSE_NOTHING)
		return EXIT_CLEAN;
	if (rc != PARSE_JOB)
		child_leave(EXIT_INTERNAL, text);
	child_check_file(&job, file);
	wish = (struct sandbox_wish){.work_bytes = SAMPLE_BYTES,
	                             .no_landlock = (job.flags & PARSE_JOB_NO_LANDLOCK) != 0,
	                             .no_sandbox = (job.flags & PARSE_JOB_NO_SANDBOX) != 0};
	if (sandbox_enter(file, &wish, &report, why, sizeof(why)) != 0)
		child_leave(EXIT_FAILED, why);
	guess.file_name = job.name;
	guess.file_name_len = job.name_len;
	guess.file_bytes = job.file_bytes;
	text = guess_sample(&guess, SANDBOX_FILE);
	if (text != NULL)
		child_leave(EXIT_USAGE, text);
	if (guess_write(&guess) != 0)
		child_leave(EXIT_INTERNAL, "the pipe for the profile is broken");
	return EXIT_CLEAN;
}
