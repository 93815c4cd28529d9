/*
 * handback-send: one target.  It holds that target's credential, speaks to its hosts by HTTPS alone, and
 * knows no database; its connector and what it tells come on descriptor 3, and what became of it goes there.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/io.h"
#include "lib/json/json.h"
#include "lib/sandbox/program.h"
#include "lib/yaml/yaml.h"
#include "outbound/send/send.h"
#ifdef TEST_BUILD
#include "lib/sandbox/attempt.h"
#endif

#define CHANNEL 3
#define CERTIFICATES "/etc/ssl/certs/ca-certificates.crt"
#define CERTIFICATES_BYTES (4 << 20)
#define MEMORY_BYTES (1LL << 30) /* eight deliveries, their requests and their answers are a third of it */
#define PORTS 16

int64_t
send_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

const char *
send_secret(const struct send *s, const char *name)
{
	for (size_t i = 0; i < s->job.credential_count; i++)
		if (strcmp(s->job.credential[i].name, name) == 0)
			return s->secret[i];
	return NULL;
}

/* ---- what goes to the outbox ---- */

/* Nobody is there any more, or no memory: deliveries without a last word are sent again. */
static _Noreturn void
leave(struct send *s, int code)
{
	for (size_t i = 0; i < SEND_CREDENTIALS; i++)
		if (s->secret[i] != NULL)
			explicit_bzero(s->secret[i], s->secret_len[i]);
	_exit(code);
}

/* No more comes in while something waits to go out, or enough is under way. */
static void
look_at_events(struct send *s)
{
	bool waits = s->out_sent < s->out.count;

	if (s->readable == NULL)
		return;
	if (waits)
		event_add(s->writable, NULL);
	if (waits || s->under_way >= SEND_UNDER_WAY || s->fault[0] != '\0')
		event_del(s->readable);
	else
		event_add(s->readable, NULL);
}

static void
flush_out(struct send *s)
{
	if (channel_packets_send(&s->out, &s->out_sent, CHANNEL) == 0) {
		channel_packets_free(&s->out);
		s->out = (struct channel_packets){NULL, 0, 0};
		s->out_sent = 0;
		if (s->fault[0] != '\0')
			leave(s, EXIT_FAILED);
	} else if (errno != EAGAIN && errno != EINTR) {
		leave(s, EXIT_FAILED);
	}
	look_at_events(s);
}

void
send_report(struct send *s, enum send_message message, const struct send_report *report)
{
	struct send_report kept = *report;
	struct message_line line;

	kept.why = send_hide(s, report->why);
	kept.code = send_hide(s, report->code);
	if (!send_report_encode(&line, &s->turn, message, &kept) ||
	    !channel_packets_add(&s->out, line.text, line.length, -1))
		leave(s, EXIT_INTERNAL);
	flush_out(s);
}

void
send_fault(struct send *s, const char *format, ...)
{
	va_list args;

	if (s->fault[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(s->fault, sizeof(s->fault), format, args);
	va_end(args);
	send_report(s, SEND_FAULT, &(const struct send_report){.why = s->fault});
}

/* ---- what comes from it ---- */

/* The list that the descriptor holds: of a file, since nothing else ends. */
static struct json *
read_objects(int fd, const struct send_delivery *delivery)
{
	struct stat st;
	struct json *list = NULL;
	char *text = NULL;
	size_t len;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && io_read_all(fd, SEND_OBJECTS_BYTES, &text, &len) == 0 &&
	    strlen(text) == len)
		list = json_parse(text);
	free(text);
	if (json_is_list(list) && json_count(list) == (size_t) delivery->objects)
		return list;
	json_free(list);
	return NULL;
}

/* One object alone, in its list. */
static void
take_points(struct send *s, const struct send_delivery *delivery, int fd)
{
	struct stat st;
	char *text = NULL;
	size_t len;

	if (!connector_sends_points(s->connector, delivery->reads ? POINTS_ASK : POINTS_SEND))
		send_fault(s, "handback-outbox: the connector has no points requests");
	else if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && delivery->objects == 1 &&
	         io_read_all(fd, SEND_OBJECTS_BYTES, &text, &len) == 0 && strlen(text) == len && len > 2 &&
	         text[0] == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		points_deliver(s, delivery, text);
	} else {
		free(text);
		send_fault(s, "handback-outbox: a points request without its object");
	}
}

