/*
 * handback-parse: reads one partner's file and reports what is in it.  handback-parse-xml is the same with
 * one more format, XML: its library, and those that come with it, take longer to load than a small file takes
 * in all.
 *
 * Trust: it is handed the file and the profile as descriptors and knows no
 * path, no database, no network.  The profile is ours; of the file no byte is
 * read before the sandbox is closed.  Nobody believes what it says: its frames are
 * checked, its controls and records judged elsewhere.  See lib/protocol/parse_job.h.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "parsers/assemble/assemble.h"
#include "lib/sandbox/parser.h"
#include "parsers/child.h"
#include "parsers/container/container.h"
#include "lib/protocol/frame.h"
#include "parsers/input_fd.h"
#include "lib/protocol/parse_job.h"
#include "lib/profile/profile.h"
#ifdef TEST_BUILD
#include "lib/sandbox/escape.h"
#endif

/* ---- from assemble to frames ---- */

static int
put_record(void *context, const struct record *r)
{
	return frame_put_record(context, r);
}

static int
put_facts(void *context, const struct file_facts *facts)
{
	const struct frame f = {.kind = FRAME_FACTS, .facts = *facts};
	return frame_put(context, &f);
}

static int
put_control(void *context, const struct control *c)
{
	const struct frame f = {.kind = FRAME_CONTROL, .control = *c};
	return frame_put(context, &f);
}

static int
put_refusal(void *context, const struct refusal *r)
{
	const struct frame f = {.kind = FRAME_REFUSAL, .refusal = *r};
	return frame_put(context, &f);
}

/* ---- before the lock-down: nothing of the partner's ---- */

/* A profile, and the text that it was. */
struct known {
	char *text;
	size_t len;
	struct profile *profile;
};

/* What it cannot use is NULL, and why is in problems. */
static struct problems *
compile(struct known *ret)
{
	struct problems *problems = problems_new("profile");

	if (problems == NULL)
		child_leave(EXIT_FAILED, "out of memory");
	ret->profile = profile_compile(ret->text, ret->len, problems);
	return problems;
}

/* The caller has the descriptor, too, and with it one offset. */
static void
read_text(int fd, struct known *ret)
{
	if (lseek(fd, 0, SEEK_SET) < 0 || io_read_all(fd, LIMIT_PROFILE_BYTES, &ret->text, &ret->len) != 0)
		child_leave(EXIT_FAILED, "the profile cannot be read, or is larger than 1 MiB");
}

static struct profile *
read_profile(int fd, const struct known *ahead)
{
	struct known mine = {0};
	struct problems *problems;
	const char *line;

	read_text(fd, &mine);
	if (ahead->profile != NULL && ahead->len == mine.len && memcmp(ahead->text, mine.text, mine.len) == 0) {
		free(mine.text);
		return ahead->profile;
	}
	problems = compile(&mine);
	free(mine.text);
	if (mine.profile == NULL) {
		for (size_t i = 0; (line = problems_line(problems, i)) != NULL; i++)
			fprintf(stderr, "handback-parse: %s\n", line);
		exit(EXIT_USAGE);
	}
	problems_free(problems);
	return mine.profile;
}

/* One that does not compile is reported when a job comes with it. */
static void
read_ahead(int fd, struct known *ret)
{
	read_text(fd, ret);
	problems_free(compile(ret));
	close(fd);
}

/* The profile of the one job; ends the process where there is none. */
static struct profile *
await_job(struct parse_job *ret_job, int *ret_file)
{
	struct known ahead = {0};
	const char *why;
	int turn = PARSE_TURN_NEW;
	int profile, rc = parse_job_receive(PARSE_JOB_SOCKET, &turn, ret_job, ret_file, &profile, &why);

	if (rc == PARSE_AHEAD) {
		read_ahead(profile, &ahead);
		rc = parse_job_receive(PARSE_JOB_SOCKET, &turn, ret_job, ret_file, &profile, &why);
	}
	if (rc == PARSE_NOTHING)
		exit(EXIT_CLEAN);
	if (rc != PARSE_JOB)
		child_leave(EXIT_INTERNAL, why);
	child_check_file(ret_job, *ret_file);
	return read_profile(profile, &ahead);
}

