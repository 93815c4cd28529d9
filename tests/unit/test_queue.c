/* The queue of due files against a sorted array. */
#include "tests/unit/check.h"

#include <stdbool.h>

#include "daemon/inbox/queue.h"

#define NODES 2000

static struct queue_node nodes[NODES];
static char names[NODES][16];
static bool in[NODES];

static int
lowest(void)
{
	int best = -1;

	for (int i = 0; i < NODES; i++)
		if (in[i] && (best < 0 || strverscmp(names[i], names[best]) < 0))
			best = i;
	return best;
}

static void
any_order_in_and_out(void **state)
{
	struct queue q = {NULL, 0};
	unsigned random = 12345;
	size_t count = 0;

	(void) state;
	for (int i = 0; i < NODES; i++) {
		snprintf(names[i], sizeof(names[i]), "f%d.csv", i * 7919 % NODES);
		nodes[i].name = names[i];
	}
	for (int step = 0; step < 6000; step++) {
		int i = (int) ((random = random * 1103515245 + 12345) >> 8) % NODES;

		if (in[i]) {
			queue_remove(&q, &nodes[i]);
			count--;
		} else {
			queue_add(&q, &nodes[i]);
			count++;
		}
		in[i] = !in[i];
		assert_int_equal(q.length, count);
		if (step % 16 == 0 && count > 0)
			assert_ptr_equal(queue_first(&q), &nodes[lowest()]);
	}
	while (count-- > 0) {
		int i = lowest();

		assert_ptr_equal(queue_first(&q), &nodes[i]);
		queue_remove(&q, &nodes[i]);
		in[i] = false;
	}
	assert_null(queue_first(&q));
}

static void
numbers_count_by_their_value(void **state)
{
	static const char *const sorted[] = {"a-1", "a-2", "a-10", "a-10b", "b-1"};
	struct queue q = {NULL, 0};

	(void) state;
	for (size_t i = 5; i-- > 0;) {
		nodes[i].name = sorted[i];
		queue_add(&q, &nodes[i]);
	}
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(queue_first(&q)->name, sorted[i]);
		queue_remove(&q, queue_first(&q));
	}
}

/* A hundred thousand files in their order, as a listing may have them, and out again: no recursion, no
 * square. */
static void
many(void **state)
{
	enum { MANY = 100000 };
	struct queue_node *all = calloc(MANY, sizeof(*all));
	char(*text)[16] = calloc(MANY, sizeof(*text));
	struct queue q = {NULL, 0};

	(void) state;
	for (int i = 0; i < MANY; i++) {
		snprintf(text[i], sizeof(text[i]), "f%06d", i);
		all[i].name = text[i];
		queue_add(&q, &all[i]);
	}
	for (int i = 0; i < MANY; i++) {
		assert_ptr_equal(queue_first(&q), &all[i]);
		queue_remove(&q, &all[i]);
	}
	free(text);
	free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_order_in_and_out),
	    cmocka_unit_test(numbers_count_by_their_value),
	    cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
