#include "lib/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "lib/base/text.h"

#define LINE_BYTES 8192
#define FIELDS 24

static const char *name = "handback";
static int threshold = LOG_INFO;
static bool to_journal;

struct log_field
log_text(const char *key, const char *text)
{
	return (struct log_field){.key = key, .bytes = text, .len = text != NULL ? strlen(text) : SIZE_MAX};
}

struct log_field
log_bytes(const char *key, const void *bytes, size_t len)
{
	return (struct log_field){.key = key, .bytes = bytes, .len = bytes != NULL ? len : SIZE_MAX};
}

struct log_field
log_int(const char *key, int64_t number)
{
	return (struct log_field){.key = key, .number = number};
}

struct log_field
log_errno(int number)
{
	return log_text("error", strerrordesc_np(number));
}

/* systemd says in JOURNAL_STREAM which device and inode its end has; stderr may have been redirected since.
 */
static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	if (stream == NULL || sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void
log_open(const char *program, int level)
{
	name = program;
	threshold = level;
	to_journal = stderr_is_journal();
}

void
log_set_level(int level)
{
	threshold = level;
}

struct line {
	char text[LINE_BYTES];
	size_t len; /* < LINE_BYTES - 1: room for the newline */
};

static void
put(struct line *line, const char *text)
{
	size_t len = strlen(text), room = LINE_BYTES - 2 - line->len;

	if (len > room)
		len = room;
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

/* A value, in quotes where it would not stand as one word. */
static void
put_value(struct line *line, const void *bytes, size_t len)
{
	char value[LINE_BYTES / 2];
	const char *at = value;

	text_escape(value, sizeof(value), bytes, len);
	if (value[0] != '\0' && strpbrk(value, " \"=") == NULL) {
		put(line, value);
		return;
	}
	put(line, "\"");
	for (size_t n = strcspn(at, "\""); n > 0 || *at != '\0'; n = strcspn(at, "\"")) {
		char part[LINE_BYTES / 2 + 2];

		snprintf(part, sizeof(part), "%.*s%s", (int) n, at, at[n] == '"' ? "\\\"" : "");
		put(line, part);
		at += n + (at[n] == '"');
	}
	put(line, "\"");
}

static void
put_field(struct line *line, const struct log_field *field)
{
	char number[24];

	if (field->bytes == NULL && field->len == SIZE_MAX)
		return;
	put(line, " ");
	put(line, field->key);
	put(line, "=");
	if (field->bytes != NULL) {
		put_value(line, field->bytes, field->len);
		return;
	}
	snprintf(number, sizeof(number), "%" PRId64, field->number);
	put(line, number);
}

static void
write_stderr(int level, const char *message, const struct log_field *fields)
{
	struct line line;
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	line.len = strftime(line.text, sizeof(line.text), "time=%Y-%m-%dT%H:%M:%S", &utc);
	line.len += (size_t) snprintf(line.text + line.len, sizeof(line.text) - line.len,
	                              ".%03ldZ level=%s program=%s msg=", now.tv_nsec / 1000000,
	                              log_level_word(level), name);
	put_value(&line, message, strlen(message));
	for (; fields != NULL && fields->key != NULL; fields++)
		put_field(&line, fields);
	line.text[line.len++] = '\n';
	/* one write, so that lines of several processes do not mix; when it fails there is nowhere to say so */
	if (write(STDERR_FILENO, line.text, line.len) < 0)
		return;
}

/* "SOURCE=airline"; the caller frees it.  NULL: leave out. */
static char *
journal_field(const struct log_field *field)
{
	char value[LINE_BYTES / 2], *text = NULL;
	int key_len = (int) strlen(field->key);

	if (field->bytes == NULL && field->len == SIZE_MAX)
		return NULL;
	if (field->bytes == NULL)
		snprintf(value, sizeof(value), "%" PRId64, field->number);
	else
		text_escape(value, sizeof(value), field->bytes, field->len);
	if (asprintf(&text, "%s=%s", field->key, value) < 0)
		return NULL;
	for (int i = 0; i < key_len; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] = (char) (text[i] - 'a' + 'A');
	return text;
}

static bool
write_journal(int level, const char *message, const struct log_field *fields)
{
	struct iovec parts[FIELDS + 3];
	char *texts[FIELDS];
	char priority[16], identifier[64], said[LINE_BYTES];
	struct line line = {.len = 0};
	int n = 0, texts_count = 0, rc;

	put(&line, message);
	for (const struct log_field *f = fields; f != NULL && f->key != NULL && texts_count < FIELDS; f++) {
		char *text = journal_field(f);

		put_field(&line, f);
		if (text == NULL)
			continue;
		texts[texts_count++] = text;
		parts[n++] = (struct iovec){text, strlen(text)};
	}
	line.text[line.len] = '\0';
	snprintf(priority, sizeof(priority), "PRIORITY=%d", level);
	snprintf(identifier, sizeof(identifier), "SYSLOG_IDENTIFIER=%s", name);
	snprintf(said, sizeof(said), "MESSAGE=%.*s", LINE_BYTES - 16, line.text);
	parts[n++] = (struct iovec){priority, strlen(priority)};
	parts[n++] = (struct iovec){identifier, strlen(identifier)};
	parts[n++] = (struct iovec){said, strlen(said)};
	rc = sd_journal_sendv(parts, n);
	while (texts_count > 0)
		free(texts[--texts_count]);
	return rc >= 0;
}

void
log_write(int level, const char *message, const struct log_field *fields)
{
	int saved = errno;

	if (level <= threshold && !(to_journal && write_journal(level, message, fields)))
		write_stderr(level, message, fields);
	errno = saved;
}