static void
lock_down(const struct parse_job *job, const struct profile *profile, int file, struct frame_writer *out)
{
	struct frame f = {.kind = FRAME_SANDBOX};
	const struct sandbox_wish wish = {.work_bytes = profile_content_most(profile, job->file_bytes),
	                                  .no_landlock = (job->flags & PARSE_JOB_NO_LANDLOCK) != 0,
	                                  .no_sandbox = (job->flags & PARSE_JOB_NO_SANDBOX) != 0};
	char why[256];

	if (sandbox_enter(file, &wish, &f.sandbox, why, sizeof(why)) != 0)
		child_leave(EXIT_FAILED, why);
	if (frame_put(out, &f) != 0 || frame_flush(out) != 0)
		child_leave(EXIT_INTERNAL, "the pipe for frames is broken");
#ifdef TEST_BUILD
	if (job->escape != 0)
		escape_try(job->escape);
#endif
}

/* ---- after it ---- */

static void
parse(const struct parse_job *job, const struct layout *layout, struct assemble *a, struct contents *contents,
      const struct input_fd *file, struct frame_writer *out)
{
	struct frame end = {.kind = FRAME_END};
	uint64_t bytes = 0;

	if (job->file_bytes > layout->limits.file_bytes)
		(void) assemble_refuse(a, "file_too_long", NULL, (struct slice){NULL, 0}, 0, 0,
		                       "the file is longer than limits: file_bytes");
	else if (assemble_name(a, job->name, job->name_len) == 0 && contents_read(contents, a, &bytes) != 0)
		child_leave(EXIT_FAILED, contents_input(contents)->why);
	if (assemble_finish(a, bytes, &end.end) != 0)
		child_leave(EXIT_FAILED, "the pipe for frames is broken, or memory is out");
	end.end.file_bytes = file->bytes;
	if (frame_put(out, &end) != 0 || frame_flush(out) != 0)
		child_leave(EXIT_INTERNAL, "the pipe for frames is broken");
}

/* A way to read files, made before the lock-down: encodings are loaded from files. */
struct reader {
	const struct layout *layout;
	struct assemble *assemble;
};

static void
prepare(const struct layout *layout, const struct sink *sink, struct reader *ret)
{
	const struct format *format = format_of(layout);
	const char *why;

	if (format == NULL)
		child_leave(EXIT_USAGE, "files of this profile are read by handback-parse-xml");
	*ret = (struct reader){layout, assemble_new(layout, sink)};
	if (ret->assemble == NULL)
		child_leave(EXIT_FAILED, "out of memory");
	if (format->prepare != NULL && format->prepare(layout, &why) != 0)
		child_leave(EXIT_USAGE, why);
}

int
main(void)
{
	struct parse_job job;
	struct frame_writer *out = frame_writer_new(STDOUT_FILENO);
	const struct sink sink = {put_record, put_facts, put_control, put_refusal, out};
	struct reader reader[1 + VARIANTS], *chosen = reader;
	struct profile *profile;
	struct contents *contents;
	struct input_fd in;
	char sandbox_why[256];
	int file;

	signal(SIGPIPE, SIG_IGN);
	child_begin("handback-parse");
	tzset();
	formats_start();
	if (sandbox_prepare(sandbox_why, sizeof(sandbox_why)) != 0)
		child_leave(EXIT_FAILED, sandbox_why);
	profile = await_job(&job, &file);
	if (out == NULL)
		child_leave(EXIT_FAILED, "out of memory");
	prepare(profile->layout, &sink, &reader[0]);
	for (size_t i = 0; i < profile->variants; i++)
		prepare(profile->variant[i].layout, &sink, &reader[1 + i]);
	input_fd_init(&in, SANDBOX_FILE);
	lock_down(&job, profile, file, out);
	if (profile->variants > 0) {
		size_t first = input_fd_first(&in);

		while (chosen->layout != profile_layout(profile, job.name, in.first, first))
			chosen++;
	}
	contents = contents_new(chosen->layout, &in.input, job.file_bytes, job.name, job.name_len);
	if (contents == NULL)
		child_leave(EXIT_FAILED, "out of memory");
	parse(&job, chosen->layout, chosen->assemble, contents, &in, out);
	/* all is written, and the kernel frees what is left: libraries need not tidy up */
	_exit(EXIT_CLEAN);
}
