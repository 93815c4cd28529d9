#include "api/queue.h"

#include <limits.h>
#include <stdbool.h>

#define FIRST_WAIT_MS 5 /* until a call is asked again; then twice as long each time */
#define LONGEST_WAIT_MS 100
#define PATIENCE_MS 6000 /* below the callers' own patience: they hear that it may be asked again */

#define SLOTS 16384 /* a power of 2, and twice what a full queue puts there */
#define PROBES 32

/* What must not be overtaken, as numbers: two that are taken for one wait a little longer, and that is all.
 */
struct passed {
	uint64_t round;
	struct {
		uint64_t what, round;
	} slot[SLOTS];
};

/* FNV-1a, never 0. */
static uint64_t
number_of(const char *kind, int64_t of, const char *whose, const char *text)
{
	uint64_t number = 14695981039346656037u ^ (uint64_t) of;

	for (const char *const part[] = {kind, whose, text, NULL}, *const *p = part; *p != NULL; p++) {
		for (const char *c = *p; *c != '\0'; c++)
			number = (number ^ (unsigned char) *c) * 1099511628211u;
		number = (number ^ 0xff) * 1099511628211u;
	}
	return number != 0 ? number : 1;
}

void
queue_init(struct queue *q)
{
	*q = (struct queue){.end = &q->first};
}

static void
count(struct queue *q, const struct call *c)
{
	q->count++;
	q->of_shop += call_is_of_shop(c);
	q->of_login += c->message == API_TOKEN;
}

void
queue_add(struct queue *q, struct call *c, int64_t now_ms)
{
	c->came_ms = now_ms;
	if (c->message == API_REDEEM) {
		c->of_member = number_of("member", c->who.programme, "", c->what.member);
		c->of_key = c->what.key != NULL ? number_of("key", 0, c->who.client, c->what.key) : 0;
	}
	c->next = NULL;
	*q->end = c;
	q->end = &c->next;
	count(q, c);
}

bool
queue_put_back(struct queue *q, struct call *c, int64_t now_ms)
{
	if (now_ms - c->came_ms > PATIENCE_MS)
		return false;
	c->wait_ms = c->wait_ms == 0 ? FIRST_WAIT_MS : c->wait_ms * 2;
	if (c->wait_ms > LONGEST_WAIT_MS)
		c->wait_ms = LONGEST_WAIT_MS;
	c->again_ms = now_ms + c->wait_ms;
	c->next = q->first;
	if (q->first == NULL)
		q->end = &c->next;
	q->first = c;
	count(q, c);
	return true;
}

static void
unlink_call(struct queue *q, struct call **place)
{
	struct call *c = *place;

	*place = c->next;
	if (q->end == &c->next)
		q->end = place;
	c->next = NULL;
	q->count--;
	q->of_shop -= call_is_of_shop(c);
	q->of_login -= c->message == API_TOKEN;
}

/* Was it there?  Now it is.  0 is nothing. */
static bool
pass(struct passed *p, uint64_t what)
{
	if (what == 0)
		return false;
	for (size_t i = 0; i < PROBES; i++) {
		size_t at = (what + i) % SLOTS;

		if (p->slot[at].round != p->round) {
			p->slot[at].round = p->round;
			p->slot[at].what = what;
			return false;
		}
		if (p->slot[at].what == what)
			return true;
	}
	return true; /* one that cannot be told from the others waits */
}

static bool
goes_together(enum api_message message)
{
	return message == API_REDEEM || message == API_AVAILABLE || message == API_POINTS;
}

size_t
queue_take(struct queue *q, int64_t now_ms, struct call *batch[DATABASE_BATCH], int *ret_wait_ms)
{
	static struct passed passed;
	int64_t soonest = INT_MAX;
	size_t n = 0;

	passed.round++;
	for (struct call **place = &q->first;
	     *place != NULL && n < DATABASE_BATCH && (n == 0 || goes_together(batch[0]->message));) {
		struct call *c = *place;
		bool first = true;

		if (c->message == API_REDEEM) {
			first = !pass(&passed, c->of_member);
			first = !pass(&passed, c->of_key) && first;
		}
		if (first && c->again_ms > now_ms && c->again_ms - now_ms < soonest)
			soonest = c->again_ms - now_ms;
		if (first && c->again_ms <= now_ms && (n == 0 || c->message == batch[0]->message)) {
			batch[n++] = c;
			unlink_call(q, place);
		} else {
			place = &c->next;
		}
	}
	if (n == 0)
		*ret_wait_ms = q->first == NULL ? -1 : (int) soonest;
	return n;
}
