/* The frame codec: what goes in comes out, and nothing else is ever taken for a frame. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/codes.h"
#include "lib/base/limits.h"
#include "lib/protocol/frame.h"

#define SLICE(text) ((struct slice){(text), sizeof(text) - 1})

/* Where things stand behind a SANDBOX frame and the next frame's head, and what a record takes before its
 * texts.
 */
enum {
	RECORD_AT = 5 + 6 + 5,
	RECORD_FIXED = 8 + 8 + 4 + 4 + 1 + 2,
	RECORD_NUMBERS = 16 + 8 + 8 + 4 + 4 + 8, /* all that there are */
};

/* A stream under test is a memory file: it can be cut, changed and read again. */
static int
memory_file(const void *bytes, size_t len)
{
	int fd = memfd_create("frames", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static struct frame
sandbox_frame(void)
{
	return (struct frame){.kind = FRAME_SANDBOX, .sandbox = {7, 1, 1}};
}

static struct frame
record_frame(uint64_t number)
{
	struct frame f = {.kind = FRAME_RECORD};
	struct record *r = &f.record;

	r->number = number;
	r->offset = UINT64_C(5) << 32;
	r->length = 103;
	r->has = RECORD_HAS_EXTERNAL_REFERENCE | RECORD_HAS_POINTS | RECORD_HAS_AMOUNT |
	         RECORD_HAS_TRANSACTION_TYPE | RECORD_HAS_DATE | RECORD_HAS_OUTBOUND_LINE;
	r->verdict = VERDICT_REJECTED;
	memset(r->external_reference, 0xA5, sizeof(r->external_reference));
	r->points = INT64_MIN + 1;
	r->amount = INT64_MAX;
	r->transaction_type = -4;
	r->date = -1;
	r->outbound_line = 12;
	r->text[RECORD_MEMBER] = SLICE("M\xC3\xBCller");
	r->text[RECORD_REASONS] = SLICE("R01\x1FR02");
	r->text[RECORD_CHANGE] = SLICE("x");
	return f;
}

/* A record that has nothing, whatever stands in it. */
static struct frame
bare_frame(uint64_t number)
{
	struct frame f = record_frame(number);

	f.record.has = 0;
	memset(f.record.text, 0, sizeof(f.record.text));
	return f;
}

static struct frame
end_frame(uint64_t records, bool refused)
{
	return (struct frame){.kind = FRAME_END, .end = {records, 1000, 900, refused, true}};
}

/* What these frames are on the pipe. */
static size_t
write_frames(const struct frame *frames, size_t n, unsigned char *ret_bytes, size_t size)
{
	int fd = memfd_create("out", MFD_CLOEXEC);
	struct frame_writer *w = frame_writer_new(fd);
	ssize_t len;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(frame_put(w, &frames[i]), 0);
	assert_int_equal(frame_flush(w), 0);
	frame_writer_free(w);
	len = pread(fd, ret_bytes, size, 0);
	assert_true(len > 0 && (size_t) len < size);
	close(fd);
	return (size_t) len;
}

/* One of each kind, in a permitted order. */
static size_t
write_sample(unsigned char *ret_bytes, size_t size)
{
	struct frame frames[] = {
	    sandbox_frame(),
	    record_frame(1),
	    {.kind = FRAME_FACTS,
	     .facts = {.has_sequence = true,
	               .sequence = -7,
	               .business_date = 19000,
	               .partner_id = SLICE("ACME"),
	               .lists = SLICE("all")}},
	    {.kind = FRAME_CONTROL,
	     .control = {SLICE("points"), SLICE("file"), SLICE("12"), SLICE("13"), false, 9, 800}},
	    {.kind = FRAME_REFUSAL,
	     .refusal = {SLICE("control_total"), SLICE("12 is not 13"), {NULL, 0}, SLICE("12"), 9, 800}},
	    bare_frame(2),
	    end_frame(2, true),
	};

	return write_frames(frames, sizeof(frames) / sizeof(frames[0]), ret_bytes, size);
}

/* Reads to the end: 0 proper end, -1 refused; *ret_count frames were given out before. */
static int
read_all(const void *bytes, size_t len, size_t *ret_count, const char **ret_why)
{
	int fd = memory_file(bytes, len), rc;
	struct frame_reader *r = frame_reader_new(fd);
	struct frame f;
	size_t n = 0;
	const char *why = NULL, *again = NULL;

	while ((rc = frame_next(r, &f, &why)) == 1)
		n++;
	/* the answer stays */
	assert_int_equal(frame_next(r, &f, &again), rc);
	if (rc < 0) {
		assert_non_null(why);
		assert_string_equal(why, again);
	}
	frame_reader_free(r);
	close(fd);
	*ret_count = n;
	*ret_why = why;
	return rc;
}

static void
assert_slice(struct slice got, const char *expected)
{
	assert_int_equal(got.len, strlen(expected));
	assert_memory_equal(got.data == NULL ? "" : got.data, expected, got.len);
}

static void
test_round_trip(void **state)
{
	unsigned char bytes[4096];
	size_t len = write_sample(bytes, sizeof(bytes));
	int fd = memory_file(bytes, len);
	struct frame_reader *r = frame_reader_new(fd);
	struct frame f, sent = record_frame(1);
	const char *why;

	(void) state;
	assert_int_equal(frame_next(r, &f, &why), 1);
	assert_int_equal(f.kind, FRAME_SANDBOX);
	assert_int_equal(f.sandbox.landlock_abi, 7);
	assert_int_equal(frame_next(r, &f, &why), 1);
	assert_int_equal(f.kind, FRAME_RECORD);
	assert_int_equal(f.record.offset, sent.record.offset);
	assert_int_equal(f.record.length, 103);
	assert_int_equal(f.record.has, sent.record.has);
	assert_int_equal(f.record.verdict, VERDICT_REJECTED);
	assert_memory_equal(f.record.external_reference, sent.record.external_reference, 16);
	assert_true(f.record.points == INT64_MIN + 1 && f.record.amount == INT64_MAX);
	assert_int_equal(f.record.transaction_type, -4);
	assert_int_equal(f.record.date, -1);
	assert_int_equal(f.record.outbound_line, 12);
	assert_slice(f.record.text[RECORD_MEMBER], "M\xC3\xBCller");
	assert_slice(f.record.text[RECORD_REASONS], "R01\x1FR02");
	assert_slice(f.record.text[RECORD_CURRENCY], "");
	assert_int_equal(frame_next(r, &f, &why), 1);
	assert_int_equal(f.kind, FRAME_FACTS);
	assert_true(f.facts.has_sequence && !f.facts.has_business_date && f.facts.sequence == -7);
	assert_slice(f.facts.partner_id, "ACME");
	assert_int_equal(frame_next(r, &f, &why), 1);
	assert_int_equal(f.kind, FRAME_CONTROL);
	assert_slice(f.control.counted, "13");
	assert_false(f.control.agrees);
	assert_int_equal(frame_next(r, &f, &why), 1);
	assert_int_equal(f.kind, FRAME_REFUSAL);
	assert_slice(f.refusal.message, "12 is not 13");
	assert_int_equal(frame_next(r, &f, &why), 1);
	assert_int_equal(f.record.number, 2);
	assert_int_equal(f.record.has, 0);
	assert_memory_equal(f.record.external_reference, (unsigned char[16]){0}, 16);
	assert_true(f.record.points == 0 && f.record.amount == 0 && f.record.outbound_line == 0);
	assert_true(f.record.transaction_type == 0 && f.record.date == 0);
	for (size_t i = 0; i < RECORD_TEXTS; i++)
		assert_slice(f.record.text[i], "");
	assert_int_equal(frame_next(r, &f, &why), 1);
	assert_int_equal(f.kind, FRAME_END);
	assert_true(f.end.refused && f.end.whole && f.end.records == 2 && f.end.bytes == 1000 &&
	            f.end.file_bytes == 900);
	assert_int_equal(frame_next(r, &f, &why), 0);
	frame_reader_free(r);
	close(fd);
}

static void
test_cut_anywhere(void **state)
{
	unsigned char bytes[4096];
	size_t len = write_sample(bytes, sizeof(bytes)), count;
	const char *why;

	(void) state;
	assert_int_equal(read_all(bytes, len, &count, &why), 0);
	assert_int_equal(count, 7);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(read_all(bytes, cut, &count, &why), -1);
		assert_true(count < 7 || cut >= len);
	}
	bytes[len] = 0;
	assert_int_equal(read_all(bytes, len + 1, &count, &why), -1);
}

/* Every byte of the stream set to every value: never a crash, and never a text that the contract rules out.
 */
static void
test_every_byte_changed(void **state)
{
	unsigned char bytes[4096];
	size_t len = write_sample(bytes, sizeof(bytes)), count;
	const char *why;

	(void) state;
	for (size_t i = 0; i < len; i++) {
		unsigned char was = bytes[i];
		for (unsigned v = 0; v < 256; v += 5) {
			bytes[i] = (unsigned char) v;
			(void) read_all(bytes, len, &count, &why);
		}
		bytes[i] = was;
	}
}

static void
test_lying_lengths(void **state)
{
	static const uint32_t lies[] = {0, 1, 6, 8, LIMIT_FRAME_BYTES + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
	unsigned char bytes[4096];
	size_t len = write_sample(bytes, sizeof(bytes)), count;
	const char *why;

	(void) state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) { /* of a frame; little endian here */
		memcpy(bytes, &lies[i], 4);
		assert_int_equal(read_all(bytes, len, &count, &why), -1);
		assert_int_equal(count, 0);
	}
	len = write_sample(bytes, sizeof(bytes));
	/* of a text: the record's first, of seven */
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		memcpy(bytes + RECORD_AT + RECORD_FIXED + RECORD_NUMBERS, &lies[i], 4);
		assert_int_equal(read_all(bytes, len, &count, &why), -1);
		assert_int_equal(count, 1);
	}
}

