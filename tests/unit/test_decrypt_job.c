/* The decrypter's contract: a job and its descriptors come as they went, one answer, and nothing else. */
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "lib/protocol/decrypt_job.h"

static struct message_line line;
static char why[LIMIT_MESSAGE_BYTES];

static int
some_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void
test_a_job_comes_as_it_went(void **state)
{
	struct decrypt_job sent, got;
	int here = DECRYPT_TURN_NEW, there = DECRYPT_TURN_NEW, ends[2];

	(void) state;
	decrypt_job_init(&sent);
	sent.encrypted = true;
	sent.no_landlock = true;
	sent.limit = INT64_MAX;
	for (int i = 0; i < DECRYPT_DESCRIPTORS; i++)
		sent.fd[i] = i != DECRYPT_PASSPHRASE ? some_fd() : -1;
	assert_int_equal(channel_pair(ends), 0);
	assert_true(decrypt_job_send(ends[0], &here, &sent, why, sizeof(why)));
	assert_true(fcntl(sent.fd[DECRYPT_FILE], F_GETFD) >= 0); /* they stay ours */
	decrypt_job_free(&sent);
	assert_int_equal(sent.fd[DECRYPT_FILE], -1);
	assert_true(decrypt_job_receive(ends[1], &got, &there, why, sizeof(why)));
	assert_int_equal(here, DECRYPT_TURN_STARTED);
	assert_int_equal(there, DECRYPT_TURN_STARTED);
	assert_true(got.encrypted && !got.signature && got.no_landlock);
	assert_true(got.limit == INT64_MAX);
	for (int i = 0; i < DECRYPT_DESCRIPTORS; i++)
		assert_true(i != DECRYPT_PASSPHRASE ? fcntl(got.fd[i], F_GETFD) == FD_CLOEXEC : got.fd[i] == -1);
	decrypt_job_free(&got);
	close(ends[0]);
	close(ends[1]);
}

/* Lines to a decrypter; each comes with a descriptor where it begins with '+'. */
static bool
is_taken(const char *const *lines)
{
	struct decrypt_job job;
	int turn = DECRYPT_TURN_NEW, message = 0;

	decrypt_job_init(&job);
	for (; *lines != NULL && message >= 0; lines++) {
		bool passed = (*lines)[0] == '+';
		char text[256];

		snprintf(text, sizeof(text), "%s", *lines + passed);
		message = decrypt_job_decode(&job, &turn, text, passed ? some_fd() : -1, why, sizeof(why));
	}
	decrypt_job_free(&job);
	return message == DECRYPT_SEND_GO;
}

#define FIRST "job\tencrypted=yes\tsignature=yes\tlimit=1"
#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
test_a_job_that_does_not_fit_is_refused(void **state)
{
	(void) state;
	assert_true(is_taken(LINES(FIRST, "+file", "+content", "+secret", "+signers", "go")));
	assert_true(
	    is_taken(LINES("job\tencrypted=no\tsignature=yes\tlimit=9", "+signers", "+content", "+file", "go")));
	assert_false(is_taken(LINES("go")));
	assert_false(is_taken(LINES("+file", FIRST, "+content", "+secret", "+signers", "go")));
	assert_false(is_taken(LINES(FIRST, "go")));
	assert_false(is_taken(LINES(FIRST, "+file", "+secret", "+signers", "go")));
	assert_false(is_taken(LINES(FIRST, "+content", "+secret", "+signers", "go")));
	assert_false(is_taken(LINES(FIRST, "+file", "+content", "+signers", "go")));
	assert_false(is_taken(LINES(FIRST, "+file", "+content", "+secret", "go")));
	assert_false(is_taken(LINES(FIRST, FIRST, "+file", "+content", "+secret", "+signers", "go")));
	assert_false(is_taken(LINES(FIRST, "+file", "+file", "+content", "+secret", "+signers", "go")));
	assert_false(is_taken(LINES(FIRST, "file", "+content", "+secret", "+signers", "go")));
	assert_false(is_taken(LINES("+" FIRST, "+file", "+content", "+secret", "+signers", "go")));
	assert_false(is_taken(LINES("job\tencrypted=no\tsignature=no\tlimit=1", "+file", "+content", "go")));
	assert_false(
	    is_taken(LINES("job\tencrypted=yes\tsignature=no\tlimit=0", "+file", "+content", "+secret", "go")));
	assert_false(is_taken(LINES("job\tencrypted=yes\tlimit=1", "+file", "+content", "+secret", "go")));
	assert_false(is_taken(LINES(FIRST "\tpath=x", "+file", "+content", "+secret", "+signers", "go")));
	assert_false(is_taken(LINES(FIRST, "+file", "+content", "done")));
}

static void
test_what_would_be_refused_is_not_sent(void **state)
{
	int ends[2], turn = DECRYPT_TURN_NEW;
	struct decrypt_job job;

	(void) state;
	decrypt_job_init(&job);
	assert_int_equal(channel_pair(ends), 0);
	assert_false(decrypt_job_send(ends[0], &turn, &job, why, sizeof(why))); /* a limit of nothing */
	close(ends[1]);
	job.limit = 1;
	assert_false(decrypt_job_send(ends[0], &turn, &job, why, sizeof(why)));
	close(ends[0]);
}

static void
test_one_answer_in_its_turn(void **state)
{
	char text[DECRYPT_WHY_BYTES + 2];
	struct decrypt_answer got;

	(void) state;
	memset(text, '\xff', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int message = DECRYPT_DONE; message < DECRYPT_MESSAGES; message++)
		for (int turn = DECRYPT_TURN_NEW; turn <= DECRYPT_TURN_ENDED; turn++) {
			const bool may =
			    turn == DECRYPT_TURN_STARTED || (message == DECRYPT_FAILED && turn < DECRYPT_TURN_STARTED);
			int here = turn, there = turn;

			assert_int_equal(decrypt_answer_encode(&line, &here, (enum decrypt_message) message,
			                                       &(struct decrypt_answer){text + 1}),
			                 may);
			if (!may) {
				message_start(&line, decrypt_contract.messages[message].verb);
				assert_int_equal(decrypt_answer_decode(&got, &there, line.text, why, sizeof(why)), -1);
				continue;
			}
			assert_int_equal(decrypt_answer_decode(&got, &there, line.text, why, sizeof(why)), message);
			assert_int_equal(there, DECRYPT_TURN_ENDED);
			assert_true(message == DECRYPT_DONE ? got.why == NULL : strcmp(got.why, text + 1) == 0);
			/* a reason has its bounds */
			here = turn;
			assert_int_equal(decrypt_answer_encode(&line, &here, (enum decrypt_message) message,
			                                       &(struct decrypt_answer){text}),
			                 message == DECRYPT_DONE);
			assert_int_equal(decrypt_answer_encode(&line, &here, (enum decrypt_message) message,
			                                       &(struct decrypt_answer){""}),
			                 false);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_job_comes_as_it_went),
	    cmocka_unit_test(test_a_job_that_does_not_fit_is_refused),
	    cmocka_unit_test(test_what_would_be_refused_is_not_sent),
	    cmocka_unit_test(test_one_answer_in_its_turn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
