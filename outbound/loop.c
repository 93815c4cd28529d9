#include "outbound/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "outbound/outbox_sql.h"
#include "outbound/partner.h"
#include "outbound/requests.h"
#include "outbound/target.h"

#define LIST_MS 1000   /* how often it is asked who is told: NOTIFY would have commits wait for one another */
#define OTHERS 2       /* descriptors that are no sender's */
#define REOPEN_MS 2000 /* between attempts to have the database again */
#define LEAVE_MS 10000 /* what is under way at the end may take so long */

TAILQ_HEAD(targets, target);
TAILQ_HEAD(partners, partner);

struct loop {
	struct tell tell;
	const struct sender_how *how;
	const char *requests;
	int stop;
	struct targets targets;
	struct partners partners; /* targets that are sent points requests */
	struct pollfd *fds;
	size_t fds_size;
	int64_t list_ms, leave_ms; /* leave_ms 0: it goes on */
	bool lost;                 /* the database is not there */
	bool listens;              /* for hints of points requests */
};

static void
drop(struct loop *l, struct target *t)
{
	TAILQ_REMOVE(&l->targets, t, others);
	target_free(t);
}

/* ---- the list ---- */

static struct target *
find(struct loop *l, const char *name)
{
	struct target *t;

	TAILQ_FOREACH(t, &l->targets, others)
	if (strcmp(t->life.name, name) == 0)
		return t;
	t = target_new(name, &l->tell);
	if (t != NULL)
		TAILQ_INSERT_TAIL(&l->targets, t, others);
	return t;
}

/* One target of the list; a version that came while it is told is taken when that is over. */
static enum pg_status
list_one(struct loop *l, const char *name, const char *version)
{
	struct target *t = find(l, name);
	struct pg_result *row = NULL;
	enum pg_status status;

	if (t == NULL)
		return PG_OK;
	t->listed = true;
	t->outdated = t->life.version != strtoll(version, NULL, 10);
	if (!t->outdated || !target_rests(t))
		return PG_OK;
	status = tell_connector(&l->tell, name, version, &row);
	if (status == PG_OK && pg_rows(row) == 1)
		status = target_change(t, strtoll(version, NULL, 10), pg_text_of(row, 0, "connector"));
	pg_result_free(row);
	return status;
}

static enum pg_status
list(struct loop *l)
{
	struct pg_result *rows = NULL;
	enum pg_status status = tell_targets(&l->tell, &rows);
	struct target *t, *next;

	if (status != PG_OK)
		return status;
	TAILQ_FOREACH(t, &l->targets, others)
	t->listed = false;
	for (int i = 0; i < pg_rows(rows) && status == PG_OK; i++)
		status = list_one(l, pg_text_of(rows, i, "name"), pg_text_of(rows, i, "version"));
	for (t = TAILQ_FIRST(&l->targets); t != NULL && status == PG_OK; t = next) {
		next = TAILQ_NEXT(t, others);
		if (!t->listed && target_rests(t))
			drop(l, t);
	}
	pg_result_free(rows);
	return status;
}

/* ---- the list of those that are sent points requests ---- */

static struct partner *
find_partner(struct loop *l, const char *name)
{
	struct partner *p;

	TAILQ_FOREACH(p, &l->partners, others)
	if (strcmp(p->life.name, name) == 0)
		return p;
	p = partner_new(name, l->tell.pg);
	if (p != NULL)
		TAILQ_INSERT_TAIL(&l->partners, p, others);
	return p;
}

static enum pg_status
list_partner(struct loop *l, const char *name, const char *version)
{
	struct partner *p = find_partner(l, name);
	const char *values[] = {name, version};
	struct pg_result *row = NULL;
	enum pg_status status;

	if (p == NULL)
		return PG_OK;
	p->listed = p->life.version == strtoll(version, NULL, 10);
	if (p->listed || partner_is_busy(p))
		return PG_OK;
	status = pg_run_prepared(l->tell.pg, sql_outbox_send_connector, 2, values, &row);
	if (status == PG_OK && pg_rows(row) == 1) {
		status = partner_change(p, strtoll(version, NULL, 10), pg_text_of(row, 0, "connector"));
		p->listed = true;
	}
	pg_result_free(row);
	return status;
}

static void
drop_partner(struct loop *l, struct partner *p)
{
	TAILQ_REMOVE(&l->partners, p, others);
	partner_free(p);
}