static void
assert_refused(const struct frame *frames, size_t n, const char *expected)
{
	unsigned char bytes[4096];
	size_t len = write_frames(frames, n, bytes, sizeof(bytes)), count;
	const char *why = NULL;

	assert_int_equal(read_all(bytes, len, &count, &why), -1);
	assert_string_equal(why, expected);
}

static void
test_order(void **state)
{
	struct frame sandbox = sandbox_frame(), one = record_frame(1), two = record_frame(2);
	struct frame facts = {.kind = FRAME_FACTS}, refusal = {.kind = FRAME_REFUSAL};

	(void) state;
	assert_refused((struct frame[]){one}, 1, "a frame before the sandbox was reported");
	assert_refused((struct frame[]){sandbox, sandbox}, 2, "sandbox reported twice");
	assert_refused((struct frame[]){sandbox, two}, 2, "a record's number is not the next");
	assert_refused((struct frame[]){sandbox, one, one}, 3, "a record's number is not the next");
	assert_refused((struct frame[]){sandbox, facts, facts}, 3, "the facts of the file reported twice");
	assert_refused((struct frame[]){sandbox, end_frame(0, false)}, 2, "the end before the facts of the file");
	assert_refused((struct frame[]){sandbox, facts, end_frame(0, false), one}, 4, "a frame after the end");
	assert_refused((struct frame[]){sandbox, facts, one, end_frame(2, false)}, 4,
	               "the end counts other records than came");
	assert_refused((struct frame[]){sandbox, facts, one, end_frame(1, true)}, 4,
	               "the end and the refusals differ");
	assert_refused((struct frame[]){sandbox, facts, refusal, end_frame(0, false)}, 4,
	               "the end and the refusals differ");
	assert_refused((struct frame[]){sandbox, one}, 2, "cut off before its end");
	struct frame many[LIMIT_REFUSALS + 2] = {sandbox};
	for (size_t i = 1; i < LIMIT_REFUSALS + 2; i++)
		many[i] = refusal;
	assert_refused(many, LIMIT_REFUSALS + 2, "too many refusals");
}

