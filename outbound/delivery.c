#include "outbound/delivery_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/db/pg.h"
#include "lib/json/json.h"

#define AT_ONCE 4         /* parts under way */
#define REFUSES_ALL 10    /* as many objects refused and none taken: it is not theirs */
#define NO_MEMORY_FD (-2)

static const char *const result_words[OBJECT_RESULTS] = {"unsent", "sent", "later", "held"};

/* ---- parts ---- */

struct part *
delivery_add_part(struct delivery *d, struct part *before, size_t first, size_t count, int64_t *next_number)
{
	struct part *p = malloc(sizeof(*p));

	if (p == NULL)
		return NULL;
	*p = (struct part){.number = (*next_number)++, .first = first, .count = count};
	if (before != NULL)
		TAILQ_INSERT_BEFORE(before, p, others);
	else
		TAILQ_INSERT_TAIL(&d->parts, p, others);
	return p;
}

static void
drop_part(struct delivery *d, struct part *p)
{
	TAILQ_REMOVE(&d->parts, p, others);
	d->under_way -= p->under_way;
	free(p);
}

bool
delivery_begin(struct delivery *ret, struct pg_result *rows, const struct connector *c, bool reads,
               int64_t *next_number)
{
	int kind = pg_column(rows, "kind"), key = pg_column(rows, "key"), subject = pg_column(rows, "subject"),
	    json = pg_column(rows, "object");

	*ret = (struct delivery){.number = pg_text_of(rows, 0, "delivery"), .rows = rows, .reads = reads};
	TAILQ_INIT(&ret->parts);
	ret->object = calloc((size_t) pg_rows(rows), sizeof(*ret->object));
	if (ret->object == NULL)
		return false;
	for (int i = 0; i < pg_rows(rows); i++) {
		struct object *o = &ret->object[ret->count++];

		while (o->kind + 1 < CONNECTOR_KINDS && strcmp(pg_text(rows, i, kind), connector_kinds[o->kind]) != 0)
			o->kind++;
		o->key = pg_text(rows, i, key);
		o->subject = pg_text(rows, i, subject);
		o->json = pg_text(rows, i, json);
		o->row = (size_t) i;
	}
	ret->connector = c;
	return delivery_cut_up(ret, c, next_number);
}

void
delivery_free(struct delivery *d)
{
	struct part *p;

	while (d->parts.tqh_last != NULL && (p = TAILQ_FIRST(&d->parts)) != NULL)
		drop_part(d, p);
	for (size_t i = 0; i < d->count; i++)
		free(d->object[i].why), free(d->object[i].parent);
	free(d->object);
	pg_result_free(d->rows);
	*d = (struct delivery){0};
}

/* Objects lie by kind and then by parent, so that two parts share one where one's end is the other's
 * beginning. */
static bool
touch(const struct delivery *d, const struct part *one, const struct part *other)
{
	const struct object *a = &d->object[one->first], *b = &d->object[other->first];

	return a->kind == b->kind &&
	       (delivery_same_parent(&a[one->count - 1], b) || delivery_same_parent(&b[other->count - 1], a));
}

/* One JSON array of so many of the part's objects, sealed; -1 with errno. */
static int
seal(const struct delivery *d, const struct part *p, size_t count)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int fd = -1;

	if (out == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%c%s", i == 0 ? '[' : ',', d->object[p->first + i].json);
	fputc(']', out);
	if (fclose(out) == 0)
		fd = io_sealed("objects", text, length);
	free(text);
	return fd;
}

/* May it go now?  A job goes alone. */
static bool
may_go(const struct delivery *d, const struct part *p, int64_t now_ms)
{
	const struct part *other;

	if (p->under_way || d->stopped || (d->paused && p->bulk.job[0] == '\0'))
		return false;
	if (p->bulk.stage != BULK_NONE)
		return d->under_way == 0 && now_ms >= p->bulk.next_ms;
	TAILQ_FOREACH(other, &d->parts, others)
	if (other->under_way && (other->bulk.stage != BULK_NONE || touch(d, p, other)))
		return false;
	return true;
}

