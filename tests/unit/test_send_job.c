/* The sender's contract: a target and its credentials come as they went, deliveries and reports in their
 * turn. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "lib/base/io.h"
#include "lib/protocol/send_job.h"

static struct message_line line;
static char why[LIMIT_MESSAGE_BYTES];

static struct send_job
some_job(size_t credentials)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	struct send_job job;

	send_job_init(&job);
	job.target = "cr\tm";
	job.connector_fd = io_sealed("connector", "batch: 1\n", 9);
	for (size_t i = 0; i < credentials; i++) {
		job.credential[i].name = names[i];
		job.credential[i].fd = io_sealed("credential", names[i], 1);
	}
	job.credential_count = credentials;
	return job;
}

/* Sends the job and receives it; both turns are told. */
static bool
pass(struct send_job *job, struct send_job *got, int *here, int *there)
{
	struct channel_packets packets;
	size_t count = 0;
	int ends[2];
	bool good;

	*here = *there = SEND_TURN_NEW;
	assert_int_equal(channel_pair(ends), 0);
	assert_true(send_job_encode(&packets, here, job, why, sizeof(why)));
	assert_int_equal(channel_packets_send(&packets, &count, ends[0]), 0);
	channel_packets_free(&packets);
	close(ends[0]);
	good = send_job_receive(ends[1], got, there, why, sizeof(why));
	close(ends[1]);
	return good;
}

static void
test_a_target_comes_as_it_went(void **state)
{
	struct send_job sent = some_job(SEND_CREDENTIALS), got;
	int here, there;
	char *text;
	size_t len;

	(void) state;
	sent.no_landlock = true;
	assert_true(pass(&sent, &got, &here, &there));
	assert_int_equal(sent.connector_fd, -1); /* the packets had it */
	assert_int_equal(here, SEND_TURN_STARTED);
	assert_int_equal(there, SEND_TURN_STARTED);
	assert_string_equal(got.target, "cr\tm");
	assert_true(got.no_landlock);
	assert_int_equal(got.credential_count, SEND_CREDENTIALS);
	assert_int_equal(io_read_all(got.connector_fd, SEND_CONNECTOR_BYTES, &text, &len), 0);
	assert_string_equal(text, "batch: 1\n");
	free(text);
	for (size_t i = 0; i < SEND_CREDENTIALS; i++) {
		assert_int_equal(io_read_all(got.credential[i].fd, SEND_CREDENTIAL_BYTES, &text, &len), 0);
		assert_string_equal(text, got.credential[i].name);
		free(text);
	}
	send_job_free(&got);
	send_job_free(&sent);
}

static void
test_what_does_not_fit_is_not_sent(void **state)
{
	struct send_job job = some_job(1);
	struct channel_packets packets;
	int turn = SEND_TURN_NEW;

	(void) state;
	close(job.connector_fd);
	job.connector_fd = -1;
	assert_false(send_job_encode(&packets, &turn, &job, why, sizeof(why)));
	job = some_job(1);
	job.target = NULL;
	turn = SEND_TURN_NEW;
	assert_false(send_job_encode(&packets, &turn, &job, why, sizeof(why)));
	job = some_job(1);
	job.credential[0].name = "";
	turn = SEND_TURN_NEW;
	assert_false(send_job_encode(&packets, &turn, &job, why, sizeof(why)));
}

