/* Contracts: what one side writes the other reads, and nothing else gets through. */
#include "check.h"
#include "lib/protocol/control_client.h"
#include "lib/protocol/worker_job.h"

static struct message_line line;
static char why[LIMIT_MESSAGE_BYTES];

static void
test_a_request_comes_as_it_went(void **state)
{
	const struct worker_request sent = {.source = "air",
	                                    .partner = "Air\t1",
	                                    .profile = "air.yaml",
	                                    .checksum = ".sha256",
	                                    .name = "a\xff.csv",
	                                    .seen_us = 7};
	struct worker_request got;
	int here = WORKER_TURN_IDLE, there = WORKER_TURN_IDLE;

	(void) state;
	assert_true(worker_request_encode(&line, &here, WORKER_JOB, &sent));
	assert_int_equal(worker_request_decode(&got, &there, line.text, true, why, sizeof(why)), WORKER_JOB);
	assert_string_equal(got.source, "air");
	assert_string_equal(got.partner, "Air\t1");
	assert_string_equal(got.profile, "air.yaml");
	assert_string_equal(got.checksum, ".sha256");
	assert_string_equal(got.name, "a\xff.csv");
	assert_int_equal(got.seen_us, 7);
	assert_int_equal(here, WORKER_TURN_BUSY);
	assert_int_equal(there, WORKER_TURN_BUSY);
	/* a second while the first runs */
	assert_false(worker_request_encode(&line, &here, WORKER_RELEASE, NULL));
}

static void
test_a_death_over_a_release_is_said_on(void **state)
{
	const struct worker_request sent = {.file = 7, .crashed = 11};
	struct worker_request got;
	int here = WORKER_TURN_IDLE, there = WORKER_TURN_IDLE;

	(void) state;
	assert_true(worker_request_encode(&line, &here, WORKER_RELEASE, &sent));
	assert_int_equal(worker_request_decode(&got, &there, line.text, false, why, sizeof(why)), WORKER_RELEASE);
	assert_int_equal(got.file, 7);
	assert_int_equal(got.crashed, 11);
}

static void
test_a_result_comes_as_it_went(void **state)
{
	const struct worker_report sent = {.result = {.file_id = INT64_MAX,
	                                              .state = "held",
	                                              .reason = "guard",
	                                              .records = 1,
	                                              .confirmed = 2,
	                                              .reversed = 3,
	                                              .already_applied = 4,
	                                              .duplicate_record = 5,
	                                              .informational = 6,
	                                              .held = 7,
	                                              .points = 8,
	                                              .ms = 9,
	                                              .answered = true}};
	struct worker_report got;
	int here = WORKER_TURN_BUSY, there = WORKER_TURN_BUSY;

	(void) state;
	assert_true(worker_report_encode(&line, &here, WORKER_DONE, &sent));
	assert_int_equal(worker_report_decode(&got, &there, line.text, why, sizeof(why)), WORKER_DONE);
	assert_memory_equal(&got, &sent, sizeof(sent));
	assert_int_equal(there, WORKER_TURN_IDLE);
}