static void
test_contents(void **state)
{
	struct frame sandbox = sandbox_frame(), f;

	(void) state;
	f = record_frame(1);
	f.record.verdict = VERDICT_NONE;
	assert_refused((struct frame[]){sandbox, f}, 2, "a record has a verdict that is not known");
	f.record.verdict = 6;
	assert_refused((struct frame[]){sandbox, f}, 2, "a record has a verdict that is not known");
	f = record_frame(1);
	f.record.has |= RECORD_WHOLE_MESSAGE << 1;
	assert_refused((struct frame[]){sandbox, f}, 2, "a record has a property that is not known");
	f = record_frame(1);
	f.record.points = 0;
	assert_refused((struct frame[]){sandbox, f}, 2, "a record has zero points");
	f = record_frame(1);
	f.record.text[RECORD_REASON_TEXT] = (struct slice){"a\0b", 3};
	assert_refused((struct frame[]){sandbox, f}, 2, "a text is not UTF-8, or holds a NUL");
	f.record.text[RECORD_REASON_TEXT] = SLICE("\xED\xA0\x80");
	assert_refused((struct frame[]){sandbox, f}, 2, "a text is not UTF-8, or holds a NUL");
}

/* Which texts there are is a promise: each is there, and there are no others. */
static void
test_texts_that_are_there(void **state)
{
	enum { TEXTS = RECORD_AT + 25, LENGTH = TEXTS + 2 };
	struct frame frames[] = {sandbox_frame(), bare_frame(1)};
	unsigned char bytes[256];
	size_t len, count;
	const char *why;

	(void) state;
	frames[1].record.text[RECORD_OUTBOUND_REFERENCE] = SLICE("A");
	len = write_frames(frames, 2, bytes, sizeof(bytes));
	assert_int_equal(len, LENGTH + 4 + 1);
	bytes[TEXTS] = 3; /* the partner's reference, too */
	assert_int_equal(read_all(bytes, len, &count, &why), -1);
	assert_string_equal(why, "a frame is shorter than its fields");
	bytes[TEXTS] = 0;
	assert_int_equal(read_all(bytes, len, &count, &why), -1);
	assert_string_equal(why, "a frame is longer than its fields");
	bytes[TEXTS] = 1;
	bytes[TEXTS + 1] = 0x80; /* one that there is not */
	assert_int_equal(read_all(bytes, len, &count, &why), -1);
	assert_string_equal(why, "a record has a property that is not known");
	bytes[TEXTS + 1] = 0;
	bytes[LENGTH] = 0;
	assert_int_equal(read_all(bytes, len, &count, &why), -1);
	assert_string_equal(why, "a text that is there is empty");
}