/* The first that may; behind a job, and one that has to wait for it, nothing does. */
static struct part *
next_part(const struct delivery *d, int64_t now_ms)
{
	struct part *p;

	TAILQ_FOREACH(p, &d->parts, others)
	if (may_go(d, p, now_ms))
		return p;
	else if (p->bulk.stage != BULK_NONE)
		return NULL;
	return NULL;
}

struct part *
delivery_next(struct delivery *d, int64_t now_ms, int *ret_fd, size_t *ret_count)
{
	struct part *p = d->under_way < AT_ONCE ? next_part(d, now_ms) : NULL;
	bool all;

	*ret_fd = -1;
	if (p == NULL)
		return NULL;
	all = p->bulk.stage == BULK_NONE || p->bulk.stage == BULK_UPLOAD || p->bulk.stage == BULK_RESULTS;
	*ret_count = all ? p->count : 1;
	*ret_fd = seal(d, p, *ret_count);
	if (*ret_fd < 0) {
		*ret_fd = NO_MEMORY_FD;
		return NULL;
	}
	p->under_way = true;
	d->under_way++;
	for (size_t i = 0; i < p->count; i++)
		d->object[p->first + i].told = false;
	return p;
}

int64_t
delivery_due_ms(const struct delivery *d)
{
	const struct part *p = TAILQ_FIRST(&d->parts);

	return p != NULL && p->bulk.stage != BULK_NONE && !p->under_way ? p->bulk.next_ms : INT64_MAX;
}

bool
delivery_has_job(const struct delivery *d)
{
	const struct part *p;

	if (d->number == NULL)
		return false;
	TAILQ_FOREACH(p, &d->parts, others)
	if (p->bulk.job[0] != '\0')
		return true;
	return false;
}

/* ---- results ---- */

static struct part *
find_part(struct delivery *d, int64_t number)
{
	struct part *p;

	TAILQ_FOREACH(p, &d->parts, others)
	if (p->number == number && p->under_way)
		return p;
	return NULL;
}

static enum object_result
object_result(enum send_result result)
{
	return result == SEND_DELIVERED ? OBJECT_SENT : result == SEND_HELD ? OBJECT_HELD : OBJECT_LATER;
}

static void
set_object(struct object *o, enum object_result result, int64_t status, const char *why)
{
	o->result = result;
	o->status = status;
	free(o->why);
	o->why = result != OBJECT_SENT && why != NULL ? strdup(why) : NULL;
}

bool
delivery_row(struct delivery *d, const struct send_report *report)
{
	const struct part *p = find_part(d, report->delivery);
	struct object *o;

	if (p == NULL || report->row < 0 || (size_t) report->row >= p->count)
		return false;
	o = &d->object[p->first + (size_t) report->row];
	if (o->told)
		return false;
	o->told = true;
	set_object(o, object_result(report->result), report->status, report->code);
	return true;
}

static void
keep_why(struct delivery *d, const struct send_report *report)
{
	if (report->result != SEND_DELIVERED)
		d->status = report->status;
	if (report->why != NULL)
		snprintf(d->why, sizeof(d->why), "%s", report->why);
	if (report->wait_s > d->wait_s)
		d->wait_s = report->wait_s;
	if (report->whole > 0 && report->used >= report->whole - report->whole / 5) {
		int64_t pause_s = connector_limit_pause_s(d->connector);

		d->wait_s = d->wait_s > pause_s ? d->wait_s : pause_s;
		d->paused = true;
		snprintf(d->why, sizeof(d->why), "over four fifths of its limit are used: %lld of %lld",
		         (long long) report->used, (long long) report->whole);
	}
}

/* All that was refused so far, with nothing taken? */
static bool
refuses_all(const struct delivery *d)
{
	size_t held = 0;

	for (size_t i = 0; i < d->count; i++)
		if (d->object[i].result == OBJECT_SENT)
			return false;
		else
			held += d->object[i].result == OBJECT_HELD;
	return held >= REFUSES_ALL;
}

