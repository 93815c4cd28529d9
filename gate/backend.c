#include "gate/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/protocol/channel.h"

#define AGAIN_MS 200 /* until a process that is gone is looked for again */
#define BUCKETS 1024
#define SLOTS 4096 /* of members with calls under way; those who share one share its process */
#define FULL 128   /* two batches: one is answered while the next is gathered */

/* A call under way. */
struct under_way {
	struct under_way *next;
	int64_t id;
	struct process *process;
	size_t slot;
	bool sends;
	backend_answered answered;
	void *context;
};

struct process {
	struct backend *backend;
	const char *path;
	int fd; /* -1: gone */
	struct event *readable, *writable, *again;
	struct channel_packets unsent; /* where its socket was full */
	size_t sent;
	size_t calls; /* under way */
};

/* Which process has the calls of a member that are under way: they stay in the order that they came. */
struct slot {
	struct process *process;
	size_t calls;
};

struct backend {
	struct event_base *base;
	struct process process[BACKEND_MOST];
	size_t count, calls;
	int64_t last_id;
	struct under_way *bucket[BUCKETS];
	struct slot slot[SLOTS];
};

/* ---- calls under way ---- */

static struct under_way **
place_of(struct backend *b, int64_t id)
{
	struct under_way **place = &b->bucket[id % BUCKETS];

	while (*place != NULL && (*place)->id != id)
		place = &(*place)->next;
	return place;
}

static void
end_call(struct backend *b, struct under_way **place, const struct api_answer *answer, int handover)
{
	struct under_way *call = *place;

	*place = call->next;
	b->calls--;
	b->slot[call->slot].calls--;
	call->process->calls--;
	call->answered(call->context, answer, handover);
	free(call);
}

/* All calls of one process, or of all (NULL), are answered with nothing. */
static void
end_calls(struct backend *b, const struct process *of)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct under_way **place = &b->bucket[i]; *place != NULL;)
			if (of == NULL || (*place)->process == of)
				end_call(b, place, NULL, -1);
			else
				place = &(*place)->next;
}

/* ---- a process ---- */

static void
drop_events(struct process *p)
{
	if (p->readable != NULL)
		event_free(p->readable);
	if (p->writable != NULL)
		event_free(p->writable);
	p->readable = p->writable = NULL;
}

static void
gone(struct process *p)
{
	const struct timeval soon = {.tv_usec = AGAIN_MS * 1000};

	drop_events(p);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	channel_packets_free(&p->unsent);
	p->unsent = (struct channel_packets){0};
	p->sent = 0;
	event_add(p->again, &soon);
	end_calls(p->backend, p);
}

static void
on_readable(evutil_socket_t fd, short what, void *context)
{
	static char line[MESSAGE_BYTES + 2];
	struct process *p = context;
	char why[LIMIT_MESSAGE_BYTES];

	(void) fd, (void) what;
	for (;;) {
		struct under_way **place;
		struct api_answer answer;
		size_t len;
		int passed = -1, message, got = channel_receive(p->fd, line, sizeof(line), &len, &passed);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			log_write(LOG_WARNING, "an api process went away", LOG_FIELDS(log_text("socket", p->path)));
			gone(p);
			return;
		}
		message = api_answer_decode(&answer, line, passed >= 0, why, sizeof(why));
		place = message >= 0 ? place_of(p->backend, answer.id) : NULL;
		if (message == API_HANDOVER && *place != NULL && !(*place)->sends) {
			snprintf(why, sizeof(why), "it hands over what was not asked for");
			message = -1;
		}
		if (message < 0) {
			if (passed >= 0)
				close(passed);
			log_write(LOG_ERR, "an api process breaks the protocol",
			          LOG_FIELDS(log_text("socket", p->path), log_text("why", why)));
			gone(p);
			return;
		}
		if (*place != NULL && (*place)->process == p)
			end_call(p->backend, place, &answer, passed);
		else if (passed >= 0)
			close(passed);
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *context)
{
	struct process *p = context;

	(void) fd, (void) what;
	if (channel_packets_send(&p->unsent, &p->sent, p->fd) < 0) {
		if (errno != EAGAIN)
			gone(p);
		return;
	}
	channel_packets_free(&p->unsent);
	p->unsent = (struct channel_packets){0};
	p->sent = 0;
	event_del(p->writable);
}