/* The poll is the truth, and this spares waiting for it. */
static void
take_hints(struct loop *l)
{
	struct partner *p;

	if (l->lost || !pg_hinted(l->tell.pg))
		return;
	TAILQ_FOREACH(p, &l->partners, others)
	partner_hint(p, clock_now_ms());
}

/* Once for each connection: only where there are partners at all. */
static enum pg_status
listen_for_hints(struct loop *l)
{
	enum pg_status status = PG_OK;

	if (!l->listens && !TAILQ_EMPTY(&l->partners))
		status = pg_run(l->tell.pg, sql_outbox_listen, 0, NULL, NULL);
	l->listens |= status == PG_OK && !TAILQ_EMPTY(&l->partners);
	return status;
}

static enum pg_status
list_partners(struct loop *l)
{
	struct pg_result *rows = NULL;
	enum pg_status status = pg_run_prepared(l->tell.pg, sql_outbox_targets_to_send, 0, NULL, &rows);
	struct partner *p, *next;

	if (status != PG_OK)
		return status;
	TAILQ_FOREACH(p, &l->partners, others)
	p->listed = false;
	for (int i = 0; i < pg_rows(rows) && status == PG_OK; i++)
		status = list_partner(l, pg_text_of(rows, i, "name"), pg_text_of(rows, i, "version"));
	for (p = TAILQ_FIRST(&l->partners); p != NULL && status == PG_OK; p = next) {
		next = TAILQ_NEXT(p, others);
		if (!p->listed && !partner_is_busy(p))
			drop_partner(l, p);
	}
	pg_result_free(rows);
	return status == PG_OK ? listen_for_hints(l) : status;
}

/* ---- the database ---- */

/* What the database said over one target: where it is there, and can say it, the others go on. */
static enum pg_status
bound(struct loop *l, struct target *t, enum pg_status status)
{
	if (status != PG_RETRY && status != PG_ERROR)
		return status;
	target_refused(t, pg_why(l->tell.pg), clock_now_ms());
	return PG_OK;
}

/* The same over one that is sent points requests. */
static enum pg_status
bound_partner(struct loop *l, struct partner *p, enum pg_status status)
{
	if (status != PG_RETRY && status != PG_ERROR)
		return status;
	partner_refused(p, pg_why(l->tell.pg), clock_now_ms());
	return PG_OK;
}

/* Whatever went wrong: all senders go, what was under way is sent again, and we begin anew. */
static void
lose(struct loop *l, enum pg_status status)
{
	struct target *t;
	struct partner *p;

	log_write(status == PG_ERROR ? LOG_ERR : LOG_WARNING, "the database does not go on: all is begun again",
	          LOG_FIELDS(log_text("why", pg_why(l->tell.pg))));
	while ((t = TAILQ_FIRST(&l->targets)) != NULL)
		drop(l, t);
	while ((p = TAILQ_FIRST(&l->partners)) != NULL)
		drop_partner(l, p);
	l->lost = true;
	l->listens = false;
	l->list_ms = clock_now_ms() + REOPEN_MS;
}

static void
step(struct loop *l)
{
	enum pg_status status = PG_OK;
	struct target *t;
	struct partner *p;

	if (l->lost && clock_now_ms() >= l->list_ms) {
		l->list_ms = clock_now_ms() + REOPEN_MS;
		if (l->leave_ms != 0 || pg_reopen(l->tell.pg) != PG_OK)
			return;
		log_write(LOG_NOTICE, "the database is there again", NULL);
		l->lost = false;
		l->list_ms = 0;
	}
	if (l->lost)
		return;
	if (l->leave_ms == 0 && clock_now_ms() >= l->list_ms) {
		l->list_ms = clock_now_ms() + LIST_MS;
		status = list(l);
		if (status == PG_OK)
			status = list_partners(l);
		if (status == PG_OK && l->requests != NULL)
			status = requests_step(l->tell.pg, l->requests);
		if (status == PG_OK)
			status = requests_close(l->tell.pg);
	}
	TAILQ_FOREACH(t, &l->targets, others)
	if (status == PG_OK)
		status = bound(l, t, target_step(t, l->how, clock_now_ms(), l->leave_ms != 0));
	TAILQ_FOREACH(p, &l->partners, others)
	if (status == PG_OK)
		status = bound_partner(l, p, partner_step(p, l->how, clock_now_ms(), l->leave_ms != 0));
	if (status != PG_OK)
		lose(l, status);
}