static void
test_the_other_ends_and_words(void **state)
{
	const struct worker_report sent = {
	    .times = 3, .stage = "staged", .records = 4, .result = {.why = "disk\tfull"}};
	struct worker_report got;
	int here = WORKER_TURN_BUSY, there = WORKER_TURN_BUSY;

	(void) state;
	assert_true(worker_report_encode(&line, &here, WORKER_RETRIED, &sent));
	assert_int_equal(worker_report_decode(&got, &there, line.text, why, sizeof(why)), WORKER_RETRIED);
	assert_int_equal(got.times, 3);
	assert_true(worker_report_encode(&line, &here, WORKER_STAGE, &sent));
	assert_int_equal(worker_report_decode(&got, &there, line.text, why, sizeof(why)), WORKER_STAGE);
	assert_string_equal(got.stage, "staged");
	assert_int_equal(got.records, 4);
	assert_true(worker_report_encode(&line, &here, WORKER_FAILED, &sent));
	assert_int_equal(worker_report_decode(&got, &there, line.text, why, sizeof(why)), WORKER_FAILED);
	assert_int_equal(got.result.end, JOB_FAILED);
	assert_string_equal(got.result.why, "disk\tfull");
	/* a worker that lost its connection says so later, when the next file may have been given */
	for (int turn = WORKER_TURN_STARTING; turn <= WORKER_TURN_BUSY; turn++) {
		here = there = turn;
		assert_true(worker_report_encode(&line, &here, WORKER_WAITING, NULL));
		assert_int_equal(worker_report_decode(&got, &there, line.text, why, sizeof(why)), WORKER_WAITING);
		assert_int_equal(there, turn);
		const struct worker_report ready = {.server = turn == WORKER_TURN_BUSY ? "db1:5432" : NULL, .timeline = 3};
		assert_true(worker_report_encode(&line, &here, WORKER_READY, &ready));
		assert_int_equal(worker_report_decode(&got, &there, line.text, why, sizeof(why)), WORKER_READY);
		assert_int_equal(got.timeline, 3);
		assert_true(ready.server == NULL ? got.server == NULL : strcmp(got.server, ready.server) == 0);
		assert_int_equal(there, turn == WORKER_TURN_BUSY ? WORKER_TURN_BUSY : WORKER_TURN_IDLE);
	}
}

#define DONE(state, reason, ms)                                                                              \
	"done\tfile=1\tstate=" state                                                                             \
	"\trecords=0\tconfirmed=0\treversed=0\talready_applied=0\tduplicate_record=0\tinformational=0\theld=0"   \
	"\tpoints=0\tearlier=0" reason "\tms=" ms "\tanswer=no"

static void
test_what_does_not_fit_is_refused(void **state)
{
	static const struct {
		const char *line;
		int turn;
		const char *why;
	} wrong[] = {
	    {"done now", WORKER_TURN_BUSY, "no message of the protocol"},
	    {"gone\t", WORKER_TURN_BUSY, "no message of the protocol"},
	    {"gone", WORKER_TURN_IDLE, "out of turn while idle"},
	    {"stage\tname=staged\trecords=1", WORKER_TURN_STARTING, "out of turn while starting"},
	    {"release", WORKER_TURN_IDLE, "out of turn"}, /* the other side's word */
	    {"forgive", WORKER_TURN_BUSY, "out of turn"},
	    {"gone\twhy=so", WORKER_TURN_BUSY, "(one too many)"},
	    {"failed", WORKER_TURN_BUSY, "(why)"},
	    {"failed\twhy=a\\x00b", WORKER_TURN_BUSY, "(why)"},
	    {"retried\ttimes=0", WORKER_TURN_IDLE, "(times)"},
	    {"stage\tname=\trecords=1", WORKER_TURN_BUSY, "(name)"},
	    {"stage\tname=123456789012345678901234567890123\trecords=1", WORKER_TURN_BUSY, "(name)"},
	    {DONE("lost", "", "1"), WORKER_TURN_BUSY, "(state)"},
	    {DONE("held", "", "1"), WORKER_TURN_BUSY, "(reason)"},
	    {DONE("held", "\treason=", "1"), WORKER_TURN_BUSY, "(reason)"},
	    {DONE("posted", "\treason=123456789012345678901234567890123456789012345678", "1"), WORKER_TURN_BUSY,
	     "(reason)"},
	    {DONE("posted", "", "-1"), WORKER_TURN_BUSY, "(ms)"},
	    {DONE("posted", "", "9223372036854775808"), WORKER_TURN_BUSY, "(ms)"},
	};
	struct worker_report got;

	(void) state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[1024];
		int turn = wrong[i].turn;

		snprintf(text, sizeof(text), "%s", wrong[i].line);
		assert_int_equal(worker_report_decode(&got, &turn, text, why, sizeof(why)), -1);
		if (strstr(why, wrong[i].why) == NULL)
			fail_msg("%s: %s", wrong[i].line, why);
		assert_int_equal(turn, wrong[i].turn);
	}
	char right[] = DONE("posted", "", "9223372036854775807");
	int turn = WORKER_TURN_BUSY;
	assert_int_equal(worker_report_decode(&got, &turn, right, why, sizeof(why)), WORKER_DONE);
}