/* Lines to a sender, each with a descriptor where it begins with '+'. */
static bool
is_taken(const char *const *lines)
{
	struct send_job job;
	int turn = SEND_TURN_NEW, ends[2], fd;
	bool good;

	assert_int_equal(channel_pair(ends), 0);
	for (; *lines != NULL; lines++) {
		bool passed = (*lines)[0] == '+';

		fd = passed ? io_sealed("x", "", 0) : -1;
		assert_int_equal(channel_send(ends[0], *lines + passed, strlen(*lines + passed), fd), 0);
		if (passed)
			close(fd);
	}
	close(ends[0]);
	good = send_job_receive(ends[1], &job, &turn, why, sizeof(why));
	send_job_free(&job);
	close(ends[1]);
	return good;
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define FIRST "+target\ttarget=crm"

static void
test_a_target_that_does_not_fit_is_refused(void **state)
{
	const char *many[SEND_CREDENTIALS + 4] = {FIRST};
	char names[SEND_CREDENTIALS + 1][32];

	(void) state;
	assert_true(is_taken(LINES(FIRST, "go")));
	assert_true(is_taken(LINES(FIRST, "+credential\tname=a", "+credential\tname=b", "go")));
	assert_false(is_taken(LINES(FIRST, "+credential\tname=a", "+credential\tname=a", "go")));
	assert_false(is_taken(LINES("target\ttarget=crm", "go")));
	assert_false(is_taken(LINES("+target\ttarget=", "go")));
	assert_false(is_taken(LINES(FIRST, FIRST, "go")));
	assert_false(is_taken(LINES(FIRST, "credential\tname=a", "go")));
	assert_false(is_taken(LINES("+credential\tname=a", FIRST, "go")));
	assert_false(is_taken(LINES(FIRST, "+delivery\tdelivery=1\tkind=redemption\tobjects=1", "go")));
	assert_false(is_taken(LINES(FIRST, "ready", "go")));
	assert_false(is_taken(LINES(FIRST)));
	for (int i = 0; i <= SEND_CREDENTIALS; i++) {
		snprintf(names[i], sizeof(names[i]), "+credential\tname=n%d", i);
		many[i + 1] = names[i];
	}
	many[SEND_CREDENTIALS + 2] = "go";
	assert_false(is_taken(many));
	many[SEND_CREDENTIALS + 1] = "go";
	many[SEND_CREDENTIALS + 2] = NULL;
	assert_true(is_taken(many));
}

static bool
delivery_is_taken(const char *text, bool passed, int turn)
{
	struct send_delivery got = {.delivery = -1};
	char copy[256];
	bool good;

	snprintf(copy, sizeof(copy), "%s", text);
	good = send_delivery_decode(&got, &turn, copy, passed, why, sizeof(why));
	assert_true(good || got.delivery == -1);
	return good;
}

static void
test_deliveries_keep_their_bounds(void **state)
{
	const struct send_delivery sent = {7, "balance", SEND_OBJECTS};
	struct send_delivery got;
	int here = SEND_TURN_READY, there = SEND_TURN_READY;

	(void) state;
	assert_true(send_delivery_encode(&line, &here, &sent));
	assert_true(send_delivery_decode(&got, &there, line.text, true, why, sizeof(why)));
	assert_int_equal(got.delivery, 7);
	assert_string_equal(got.kind, "balance");
	assert_int_equal(got.objects, SEND_OBJECTS);
#define REST "\tkind=redemption"
	assert_true(delivery_is_taken("delivery\tdelivery=1\tobjects=1" REST, true, SEND_TURN_READY));
	assert_false(delivery_is_taken("delivery\tdelivery=1\tobjects=1" REST, false, SEND_TURN_READY));
	assert_false(delivery_is_taken("delivery\tdelivery=1\tobjects=1" REST, true, SEND_TURN_STARTED));
	assert_false(delivery_is_taken("delivery\tdelivery=1\tobjects=1" REST, true, SEND_TURN_ENDED));
	assert_false(delivery_is_taken("delivery\tdelivery=0\tobjects=1" REST, true, SEND_TURN_READY));
	assert_false(delivery_is_taken("delivery\tdelivery=1\tobjects=0" REST, true, SEND_TURN_READY));
	assert_false(delivery_is_taken("delivery\tdelivery=1\tobjects=10001" REST, true, SEND_TURN_READY));
	assert_true(
	    delivery_is_taken("delivery\tdelivery=1\tobjects=1\tstep=poll\tjob=J" REST, true, SEND_TURN_READY));
	assert_false(
	    delivery_is_taken("delivery\tdelivery=1\tobjects=1\tstep=delete\tjob=J" REST, true, SEND_TURN_READY));
	assert_false(
	    delivery_is_taken("delivery\tdelivery=1\tobjects=1\tstep=poll\tjob=" REST, true, SEND_TURN_READY));
	assert_false(delivery_is_taken("target\ttarget=x", true, SEND_TURN_NEW));
	here = SEND_TURN_READY;
	assert_false(send_delivery_encode(&line, &here, &(struct send_delivery){0, "balance", 1}));
}

/* Every report from each state that allows it, and from each that does not. */
static void
test_reports_come_in_their_turn(void **state)
{
	static const bool may[SEND_MESSAGES][SEND_TURN_ENDED + 1] = {
	    [SEND_READY] = {[SEND_TURN_STARTED] = true}, [SEND_FAULT] = {true, true, true, true, false},
	    [SEND_ROW] = {[SEND_TURN_READY] = true},     [SEND_DONE] = {[SEND_TURN_READY] = true},
	    [SEND_SETTLED] = {[SEND_TURN_READY] = true},
	};
	const struct send_report all = {.delivery = 3,
	                                .row = SEND_OBJECTS - 1,
	                                .result = SEND_HELD,
	                                .status = 200,
	                                .code = "DUPLICATE",
	                                .wait_s = SEND_WAIT_S,
	                                .used = 18,
	                                .whole = 5000,
	                                .outcome = SEND_DIFFERS,
	                                .reference = "P-1",
	                                .points = -7,
	                                .why = "w"};
	struct send_report got;

	(void) state;
	for (int message = SEND_READY; message < SEND_MESSAGES; message++)
		for (int turn = SEND_TURN_NEW; turn <= SEND_TURN_ENDED; turn++) {
			int here = turn, there = turn;

			assert_int_equal(send_report_encode(&line, &here, (enum send_message) message, &all),
			                 may[message][turn]);
			if (!may[message][turn])
				continue;
			assert_int_equal(send_report_decode(&got, &there, line.text, why, sizeof(why)), message);
			assert_int_equal(here, there);
			assert_true(message == SEND_READY || message == SEND_FAULT || message == SEND_SETTLED ||
			            got.result == SEND_HELD);
			assert_true(message != SEND_SETTLED || (got.outcome == SEND_DIFFERS && got.points == -7 &&
			                                        strcmp(got.reference, "P-1") == 0));
			assert_true(message != SEND_DONE ||
			            (got.used == 18 && got.whole == 5000 && got.wait_s == SEND_WAIT_S));
			assert_true(message != SEND_ROW ||
			            (got.row == SEND_OBJECTS - 1 && strcmp(got.code, "DUPLICATE") == 0));
		}
}

static void
test_reports_keep_their_bounds(void **state)
{
	struct send_report report = {.delivery = 1, .result = SEND_STOP}, got;
	char code[SEND_CODE_BYTES + 2], text[64];
	int turn = SEND_TURN_READY;

	(void) state;
	/* one object never stops a target */
	assert_false(send_report_encode(&line, &turn, SEND_ROW, &report));
	assert_true(send_report_encode(&line, &turn, SEND_DONE, &report));
	snprintf(text, sizeof(text), "row\tdelivery=1\trow=0\tresult=stop");
	assert_int_equal(send_report_decode(&got, &turn, text, why, sizeof(why)), -1);
	report.result = SEND_RETRY;
	memset(code, 'c', sizeof(code) - 1);
	code[sizeof(code) - 1] = '\0';
	report.code = code;
	assert_false(send_report_encode(&line, &turn, SEND_ROW, &report));
	report.code = code + 1;
	assert_true(send_report_encode(&line, &turn, SEND_ROW, &report));
	assert_int_equal(send_report_decode(&got, &turn, line.text, why, sizeof(why)), SEND_ROW);
	assert_int_equal(got.row, 0);
	report.row = SEND_OBJECTS;
	assert_false(send_report_encode(&line, &turn, SEND_ROW, &report));
}

static void
test_what_is_sealed_stays(void **state)
{
	int fd = io_sealed("objects", "[]", 2);
	char buf[4];

	(void) state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(read(fd, buf, sizeof(buf)), 2);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_target_comes_as_it_went),
	    cmocka_unit_test(test_what_does_not_fit_is_not_sent),
	    cmocka_unit_test(test_a_target_that_does_not_fit_is_refused),
	    cmocka_unit_test(test_deliveries_keep_their_bounds),
	    cmocka_unit_test(test_reports_come_in_their_turn),
	    cmocka_unit_test(test_reports_keep_their_bounds),
	    cmocka_unit_test(test_what_is_sealed_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