/* ---- waiting ---- */

static bool
is_busy(const struct loop *l)
{
	const struct target *t;
	const struct partner *p;

	TAILQ_FOREACH(t, &l->targets, others)
	if (target_sends(t))
		return true;
	TAILQ_FOREACH(p, &l->partners, others)
	if (partner_is_busy(p))
		return true;
	return false;
}

static int
time_left(const struct loop *l)
{
	int64_t next = l->leave_ms != 0 ? l->leave_ms : l->list_ms, left;
	const struct target *t;
	const struct partner *p;

	/* one that rests is not told anything any more where it ends */
	TAILQ_FOREACH(t, &l->targets, others)
	if ((l->leave_ms == 0 || !target_rests(t)) && target_next_ms(t) < next)
		next = target_next_ms(t);
	TAILQ_FOREACH(p, &l->partners, others)
	if ((l->leave_ms == 0 || partner_is_busy(p)) && partner_next_ms(p) < next)
		next = partner_next_ms(p);
	left = next - clock_now_ms();
	return left < 0 ? 0 : left > LIST_MS ? LIST_MS : (int) left;
}

/* Descriptor 0 is the stop, 1 the database; then the senders', in the order of the targets and the partners.
 * The count, or 0: no memory. */
static size_t
gather(struct loop *l)
{
	size_t count = OTHERS;
	struct target *t;
	struct partner *p;

	TAILQ_FOREACH(t, &l->targets, others)
	count++;
	TAILQ_FOREACH(p, &l->partners, others)
	count++;
	if (count > l->fds_size) {
		struct pollfd *more = reallocarray(l->fds, count, sizeof(*more));

		if (more == NULL)
			return 0;
		l->fds = more;
		l->fds_size = count;
	}
	l->fds[0] = (struct pollfd){.fd = l->leave_ms != 0 ? -1 : l->stop, .events = POLLIN};
	l->fds[1] = (struct pollfd){.fd = l->lost ? -1 : pg_descriptor(l->tell.pg), .events = POLLIN};
	count = OTHERS;
	TAILQ_FOREACH(t, &l->targets, others)
	l->fds[count++] = (struct pollfd){.fd = t->life.sender.channel, .events = POLLIN};
	TAILQ_FOREACH(p, &l->partners, others)
	l->fds[count++] = (struct pollfd){.fd = p->life.sender.channel, .events = POLLIN};
	return count;
}

static void
read_senders(struct loop *l)
{
	enum pg_status status = PG_OK;
	struct target *t;
	struct partner *p;
	size_t i = OTHERS;

	TAILQ_FOREACH(t, &l->targets, others)
	{
		if (l->fds[i++].revents != 0 && t->life.sender.channel >= 0)
			status = bound(l, t, life_read(&t->life, clock_now_ms()));
		if (status != PG_OK)
			break;
	}
	TAILQ_FOREACH(p, &l->partners, others)
	{
		if (status == PG_OK && l->fds[i++].revents != 0 && p->life.sender.channel >= 0)
			status = bound_partner(l, p, life_read(&p->life, clock_now_ms()));
	}
	if (status != PG_OK)
		lose(l, status);
}

int
loop_run(struct pg *pg, const struct sender_how *how, const char *requests, int stop)
{
	struct loop l = {.tell.pg = pg, .how = how, .requests = requests, .stop = stop};
	struct target *t;
	struct partner *p;
	int rc = 0;

	TAILQ_INIT(&l.targets);
	TAILQ_INIT(&l.partners);
	while (l.leave_ms == 0 || (is_busy(&l) && clock_now_ms() < l.leave_ms)) {
		size_t count;

		take_hints(&l);
		count = gather(&l);
		if (count == 0 || (poll(l.fds, count, time_left(&l)) < 0 && errno != EINTR)) {
			rc = -1;
			break;
		}
		if (l.fds[0].revents != 0)
			l.leave_ms = clock_now_ms() + LEAVE_MS;
		read_senders(&l);
		step(&l);
	}
	while ((t = TAILQ_FIRST(&l.targets)) != NULL)
		drop(&l, t);
	while ((p = TAILQ_FIRST(&l.partners)) != NULL)
		drop_partner(&l, p);
	free(l.fds);
	return rc;
}