/* Refused as a whole: which of its objects it is for is found by halves.  False: no memory. */
static bool
halve(struct delivery *d, struct part *p, int64_t *next_number)
{
	struct part *first = TAILQ_FIRST(&d->parts);
	size_t half = p->count / 2;

	return delivery_add_part(d, first, p->first, half, next_number) != NULL &&
	       delivery_add_part(d, first, p->first + half, p->count - half, next_number) != NULL;
}

struct part *
delivery_job_of(struct delivery *d, const struct send_report *report)
{
	struct part *p = find_part(d, report->delivery);

	return p != NULL && p->bulk.stage != BULK_NONE ? p : NULL;
}

void
delivery_finish(struct delivery *d, struct part *p, const struct send_report *report)
{
	keep_why(d, report);
	for (size_t i = 0; i < p->count; i++) {
		struct object *o = &d->object[p->first + i];

		if (!o->told && report->result == SEND_RETRY && report->wait_s > 0)
			set_object(o, OBJECT_UNSENT, report->status, report->why); /* a pause is no refusal */
		else if (!o->told)
			set_object(o, object_result(report->result), report->status, report->why);
	}
	drop_part(d, p);
	d->paused |= report->result == SEND_RETRY;
	d->stopped |= report->result == SEND_STOP;
	/* a target that lost all that it is asked for refuses nothing */
	if (!d->reads && !d->stopped && refuses_all(d)) {
		d->stopped = true;
		if (d->why[0] == '\0')
			snprintf(d->why, sizeof(d->why), "it refuses all that it is told");
	}
}

bool
delivery_done(struct delivery *d, const struct send_report *report, int64_t *next_number)
{
	struct part *p = find_part(d, report->delivery);
	bool whole = true;

	if (p == NULL)
		return false;
	for (size_t i = 0; i < p->count; i++)
		whole &= !d->object[p->first + i].told;
	if (report->result != SEND_HELD || p->count == 1 || !whole) {
		delivery_finish(d, p, report);
		return true;
	}
	keep_why(d, report);
	if (!halve(d, p, next_number))
		d->paused = true;
	drop_part(d, p);
	return true;
}

bool
delivery_is_over(const struct delivery *d)
{
	return d->under_way == 0 && (TAILQ_EMPTY(&d->parts) || d->stopped || (d->paused && !delivery_has_job(d)));
}

void
delivery_cut(struct delivery *d, const char *why)
{
	struct part *p;

	while ((p = TAILQ_FIRST(&d->parts)) != NULL) {
		for (size_t i = 0; i < p->count; i++)
			if (p->under_way && !d->object[p->first + i].told)
				set_object(&d->object[p->first + i], OBJECT_LATER, 0, why);
		drop_part(d, p);
	}
	d->paused = true;
	d->status = 0;
	snprintf(d->why, sizeof(d->why), "%s", why);
}

const char *
delivery_result(struct delivery *d, int64_t *ret_wait_s)
{
	bool some = false;

	for (size_t i = 0; i < d->count; i++)
		some |= d->object[i].result == OBJECT_SENT || d->object[i].result == OBJECT_HELD;
	*ret_wait_s = d->wait_s > 0 ? d->wait_s : -1;
	if (d->stopped)
		return "stopped";
	/* where one was taken the others wait by themselves: all again would never end at a target that bounds
	 * calls */
	return d->paused && !some ? "again" : "done";
}

char *
delivery_objects(const struct delivery *d)
{
	struct json_build b = {0};
	size_t length;

	json_open_list(&b, NULL);
	for (size_t i = 0; i < d->count; i++) {
		const struct object *o = &d->object[i];

		json_open_map(&b, NULL);
		json_text(&b, "kind", connector_kinds[o->kind]);
		json_text(&b, "key", o->key);
		json_text(&b, "subject", o->subject);
		json_text(&b, "result", result_words[o->result]);
		if (o->status > 0)
			json_int(&b, "status", o->status);
		json_text(&b, "why", o->why);
		json_close(&b);
	}
	json_close(&b);
	return json_take(&b, &length);
}
