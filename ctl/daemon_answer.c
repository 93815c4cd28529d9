#include "ctl/daemon_answer.h"

#include "lib/config/config.h"
#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/finance/output/memory.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_BYTES (4 << 20)
#define ANSWER_S 5

/* "2026-01-31 23:59:59.123456+00" of microseconds since 1970; NULL for none. */
static char *
moment(const char *us_text)
{
	int64_t us = 0;
	struct tm parts;
	char day[32];

	if (!us_text || !text_int(us_text, 1, INT64_MAX, &us))
		return NULL;
	time_t seconds = us / 1000000;
	gmtime_r(&seconds, &parts);
	strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &parts);
	return mem_format("%s.%06d+00", day, (int) (us % 1000000));
}

void
daemon_row(struct table *t, const struct json_node *node)
{
	char **cells = mem_new((size_t) t->column_count, sizeof(char *));

	for (int i = 0; i < t->column_count; i++) {
		const char *text = json_member(node, t->columns[i].key);
		if (t->columns[i].kind == COLUMN_TIME)
			cells[i] = moment(text);
		else if (t->columns[i].kind == COLUMN_BOOL)
			cells[i] = text ? mem_text(strcmp(text, "true") == 0 ? "t" : "f") : NULL;
		else
			cells[i] = mem_text(text);
	}
	table_row(t, (const char *const *) cells);
	for (int i = 0; i < t->column_count; i++)
		free(cells[i]);
	free(cells);
}

/* One line that the daemon answers with; NULL with errno. */
static char *
ask(const char *path, const char *question)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = ANSWER_S};
	char *answer = NULL;
	size_t len = 0;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	/* we say no more, so that it hangs up when it has answered */
	bool good = connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0 &&
	            io_write_all(fd, question, strlen(question)) == 0 && shutdown(fd, SHUT_WR) == 0 &&
	            io_read_all(fd, ANSWER_BYTES, &answer, &len) == 0;
	int saved = errno;
	close(fd);
	errno = saved;
	return good ? answer : NULL;
}

bool
daemon_rescan(const struct session *s)
{
	char *text = ask(s->config->control, "rescan\n");

	free(text);
	return text != NULL;
}

int
daemon_status(const struct session *s, struct json_node **ret)
{
	char *text = ask(s->config->control, "status\n");

	if (!text) {
		complain("no handbackd answers at %s: %s", s->config->control, strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	struct json_node *answer = json_parse(text);
	free(text);
	if (!answer || answer->kind != JSON_MAP || !json_member(answer, "state")) {
		complain("what handbackd answers at %s makes no sense", s->config->control);
		json_free(answer);
		return EXIT_INTERNAL;
	}
	*ret = answer;
	return EXIT_CLEAN;
}
