#include "lib/protocol/notification.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/json/json.h"

#define SUBJECT_BYTES 120 /* of a name; a hash stands for what is longer, or has other characters */
#define NAME_SIZE (SUBJECT_BYTES + 96)

/* FNV-1a: names apart, nothing more. */
static uint64_t
hash_of(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char) *text) * UINT64_C(1099511628211);
	return hash;
}

static void
name_of(const struct notification *notification, char name[NAME_SIZE])
{
	char subject[SUBJECT_BYTES + 1];
	size_t len = 0;
	const char *p = notification->subject;

	for (; *p != '\0' && len < SUBJECT_BYTES; p++)
		subject[len++] = *p > 0 && (isalnum((unsigned char) *p) || *p == '-' || *p == '_') ? *p : '.';
	subject[len] = '\0';
	if (strcmp(subject, notification->subject) == 0)
		snprintf(name, NAME_SIZE, "%.40s-%s.json", notification->kind, subject);
	else
		snprintf(name, NAME_SIZE, "%.40s-%s-%016" PRIx64 ".json", notification->kind, subject,
		         hash_of(notification->subject));
}

/* The text, the caller's to free; NULL: no memory. */
static char *
json_of(const struct notification *notification, size_t *ret_len)
{
	struct json_build b = {0};
	time_t now = time(NULL);
	struct tm parts;
	char at[32];

	gmtime_r(&now, &parts);
	strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &parts);
	json_open_map(&b, NULL);
	json_text(&b, "notification", notification->kind);
	json_text(&b, "at", at);
	json_text(&b, "subject", notification->subject);
	json_text(&b, "message", notification->message);
	for (int i = 0; i < NOTIFICATION_FIELDS && notification->fields[i].key != NULL; i++)
		if (notification->fields[i].text != NULL)
			json_text(&b, notification->fields[i].key, notification->fields[i].text);
	json_close(&b);
	return json_take(&b, ret_len);
}

static bool
is_plain(const char *text, size_t len, const char *others)
{
	for (size_t i = 0; i < len; i++)
		if (!(text[i] > 0 && isalnum((unsigned char) text[i])) && strchr(others, text[i]) == NULL)
			return false;
	return len > 0;
}

static bool
is_address(const char *text, size_t len)
{
	size_t local = strcspn(text, "@");
	const char *domain = text + local + 1;

	return local < len && local <= 64 && len - local <= 190 && strchr(".%+-", *text) == NULL && strchr(".-", *domain) == NULL &&
	       is_plain(text, local, "._%+-") && is_plain(domain, len - local - 1, ".-");
}

bool
notification_recipients(const char *list)
{
	size_t count = 0, len;

	for (bool more = true; more; list += len + more) {
		len = strcspn(list, ",");
		more = list[len] == ',';
		if (++count > NOTIFICATION_RECIPIENTS || !is_address(list, len))
			return false;
	}
	return true;
}

int
notification_put(int spool, const struct notification *notification)
{
	char name[NAME_SIZE], sent[NAME_SIZE + sizeof(NOTIFICATION_SENT)];
	size_t len = 0;
	char *text;
	int dir, result;

	name_of(notification, name);
	snprintf(sent, sizeof(sent), NOTIFICATION_SENT "/%s", name);
	if (faccessat(spool, sent, F_OK, 0) == 0)
		return 0;
	dir = io_make_dirs(spool, NOTIFICATION_DIR, 0700);
	if (dir < 0)
		return -1;
	text = json_of(notification, &len);
	result = text != NULL ? io_put_file(dir, name, 0600, text, len) : -1;
	free(text);
	if (result < 0 && errno == EEXIST)
		result = 0;
	else if (result == 0)
		result = 1;
	close(dir);
	return result;
}
