#include "daemon/mail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/protocol/notification.h"

#define LINE_BYTES 57 /* 76 characters of base64 */
#define BOUNDARY "handback-report" /* no base64 has a "-" */

char *
mail_list(const char *notification)
{
	struct json *said = json_parse(notification);
	const char *to = json_string_of(said, NOTIFICATION_MAIL);
	char *list = to != NULL && notification_recipients(to) ? strdup(to) : NULL;

	json_free(said);
	return list;
}

/* A mail that is being written; NULL with errno. */
static FILE *
begin(const char *to, const char *name, int *ret_fd)
{
	FILE *out;

	*ret_fd = memfd_create("mail", MFD_CLOEXEC);
	out = *ret_fd < 0 ? NULL : fdopen(dup(*ret_fd), "w");
	if (out == NULL) {
		if (*ret_fd >= 0)
			close(*ret_fd);
		return NULL;
	}
	fputs("To: ", out);
	for (const char *p = to; *p != '\0'; p++)
		if (*p == ',')
			fputs(",\n ", out);
		else
			putc(*p, out);
	fprintf(out, "\nSubject: handback: %.*s\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n", (int) strlen(name) - 5, name);
	return out;
}

/* The descriptor at its beginning, or -1 with errno. */
static int
end(FILE *out, int fd)
{
	bool written = fflush(out) == 0 && !ferror(out);

	if (fclose(out) == 0 && written && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	errno = EIO;
	return -1;
}

int
mail_plain(const char *to, const char *name, const char *notification)
{
	int fd;
	FILE *out = begin(to, name, &fd);

	if (out == NULL)
		return -1;
	fprintf(out, "Content-Type: text/plain; charset=utf-8\n\n%s", notification);
	return end(out, fd);
}

static void
put_part(FILE *out, const char *type, const char *file, const char *bytes, size_t len)
{
	char line[TEXT_BASE64_SIZE(LINE_BYTES)];

	fprintf(out, "--" BOUNDARY "\nContent-Type: %s\nContent-Transfer-Encoding: base64\n", type);
	if (file != NULL)
		fprintf(out, "Content-Disposition: attachment; filename=\"%s\"\n", file);
	putc('\n', out);
	for (size_t at = 0; at < len; at += LINE_BYTES)
		fprintf(out, "%s\n", text_base64(line, bytes + at, len - at < LINE_BYTES ? len - at : LINE_BYTES));
}

/* The file itself, or within a pack's own directory: its name stands in a header, and leads nowhere else. */
static bool
is_report(const char *name)
{
	const char *in = name != NULL ? strchr(name, '/') : NULL;

	if (in != NULL && (strchr(in + 1, '/') != NULL || in[1] == '.' || in[1] == '\0'))
		return false;
	return name != NULL && *name != '.' && *name != '/' && strlen(name) <= 240 &&
	       name[strspn(name, "/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")] == '\0';
}

static const char *
type_of(const char *file)
{
	const char *ending = strrchr(file, '.');

	if (ending != NULL && strcmp(ending, ".csv") == 0)
		return "text/csv; charset=utf-8";
	if (ending != NULL && strcmp(ending, ".json") == 0)
		return "application/json";
	return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
}

/* The report's bytes; NULL and why it does not come along. */
static char *
read_report(const char *reports, const char *file, size_t *ret_len, const char **ret_why)
{
	int dir = is_report(file) ? open(reports, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	char *bytes = NULL;

	if (dir < 0 || io_read_own_file(dir, file, MAIL_REPORT_BYTES, &bytes, ret_len) < 0)
		*ret_why = dir >= 0 && errno == EFBIG ? "It is longer than 10 MiB, and so is not attached."
		                                      : "It cannot be read, and so is not attached.";
	if (dir >= 0)
		close(dir);
	return bytes;
}

int
mail_report(const char *to, const char *name, const char *notification, const char *reports)
{
	struct json *said = json_parse(notification);
	const char *file = json_string_of(said, NOTIFICATION_REPORT), *message = json_string_of(said, "message"), *sums = json_string_of(said, "sums"),
	           *hash = json_string_of(said, "sha256"), *why = "It is attached.";
	size_t len = 0;
	char *bytes = read_report(reports, file, &len, &why), *text = NULL;
	int fd = -1, length = asprintf(&text, "%s\n\n%s\n%s\n%s%s\n", message != NULL ? message : "", sums != NULL ? sums : "", why, hash != NULL ? "SHA-256 " : "", hash != NULL ? hash : "");
	FILE *out = length < 0 ? NULL : begin(to, name, &fd);

	if (out != NULL) {
		fputs("Content-Type: multipart/mixed; boundary=\"" BOUNDARY "\"\n\n", out);
		put_part(out, "text/plain; charset=utf-8", NULL, text, (size_t) length);
		if (bytes != NULL)
			put_part(out, type_of(file), strchr(file, '/') != NULL ? strchr(file, '/') + 1 : file, bytes, len);
		fputs("--" BOUNDARY "--\n", out);
		fd = end(out, fd);
	}
	if (length >= 0)
		free(text);
	free(bytes);
	json_free(said);
	return out != NULL ? fd : -1;
}