#define JOB(name) "job\tsource=a\tpartner=b\tprofile=c\tname=" name "\tseen=1"

static void
test_a_request_keeps_its_bounds(void **state)
{
	static const struct {
		const char *line;
		bool passed;
	} wrong[] = {
	    {JOB("61"), false},  {"release", true},       {JOB(""), true},  {JOB("6"), true},
	    {JOB("6100"), true}, {"job\tsource=a", true}, {"ready", false}, {JOB("61") "\tchecksum=", true},
	};
	const struct worker_request empty = {.source = "a", .partner = "b", .profile = "c"};
	struct worker_request got;
	char text[2048], name[2 * (LIMIT_NAME_BYTES + 1) + 1];
	int turn = WORKER_TURN_IDLE;

	(void) state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "%s", wrong[i].line);
		assert_int_equal(worker_request_decode(&got, &turn, text, wrong[i].passed, why, sizeof(why)), -1);
		assert_int_equal(turn, WORKER_TURN_IDLE);
	}
	/* the longest name, and one byte more */
	memset(name, '6', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), JOB("%s"), name);
	assert_int_equal(worker_request_decode(&got, &turn, text, true, why, sizeof(why)), -1);
	name[sizeof(name) - 3] = '\0';
	snprintf(text, sizeof(text), JOB("%s"), name);
	assert_int_equal(worker_request_decode(&got, &turn, text, true, why, sizeof(why)), WORKER_JOB);
	assert_int_equal(strlen(got.name), LIMIT_NAME_BYTES);
	/* what the other side would refuse is not sent */
	turn = WORKER_TURN_IDLE;
	assert_false(worker_request_encode(&line, &turn, WORKER_JOB, &empty));
	assert_int_equal(turn, WORKER_TURN_IDLE);
}

static void
test_what_was_done_comes_as_it_went(void **state)
{
	static const char *const wrong[] = {
	    "",
	    "{\"quiet\":false",
	    "{\"error\":\"ask for status, rescan or wait\"}",
	    "{\"quiet\":true,\"posted\":1}",
	    "{\"quiet\":true,\"posted\":1,\"held\":2,\"duplicate\":3,\"held_records\":4,\"waiting\":5,\"sources_"
	    "failing\":6",
	    "{\"quiet\":true,\"posted\":1,\"held\":2,\"duplicate\":3,\"held_records\":4,\"waiting\":5,\"sources_"
	    "failing\":-6}",
	    "{\"quiet\":true,\"posted\":99999999999999999999999,\"held\":2,\"duplicate\":3,\"held_records\":4,"
	    "\"waiting\":5,"
	    "\"sources_failing\":6}",
	};
	const struct control_done most = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
	struct control_done sent = {1, 2, 3, 4, 5, 6}, got;
	struct json_build b = {0};
	size_t len;

	(void) state;
	for (int i = 0; i < 2; i++, sent = most) {
		control_done_encode(&b, &sent);
		char *text = json_take(&b, &len);
		assert_non_null(text);
		assert_int_equal(text[len - 1], '\n');
		assert_true(control_done_decode(&got, text));
		free(text);
		assert_memory_equal(&got, &sent, sizeof(sent));
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(control_done_decode(&got, wrong[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_request_comes_as_it_went),
	    cmocka_unit_test(test_a_death_over_a_release_is_said_on),
	    cmocka_unit_test(test_a_result_comes_as_it_went),
	    cmocka_unit_test(test_the_other_ends_and_words),
	    cmocka_unit_test(test_what_does_not_fit_is_refused),
	    cmocka_unit_test(test_a_request_keeps_its_bounds),
	    cmocka_unit_test(test_what_was_done_comes_as_it_went),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