/* A frame of exactly the limit passes, one byte more breaks the writer for good. */
static void
test_limit(void **state)
{
	static char text[LIMIT_FRAME_BYTES];
	static unsigned char bytes[3 * LIMIT_FRAME_BYTES];
	struct frame sandbox = sandbox_frame(), f = record_frame(1), end = end_frame(2, false);
	struct frame facts = {.kind = FRAME_FACTS};
	uint32_t fixed = 1 + RECORD_FIXED + RECORD_NUMBERS + 4; /* kind and its one text's length */
	int fd = memfd_create("out", MFD_CLOEXEC);
	struct frame_writer *w = frame_writer_new(fd);
	size_t count;
	ssize_t len;
	const char *why;

	(void) state;
	memset(text, 'x', sizeof(text));
	memset(f.record.text, 0, sizeof(f.record.text));
	f.record.text[RECORD_MEMBER] = (struct slice){text, LIMIT_FRAME_BYTES - fixed};
	assert_int_equal(frame_put(w, &sandbox), 0);
	assert_int_equal(frame_put(w, &f), 0);
	f.record.number = 2;
	assert_int_equal(frame_put(w, &f), 0);
	assert_int_equal(frame_put(w, &facts), 0);
	assert_int_equal(frame_put(w, &end), 0);
	assert_int_equal(frame_flush(w), 0);
	len = pread(fd, bytes, sizeof(bytes), 0);
	assert_int_equal(read_all(bytes, (size_t) len, &count, &why), 0);
	assert_int_equal(count, 5);

	f.record.text[RECORD_MEMBER].len++;
	assert_int_equal(frame_put(w, &f), -1);
	f.record.text[RECORD_MEMBER].len = UINT32_MAX;
	assert_int_equal(frame_put(w, &f), -1);
	assert_int_equal(frame_put(w, &end), -1);
	assert_int_equal(frame_flush(w), -1);
	frame_writer_free(w);
	close(fd);
}

/* A read of ours that fails is told apart from a peer that does wrong. */
static void
test_failed_read(void **state)
{
	int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct frame_reader *r = frame_reader_new(directory);
	struct frame f;
	const char *why;

	(void) state;
	assert_int_equal(frame_next(r, &f, &why), -1); /* EISDIR */
	assert_true(frame_reader_failed(r));
	frame_reader_free(r);
	close(directory);
	directory = memory_file("xxxxxxxx", 8);
	r = frame_reader_new(directory);
	assert_int_equal(frame_next(r, &f, &why), -1);
	assert_false(frame_reader_failed(r));
	frame_reader_free(r);
	close(directory);
}

static void
test_random_bytes(void **state)
{
	static unsigned char bytes[2048];
	uint64_t seed = 0x9E3779B97F4A7C15;
	size_t count;
	const char *why;

	(void) state;
	for (int round = 0; round < 3000; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 6364136223846793005U + 1442695040888963407U;
			bytes[i] = (unsigned char) (seed >> 56);
		}
		if (round % 2) { /* a plausible head, so that bodies are reached */
			uint32_t len = 1 + (uint32_t) (seed >> 40) % 400;
			memcpy(bytes, "\x07\0\0\0\x01\x07\0\0\0\x01\x01", 11);
			memcpy(bytes + 11, &len, 4);
			bytes[15] = (unsigned char) (1 + round % 6);
		}
		assert_int_equal(read_all(bytes, sizeof(bytes), &count, &why), -1);
	}
}

static void
test_broken_pipe(void **state)
{
	struct frame sandbox = sandbox_frame();
	int fds[2];
	struct frame_writer *w;

	(void) state;
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	w = frame_writer_new(fds[1]);
	assert_int_equal(frame_put(w, &sandbox), 0);
	assert_int_equal(frame_flush(w), -1);
	assert_int_equal(frame_put(w, &sandbox), -1);
	frame_writer_free(w);
	frame_writer_free(NULL);
	frame_reader_free(NULL);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_cut_anywhere),
	    cmocka_unit_test(test_every_byte_changed),
	    cmocka_unit_test(test_lying_lengths),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_contents),
	    cmocka_unit_test(test_texts_that_are_there),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_failed_read),
	    cmocka_unit_test(test_random_bytes),
	    cmocka_unit_test(test_broken_pipe),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