static void
take_delivery(struct send *s, char *line, int passed)
{
	struct send_delivery delivery;
	char why[LIMIT_MESSAGE_BYTES];
	struct json *objects = NULL;
	int kind = 0;
	size_t most;

	if (!send_delivery_decode(&delivery, &s->turn, line, passed >= 0, why, sizeof(why))) {
		send_fault(s, "handback-outbox: %.300s", why);
		return;
	}
	if (strcmp(delivery.kind, CONNECTOR_POINTS) == 0) {
		take_points(s, &delivery, passed);
		return;
	}
	while (connector_kinds[kind] != NULL && strcmp(connector_kinds[kind], delivery.kind) != 0)
		kind++;
	if (connector_kinds[kind] == NULL || !connector_has(s->connector, (enum connector_kind) kind) ||
	    (delivery.reads && !connector_reads(s->connector, (enum connector_kind) kind)) ||
	    !deliver_knows_step(s, &delivery, (enum connector_kind) kind)) {
		send_fault(s, "handback-outbox: the connector does not tell of such objects");
		return;
	}
	most = delivery.reads             ? connector_read_batch(s->connector, (enum connector_kind) kind)
	       : delivery.step[0] != '\0' ? CONNECTOR_BULK_MOST
	                                  : connector_batch(s->connector);
	if ((size_t) delivery.objects > most)
		send_fault(s, "handback-outbox: more objects than one request tells of");
	else if ((objects = read_objects(passed, &delivery)) == NULL)
		send_fault(s, "handback-outbox: a delivery without its objects");
	else
		deliver(s, &delivery, (enum connector_kind) kind, objects);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static char line[MESSAGE_BYTES + 2];
	struct send *s = arg;
	size_t len;
	int passed = -1, got = channel_receive(CHANNEL, line, sizeof(line), &len, &passed);

	(void) fd, (void) what;
	if (got == 0)
		leave(s, EXIT_CLEAN);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0)
		send_fault(s, "handback-outbox: a packet that is none");
	else
		take_delivery(s, line, passed);
	if (passed >= 0)
		close(passed);
	look_at_events(s);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void) fd, (void) what;
	flush_out(arg);
}

/* ---- the beginning ---- */

/* No debugger, no endless memory. */
static void
prepare(void)
{
	harden_keys();
#ifndef __SANITIZE_ADDRESS__ /* which reserves address space by the terabyte */
	const struct rlimit memory = {MEMORY_BYTES, MEMORY_BYTES};
	setrlimit(RLIMIT_AS, &memory);
#endif
	signal(SIGPIPE, SIG_IGN);
	/* one lookup holds up all else: it ends early */
	setenv("RES_OPTIONS", "timeout:3 attempts:2", 1);
}

/* The last newline of a credential is its file's. */
static bool
read_credentials(struct send *s)
{
	for (size_t i = 0; i < s->job.credential_count; i++) {
		if (io_read_all(s->job.credential[i].fd, SEND_CREDENTIAL_BYTES, &s->secret[i], &s->secret_len[i]) !=
		    0) {
			send_fault(s, "the credential %s cannot be read: %s", s->job.credential[i].name,
			           strerrordesc_np(errno));
			return false;
		}
		if (s->secret_len[i] > 0 && s->secret[i][s->secret_len[i] - 1] == '\n')
			s->secret[i][--s->secret_len[i]] = '\0';
	}
	return true;
}