static void
look_for(evutil_socket_t fd, short what, void *context)
{
	struct process *p = context;

	(void) fd, (void) what;
	p->fd = channel_connect(p->path);
	if (p->fd < 0) {
		const struct timeval soon = {.tv_usec = AGAIN_MS * 1000};

		event_add(p->again, &soon);
		return;
	}
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	p->readable = event_new(p->backend->base, p->fd, EV_READ | EV_PERSIST, on_readable, p);
	p->writable = event_new(p->backend->base, p->fd, EV_WRITE | EV_PERSIST, on_writable, p);
	if (p->readable == NULL || p->writable == NULL || event_add(p->readable, NULL) < 0)
		gone(p);
}

/* ---- for the gate ---- */

struct backend *
backend_new(struct event_base *base, const char *const *paths, size_t count)
{
	struct backend *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->base = base;
	b->count = count < BACKEND_MOST ? count : BACKEND_MOST;
	for (size_t i = 0; i < b->count; i++) {
		struct process *p = &b->process[i];

		*p = (struct process){
		    .backend = b, .path = paths[i], .fd = -1, .again = evtimer_new(base, look_for, p)};
		if (p->again == NULL) {
			backend_free(b);
			return NULL;
		}
		look_for(-1, 0, p);
	}
	return b;
}

void
backend_free(struct backend *b)
{
	if (b == NULL)
		return;
	end_calls(b, NULL);
	for (size_t i = 0; i < b->count; i++) {
		drop_events(&b->process[i]);
		if (b->process[i].fd >= 0)
			close(b->process[i].fd);
		if (b->process[i].again != NULL)
			event_free(b->process[i].again);
		channel_packets_free(&b->process[i].unsent);
	}
	free(b);
}

/* Whose points are they?  FNV-1a: any even spread will do. */
static size_t
slot_of(const struct api_call *call)
{
	uint32_t hash = 2166136261u;
	const char *text = call->sponsor != NULL  ? call->sponsor
	                   : call->member != NULL ? call->member
	                                          : call->request_id;

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char) *text) * 16777619u;
	return hash % SLOTS;
}

/* Where a call goes first.  A batch costs little more than one call: so the first process has all until it
 * has more than it can ask at once, and only then the next. */
static size_t
share_of(const struct backend *b, size_t slot)
{
	size_t least = 0;

	if (b->slot[slot].calls > 0)
		return (size_t) (b->slot[slot].process - b->process);
	for (size_t i = 0; i < b->count; i++) {
		const struct process *p = &b->process[i];

		if (p->fd >= 0 && p->calls < FULL)
			return i;
		if (p->fd >= 0 && (b->process[least].fd < 0 || p->calls < b->process[least].calls))
			least = i;
	}
	return least;
}

static bool
send_packet(struct process *p, const struct message_line *line)
{
	if (p->unsent.count == 0) {
		if (channel_send(p->fd, line->text, line->length, -1) == 0)
			return true;
		if (errno != EAGAIN)
			return false;
		event_add(p->writable, NULL);
	}
	return channel_packets_add(&p->unsent, line->text, line->length, -1);
}

bool
backend_call(struct backend *b, enum api_message message, struct api_call *call, backend_answered answered,
             void *context)
{
	static struct message_line line;
	struct under_way *way;
	size_t slot = slot_of(call), share = b->count > 0 ? share_of(b, slot) : 0;

	call->id = ++b->last_id;
	if (b->calls >= BACKEND_CALLS || !api_call_encode(&line, message, call))
		return false;
	way = malloc(sizeof(*way));
	for (size_t i = 0; way != NULL && i < b->count; i++) {
		struct process *p = &b->process[(share + i) % b->count];

		if (p->fd < 0 || !send_packet(p, &line))
			continue;
		*way = (struct under_way){.next = b->bucket[call->id % BUCKETS],
		                          .id = call->id,
		                          .process = p,
		                          .slot = slot,
		                          .sends = message == API_SEND,
		                          .answered = answered,
		                          .context = context};
		b->bucket[call->id % BUCKETS] = way;
		b->slot[slot] = (struct slot){.process = p, .calls = b->slot[slot].calls + 1};
		b->calls++;
		p->calls++;
		return true;
	}
	free(way);
	return false;
}

size_t
backend_calls(const struct backend *b)
{
	return b->calls;
}

size_t
backend_there(const struct backend *b)
{
	size_t there = 0;

	for (size_t i = 0; i < b->count; i++)
		there += b->process[i].fd >= 0;
	return there;
}
