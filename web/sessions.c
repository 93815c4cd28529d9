#include "web/sessions.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SWEEP_S 5

struct session {
	char hash[TEXT_HEX_SIZE(SHA256_BYTES)]; /* of the cookie */
	struct desk_link *desk;                 /* NULL: there is none */
	int64_t began_s, seen_s;
};

struct sessions {
	struct event *sweep;
	struct session one[SESSIONS];
};

static int64_t
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t); /* a laptop's sleep is idle, too */
	return t.tv_sec;
}

static void
end(struct session *s)
{
	struct desk_link *desk = s->desk;

	*s = (struct session){.desk = NULL};
	desk_close(desk);
}

static bool
is_over(const struct session *s, int64_t now)
{
	return desk_is_gone(s->desk) || now - s->seen_s > SESSION_IDLE_S || now - s->began_s > SESSION_WHOLE_S;
}

static void
on_sweep(evutil_socket_t none, short what, void *context)
{
	struct sessions *all = context;

	(void) none, (void) what;
	for (size_t i = 0; i < SESSIONS; i++)
		if (all->one[i].desk != NULL && is_over(&all->one[i], now_s()))
			end(&all->one[i]);
}

struct sessions *
sessions_new(struct event_base *base)
{
	const struct timeval every = {.tv_sec = SWEEP_S};
	struct sessions *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return NULL;
	all->sweep = event_new(base, -1, EV_PERSIST, on_sweep, all);
	if (all->sweep != NULL && event_add(all->sweep, &every) == 0)
		return all;
	free(all);
	return NULL;
}

void
sessions_free(struct sessions *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < SESSIONS; i++)
		if (all->one[i].desk != NULL)
			end(&all->one[i]);
	event_free(all->sweep);
	free(all);
}

bool
sessions_add(struct sessions *all, struct desk_link *desk, char ret_cookie[SESSION_COOKIE_SIZE])
{
	for (size_t i = 0; i < SESSIONS; i++) {
		struct session *s = &all->one[i];

		if (s->desk != NULL && is_over(s, now_s()))
			end(s);
		if (s->desk == NULL && secret_text_make(ret_cookie, s->hash)) {
			s->desk = desk;
			s->began_s = s->seen_s = now_s();
			return true;
		}
	}
	desk_close(desk);
	return false;
}

static struct session *
find(struct sessions *all, const char *cookie)
{
	char hash[TEXT_HEX_SIZE(SHA256_BYTES)];

	if (cookie == NULL)
		return NULL;
	secret_text_hash(cookie, hash);
	for (size_t i = 0; i < SESSIONS; i++)
		if (all->one[i].desk != NULL && strcmp(all->one[i].hash, hash) == 0)
			return &all->one[i];
	return NULL;
}

struct desk_link *
sessions_find(struct sessions *all, const char *cookie)
{
	struct session *s = find(all, cookie);

	if (s != NULL && is_over(s, now_s())) {
		end(s);
		s = NULL;
	}
	if (s == NULL)
		return NULL;
	s->seen_s = now_s();
	return s->desk;
}

void
sessions_end(struct sessions *all, const char *cookie)
{
	struct session *s = find(all, cookie);

	if (s != NULL)
		end(s);
}
