/* The fetcher's contract: a job and its descriptors come as they went, reports in their turn, and nothing
 * else. */
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "lib/protocol/fetch_job.h"

static struct message_line line;
static char why[LIMIT_MESSAGE_BYTES];

static int
some_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool
same_file(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void
test_a_job_comes_as_it_went(void **state)
{
	struct fetch_job sent, got;
	struct channel_packets packets;
	int here = FETCH_TURN_NEW, there = FETCH_TURN_NEW, ends[2];
	size_t count = 0;

	(void) state;
	fetch_job_init(&sent);
	sent.mode = FETCH_AFTER;
	sent.after = FETCH_MOVE;
	sent.sidecar = FETCH_MARKER;
	sent.may_write = true;
	sent.source = "air";
	sent.host = "::1";
	sent.user = "us\ter";
	sent.directory = "/out";
	sent.sidecar_suffix = ".ok";
	sent.after_directory = "/done";
	sent.answer = "{name}\n";
	sent.ciphers = "a,b";
	sent.port = 65535;
	sent.run_ms = 1;
	sent.pins[sent.pin_count++] = "SHA256:x";
	for (int i = 0; i < FETCH_GLOBS; i++)
		sent.patterns[sent.pattern_count++] = "*.csv";
	sent.ignores[sent.ignore_count++] = "old*";
	sent.spool_fd = some_fd();
	sent.password_fd = some_fd();
	assert_true(fetch_job_encode(&packets, &here, &sent, why, sizeof(why)));
	assert_int_equal(sent.spool_fd, -1); /* the packets have it */
	assert_int_equal(packets.count, 1 + 1 + FETCH_GLOBS + 1 + 2 + 1);
	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(channel_packets_send(&packets, &count, ends[0]), 0);
	channel_packets_free(&packets);
	assert_true(fetch_job_receive(ends[1], &got, &there, why, sizeof(why)));
	assert_int_equal(here, FETCH_TURN_STARTED);
	assert_int_equal(there, FETCH_TURN_STARTED);
	assert_int_equal(got.mode, FETCH_AFTER);
	assert_int_equal(got.after, FETCH_MOVE);
	assert_int_equal(got.sidecar, FETCH_MARKER);
	assert_true(got.may_write);
	assert_string_equal(got.source, "air");
	assert_string_equal(got.host, "::1");
	assert_string_equal(got.user, "us\ter");
	assert_string_equal(got.directory, "/out");
	assert_string_equal(got.sidecar_suffix, ".ok");
	assert_string_equal(got.after_directory, "/done");
	assert_string_equal(got.answer, "{name}\n");
	assert_string_equal(got.ciphers, "a,b");
	assert_null(got.answer_name);
	assert_null(got.kex);
	assert_int_equal(got.port, 65535);
	assert_int_equal(got.run_ms, 1);
	assert_int_equal(got.connect_ms, LIMIT_CONNECT_S * 1000); /* not told */
	assert_int_equal(got.listing, LIMIT_LISTING);
	assert_int_equal(got.pin_count, 1);
	assert_string_equal(got.pins[0], "SHA256:x");
	assert_int_equal(got.pattern_count, FETCH_GLOBS);
	assert_string_equal(got.patterns[FETCH_GLOBS - 1], "*.csv");
	assert_string_equal(got.ignores[0], "old*");
	assert_true(same_file(got.spool_fd) && same_file(got.password_fd));
	assert_int_equal(got.key_fd, -1);
	fetch_job_free(&got);
	close(ends[0]);
	close(ends[1]);
}

/* Lines to a fetcher; each needs a descriptor where it begins with '+'. */
static bool
is_taken(const char *const *lines)
{
	struct fetch_job job;
	int turn = FETCH_TURN_NEW, message = 0;

	fetch_job_init(&job);
	for (; *lines != NULL && message >= 0; lines++) {
		bool passed = (*lines)[0] == '+';

		message = fetch_job_decode(&job, &turn, *lines + passed, passed ? some_fd() : -1, why, sizeof(why));
	}
	fetch_job_free(&job);
	return message == FETCH_SEND_GO;
}

#define FIRST "job\tsource=a\thost=h\tuser=u"
#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
test_a_job_that_does_not_fit_is_refused(void **state)
{
	(void) state;
	assert_true(is_taken(LINES(FIRST, "+spool", "go")));
	assert_true(is_taken(LINES(FIRST "\tmode=probe", "go")));
	assert_true(
	    is_taken(LINES(FIRST "\tafter=move\tafter_directory=x", "pin\tkey=k", "+spool", "+key", "go")));
	assert_false(is_taken(LINES("go")));
	assert_false(is_taken(LINES("+spool", FIRST, "go")));
	assert_false(is_taken(LINES(FIRST, "go")));
	assert_false(is_taken(LINES(FIRST, FIRST, "+spool", "go")));
	assert_false(is_taken(LINES("job\tsource=a\thost=h", "+spool", "go")));
	assert_false(is_taken(LINES(FIRST, "spool", "go")));
	assert_false(is_taken(LINES("+" FIRST, "+spool", "go")));
	assert_false(is_taken(LINES(FIRST, "+spool", "+spool", "go")));
	assert_false(is_taken(LINES(FIRST "\tmode=steal", "+spool", "go")));
	assert_false(is_taken(LINES(FIRST "\tport=0", "+spool", "go")));
	assert_false(is_taken(LINES(FIRST "\tport=65536", "+spool", "go")));
	assert_false(is_taken(LINES(FIRST "\tsidecar=marker", "+spool", "go")));
	assert_false(is_taken(LINES(FIRST "\tafter=move", "+spool", "go")));
	assert_false(is_taken(LINES(FIRST "\tshell=/bin/sh", "+spool", "go")));
	assert_false(is_taken(LINES(FIRST, "pin\tkey=", "+spool", "go")));
	assert_false(is_taken(LINES(FIRST, "+spool", "done\tnames=1")));
}

static void
test_lists_and_texts_keep_their_bounds(void **state)
{
	struct fetch_job job;
	char long_text[FETCH_PATH_BYTES + 2], text[FETCH_PATH_BYTES + 100];
	struct channel_packets packets;
	int turn = FETCH_TURN_NEW;

	(void) state;
	fetch_job_init(&job);
	assert_int_equal(fetch_job_decode(&job, &turn, FIRST, -1, why, sizeof(why)), FETCH_SEND_JOB);
	for (int i = 0; i < FETCH_PINS; i++)
		assert_int_equal(fetch_job_decode(&job, &turn, "pin\tkey=k", -1, why, sizeof(why)), FETCH_SEND_PIN);
	assert_int_equal(fetch_job_decode(&job, &turn, "pin\tkey=k", -1, why, sizeof(why)), -1);
	fetch_job_free(&job);
	memset(long_text, 'a', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	snprintf(text, sizeof(text), FIRST "\tdirectory=%s", long_text + 1);
	assert_true(is_taken(LINES(text, "+spool", "go")));
	snprintf(text, sizeof(text), FIRST "\tdirectory=%s", long_text);
	assert_false(is_taken(LINES(text, "+spool", "go")));
	/* what would be refused there is not sent */
	turn = FETCH_TURN_NEW;
	job.source = job.host = job.user = "x";
	job.directory = long_text;
	assert_false(fetch_job_encode(&packets, &turn, &job, why, sizeof(why)));
	turn = FETCH_TURN_NEW;
	job.source = job.host = job.user = "x";
	job.stall_ms = -1;
	assert_false(fetch_job_encode(&packets, &turn, &job, why, sizeof(why)));
}

/* Every message with every member set, from each state that allows it, and from each that does not. */
static void
test_reports_come_in_their_turn(void **state)
{
	const struct fetch_report all = {.name = "n",
	                                 .why = "w",
	                                 .stage = "s",
	                                 .host_key = "k",
	                                 .type = "t",
	                                 .server = "v",
	                                 .kex = "x",
	                                 .cipher = "c",
	                                 .expected = "e",
	                                 .got = "g",
	                                 .stored = "o",
	                                 .sha256 =
	                                     "0123456789012345678901234567890123456789012345678901234567890123",
	                                 .what = "moved",
	                                 .as = "a",
	                                 .value = "l",
	                                 .fingerprint = "f",
	                                 .text = "z",
	                                 .size = 5};
	struct fetch_report got;

	(void) state;
	for (int message = FETCH_NOTED; message < FETCH_MESSAGES; message++)
		for (int turn = FETCH_TURN_NEW; turn <= FETCH_TURN_ENDED; turn++) {
			int here = turn, there = turn;
			bool sent = fetch_report_encode(&line, &here, (enum fetch_message) message, &all);

			/* a listing of files comes by a connection alone */
			if (!sent || (message == FETCH_LISTED && turn != FETCH_TURN_CONNECTED)) {
				message_start(&line, fetch_contract.messages[message].verb);
				assert_int_equal(fetch_report_decode(&got, &there, line.text, why, sizeof(why)), -1);
				assert_int_equal(there, turn);
				continue;
			}
			assert_int_equal(fetch_report_decode(&got, &there, line.text, why, sizeof(why)), message);
			assert_int_equal(there, here);
			assert_true(message != FETCH_FILE || (got.size == 5 && strcmp(got.sha256, all.sha256) == 0));
			assert_true(message < FETCH_FAILED || there == FETCH_TURN_ENDED);
		}
}

static void
test_a_listing_that_failed_ends_the_run(void **state)
{
	const struct fetch_report failed = {.result = FETCH_LISTING_FAILED, .why = "gone"};
	struct fetch_report got;

	(void) state;
	for (int turn = FETCH_TURN_STARTED; turn <= FETCH_TURN_CONNECTED; turn++) {
		int here = turn, there = turn;
		char file[] = "refused\tname=x\twhy=y", last[] = "failed\tstage=listing\twhy=gone";

		assert_true(fetch_report_encode(&line, &here, FETCH_LISTED, &failed));
		assert_int_equal(fetch_report_decode(&got, &there, line.text, why, sizeof(why)), FETCH_LISTED);
		assert_int_equal(here, FETCH_TURN_FAILING);
		assert_int_equal(there, FETCH_TURN_FAILING);
		assert_int_equal(fetch_report_decode(&got, &there, file, why, sizeof(why)), -1);
		assert_int_equal(fetch_report_decode(&got, &there, last, why, sizeof(why)), FETCH_FAILED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_job_comes_as_it_went),
	    cmocka_unit_test(test_a_job_that_does_not_fit_is_refused),
	    cmocka_unit_test(test_lists_and_texts_keep_their_bounds),
	    cmocka_unit_test(test_reports_come_in_their_turn),
	    cmocka_unit_test(test_a_listing_that_failed_ends_the_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