static bool
read_connector(struct send *s)
{
	struct problems *p = problems_new(s->job.target);
	const struct connector_login *login;
	char *text = NULL, buf[SEND_WHY_BYTES];
	const char *wrong;
	size_t len;

	if (io_read_all(s->job.connector_fd, SEND_CONNECTOR_BYTES, &text, &len) == 0)
		s->connector = connector_compile(text, len, p);
	if (s->connector == NULL)
		send_fault(s, "its connector has mistakes: %.300s",
		           problems_line(p, 0) != NULL ? problems_line(p, 0) : "it cannot be read");
	free(text);
	problems_free(p);
	if (s->connector == NULL)
		return false;
	for (size_t i = 0; (login = connector_login(s->connector, i)) != NULL; i++)
		if (connector_login_has_token(login))
			s->token_login = login;
	wrong = request_check_logins(s, buf, sizeof(buf));
	if (wrong != NULL)
		send_fault(s, "%s", wrong);
	return wrong == NULL;
}

/* Whom it trusts: by its own credential, or as the system does. */
static bool
read_certificates(struct send *s, const char **ret, size_t *ret_len)
{
	const char *name = connector_ca(s->connector);
	char *text = NULL;
	size_t len = 0;

	if (name != NULL) {
		*ret = send_secret(s, name);
		*ret_len = *ret != NULL ? strlen(*ret) : 0;
		if (*ret == NULL)
			send_fault(s, "the credential %s is missing", name);
		return *ret != NULL;
	}
	/* a machine without them reaches targets of its own alone */
	if (io_read_file(AT_FDCWD, CERTIFICATES, CERTIFICATES_BYTES, &text, &len) != 0 && errno != ENOENT) {
		send_fault(s, "%s: %s", CERTIFICATES, strerrordesc_np(errno));
		return false;
	}
	*ret = text != NULL ? text : "";
	*ret_len = len;
	return true;
}

/* From here on: these ports, no file, no local socket, no program. */
static bool
lock_down(struct send *s)
{
	uint16_t ports[PORTS + 1] = {53}, port;
	size_t count = 1, had;
	char why[SEND_WHY_BYTES + 1];
	const char *url;

	for (size_t i = 0; (url = connector_any_url(s->connector, i)) != NULL && count <= PORTS; i++) {
		port = http_port(url);
		for (had = 1; had < count && ports[had] != port; had++)
			;
		if (port != 0 && had == count)
			ports[count++] = port;
	}
	if (!sandbox_send(ports, count, s->job.no_landlock, why, sizeof(why))) {
		send_fault(s, "%s", why);
		return false;
	}
#ifdef TEST_BUILD
	attempt_escape();
#endif
	return true;
}

static bool
start(struct send *s)
{
	const char *certificates = NULL;
	size_t certificates_len = 0;
	char why[SEND_WHY_BYTES + 1];

	if (!read_credentials(s) || !read_connector(s) || !read_certificates(s, &certificates, &certificates_len))
		return false;
	s->base = event_base_new();
	s->http = s->base != NULL
	              ? http_new(s->base, certificates, certificates_len, connector_is_private(s->connector),
	                         connector_limit_header(s->connector), connector_remaining_header(s->connector), why,
	                         sizeof(why))
	              : NULL;
	if (s->http == NULL || fcntl(CHANNEL, F_SETFL, O_NONBLOCK) != 0) {
		send_fault(s, "%s", s->base == NULL ? "no memory" : s->http == NULL ? why : strerrordesc_np(errno));
		return false;
	}
	return lock_down(s);
}

int
main(void)
{
	static struct send s = {.turn = SEND_TURN_NEW};
	char why[LIMIT_MESSAGE_BYTES];

	prepare();
	send_job_init(&s.job);
	if (fcntl(CHANNEL, F_SETFD, FD_CLOEXEC) != 0 ||
	    !send_job_receive(CHANNEL, &s.job, &s.turn, why, sizeof(why))) {
		send_fault(&s, "%.300s", why);
		return EXIT_USAGE;
	}
	if (!start(&s))
		return EXIT_FAILED;
	s.readable = event_new(s.base, CHANNEL, EV_READ | EV_PERSIST, on_readable, &s);
	s.writable = event_new(s.base, CHANNEL, EV_WRITE, on_writable, &s);
	if (s.readable == NULL || s.writable == NULL)
		return EXIT_INTERNAL;
	send_report(&s, SEND_READY, &(const struct send_report){0});
	event_base_dispatch(s.base);
	leave(&s, EXIT_INTERNAL);
}
