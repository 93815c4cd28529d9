#include "outbound/life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/yaml/yaml.h"
#include "outbound/tell.h"

#define READY_MS 30000    /* from its start until it is ready */
#define SILENCE_MS 120000 /* while it works, over what its steps may take: its own deadlines are shorter */
#define IDLE_MS 300000    /* the next one has the credentials of its day */
#define PAUSE_MS 60000    /* the longest pause after a death */
#define LINES_AT_ONCE 500 /* others have their turn as well */

bool
life_init(struct life *ret, const struct life_owner *by, void *owner, struct pg *pg, const char *name)
{
	*ret = (struct life){.by = by, .owner = owner, .pg = pg, .name = strdup(name), .sender.channel = -1};
	return ret->name != NULL;
}

void
life_free(struct life *l)
{
	life_stop(l);
	connector_free(l->connector);
	free(l->text);
	free(l->name);
}

/* ---- its end ---- */

void
life_stop(struct life *l)
{
	sender_stop(&l->sender);
	l->state = LIFE_NONE;
}

int64_t
life_pause_ms(const struct life *l, unsigned times)
{
	int64_t ms = l->by->first_pause_ms;

	while (times-- > 0 && ms < PAUSE_MS)
		ms *= 2;
	return ms < PAUSE_MS ? ms : PAUSE_MS;
}

void
life_pause(struct life *l, unsigned times, int64_t now_ms)
{
	l->start_ms = now_ms + life_pause_ms(l, times);
}

enum pg_status
life_give_up(struct life *l, const char *why, int64_t now_ms)
{
	life_pause(l, l->failures++, now_ms);
	life_stop(l);
	log_write(LOG_WARNING, "a sender was given up",
	          LOG_FIELDS(log_text("target", l->name), log_text("why", why)));
	return l->by->cut(l->owner, why, now_ms);
}

enum pg_status
life_fault(struct life *l, const char *why, int64_t now_ms)
{
	life_stop(l);
	return l->by->fault(l->owner, why, now_ms);
}

enum pg_status
life_lies(struct life *l, int64_t now_ms)
{
	return life_give_up(l, "handback-send speaks of what it was not given", now_ms);
}

/* ---- its work ---- */

static int64_t
silence_ms(const struct life *l)
{
	return l->by->steps * connector_timeout_ms(l->connector) + SILENCE_MS;
}

static enum pg_status
start(struct life *l, const struct sender_how *how, int64_t now_ms)
{
	char why[LIMIT_MESSAGE_BYTES];
	bool faulty;

	if (!sender_start(&l->sender, how, l->name, l->text, &faulty, why, sizeof(why)))
		return faulty ? life_fault(l, why, now_ms) : life_give_up(l, why, now_ms);
	l->state = LIFE_STARTING;
	l->deadline_ms = now_ms + READY_MS;
	return PG_OK;
}

enum pg_status
life_begin(struct life *l, const struct sender_how *how, int64_t now_ms)
{
	if (l->state == LIFE_NONE)
		return start(l, how, now_ms);
	l->state = LIFE_WORKING;
	return l->by->ready(l->owner, now_ms);
}

bool
life_deliver(struct life *l, const struct send_delivery *delivery, int fd, int64_t now_ms)
{
	l->deadline_ms = now_ms + silence_ms(l);
	return sender_deliver(&l->sender, delivery, fd);
}

void
life_rest(struct life *l, int64_t now_ms)
{
	if (l->state == LIFE_WORKING)
		l->state = LIFE_IDLE;
	l->deadline_ms = now_ms + IDLE_MS;
}

void
life_wait(struct life *l)
{
	l->deadline_ms = INT64_MAX;
}

/* ---- what it says ---- */

static enum pg_status
take(struct life *l, int message, const struct send_report *report, int64_t now_ms)
{
	if (message == SEND_FAULT)
		return life_fault(l, report->why, now_ms);
	if (message == SEND_READY && l->state == LIFE_STARTING) {
		l->state = LIFE_WORKING;
		return l->by->ready(l->owner, now_ms);
	}
	return l->state == LIFE_WORKING ? l->by->take(l->owner, message, report, now_ms) : life_lies(l, now_ms);
}

enum pg_status
life_read(struct life *l, int64_t now_ms)
{
	static char line[MESSAGE_BYTES + 2];
	char why[LIMIT_MESSAGE_BYTES];
	struct send_report report;
	enum pg_status status = PG_OK;
	int message;

	for (int i = 0; i < LINES_AT_ONCE && status == PG_OK && l->sender.channel >= 0; i++) {
		int got = sender_receive(&l->sender, line, &report, &message, why, sizeof(why));

		if (got == 0)
			break;
		if (got < 0)
			return life_give_up(l, why, now_ms);
		if (l->state == LIFE_WORKING)
			l->deadline_ms = now_ms + silence_ms(l);
		status = take(l, message, &report, now_ms);
	}
	return status;
}

/* ---- its time ---- */

enum pg_status
life_step(struct life *l, int64_t now_ms)
{
	if (l->state == LIFE_NONE || now_ms < l->deadline_ms)
		return PG_OK;
	if (l->state == LIFE_STARTING)
		return life_give_up(l, "handback-send does not get ready", now_ms);
	if (l->state == LIFE_WORKING)
		return life_give_up(l, "handback-send says nothing", now_ms);
	life_stop(l);
	return PG_OK;
}

bool
life_may_claim(const struct life *l, int64_t now_ms)
{
	return l->connector != NULL && now_ms >= life_claim_ms(l);
}

int64_t
life_claim_ms(const struct life *l)
{
	return l->claim_ms > l->start_ms ? l->claim_ms : l->start_ms;
}

/* ---- its connector ---- */

/* Compiled anew; what is wrong with it in why[], or "". */
static void
compile(struct life *l, char *why, size_t why_size)
{
	struct problems *p = problems_new(l->name);
	const char *lacks, *line;

	why[0] = '\0';
	connector_free(l->connector);
	l->connector = connector_compile(l->text, strlen(l->text), p);
	lacks = l->connector != NULL ? l->by->lacks(l->connector) : NULL;
	line = problems_line(p, 0);
	if (l->connector == NULL)
		snprintf(why, why_size, "its connector has a mistake: %s", line != NULL ? line : "no memory");
	else if (lacks != NULL)
		snprintf(why, why_size, "its connector has no %s", lacks);
	if (why[0] != '\0') {
		connector_free(l->connector);
		l->connector = NULL;
	}
	problems_free(p);
}

enum pg_status
life_change(struct life *l, int64_t version, const char *text)
{
	char why[LIMIT_MESSAGE_BYTES], *copy = strdup(text);

	if (copy == NULL)
		return PG_OK; /* tried again with the next list */
	life_stop(l);
	free(l->text);
	l->text = copy;
	l->version = version;
	l->start_ms = l->claim_ms = 0;
	l->failures = 0;
	compile(l, why, sizeof(why));
	return why[0] != '\0' ? tell_refuse(l->pg, l->name, version, why) : PG_OK;
}
