/* What a source on an SFTP server may say. */
#include "lib/base/text.h"
#include "lib/base/zone.h"
#include "lib/config/config_check.h"
#include "lib/config/schedule.h"

#define PINS 8 /* as many as handback-fetch takes */
#define GLOBS 32
#define FINGERPRINT_CHARACTERS 43 /* of base64 in SHA256:... */

static const struct yaml_node *
at(struct yaml_node *map, const char *key)
{
	const struct yaml_node *child = yaml_get(map, key);

	return child != NULL ? child : map;
}

static size_t
count_texts(const char *const *texts)
{
	size_t count = 0;

	while (texts != NULL && texts[count] != NULL)
		count++;
	return count;
}

/* "HH:MM" in minutes, up to 24:00; -1 for anything else. */
static int
minute_of(const char *text)
{
	char hours[3] = {text[0], text[0] != '\0' ? text[1] : '\0', '\0'};
	int64_t h, m;

	return strlen(text) == 5 && text[2] == ':' && text_int(hours, 0, 24, &h) &&
	               text_int(text + 3, 0, h == 24 ? 0 : 59, &m)
	           ? (int) (h * 60 + m)
	           : -1;
}

bool
config_window(const char *text, int *ret_from, int *ret_to)
{
	char from[6] = "";
	int a, b;

	if (strlen(text) != 11 || text[5] != '-')
		return false;
	memcpy(from, text, 5);
	a = minute_of(from);
	b = minute_of(text + 6);
	if (a < 0 || b < 0 || a == b)
		return false;
	*ret_from = a;
	*ret_to = b;
	return true;
}

/* "SHA256:..." or "ssh-ed25519 SHA256:...". */
static bool
is_fingerprint(const char *pin)
{
	const char *space = strchr(pin, ' '), *hash = space != NULL ? space + 1 : pin;
	size_t type = space != NULL ? (size_t) (space - pin) : 1;

	return type > 0 && strncmp(hash, "SHA256:", 7) == 0 && strlen(hash + 7) == FINGERPRINT_CHARACTERS &&
	       strspn(hash + 7, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") ==
	           FINGERPRINT_CHARACTERS;
}

static void
check_host_keys(const struct config_sftp *sftp, struct yaml_node *n, struct problems *p)
{
	if (sftp->host_keys == NULL && sftp->known_hosts == NULL)
		yaml_error(p, n,
		           "host_keys is missing: the server's fingerprints; a server is never trusted unseen "
		           "(handbackctl source probe shows what it offers)");
	if (sftp->host_keys != NULL && sftp->known_hosts != NULL)
		yaml_error(p, at(n, "known_hosts"), "host_keys and known_hosts exclude each other: remove one");
	if (count_texts(sftp->host_keys) > PINS)
		yaml_error(p, at(n, "host_keys"), "at most %d", PINS);
	for (size_t i = 0; i < count_texts(sftp->host_keys); i++)
		if (!is_fingerprint(sftp->host_keys[i]))
			yaml_error(
			    p, at(n, "host_keys"),
			    "no fingerprint: SHA256: and %d characters, as ssh-keygen -l prints it, a type before it "
			    "or not",
			    FINGERPRINT_CHARACTERS);
}

/* Every {word} of a template is one that can be filled in. */
static void
check_template(const char *text, const char *key, struct yaml_node *n, struct problems *p)
{
	static const char *const words[] = {"{name}",    "{sha256}",    "{bytes}",    "{state}", "{time}",
	                                    "{records}", "{confirmed}", "{reversed}", "{held}",  NULL};

	for (; text != NULL && (text = strchr(text, '{')) != NULL; text++) {
		bool known = false;

		for (size_t i = 0; words[i] != NULL; i++)
			known = known || strncmp(text, words[i], strlen(words[i])) == 0;
		if (!known)
			yaml_error(p, at(n, key),
			           "no word for %.20s: there are name, sha256, bytes, state, time, records, "
			           "confirmed, reversed and held",
			           text);
	}
}

static void
check_after(const struct config_sftp *sftp, struct yaml_node *n, struct problems *p)
{
	if (sftp->after == CONFIG_AFTER_MOVE && sftp->after_directory == NULL)
		yaml_error(p, at(n, "after"), "move needs after_directory");
	if (sftp->after != CONFIG_AFTER_MOVE && sftp->after_directory != NULL)
		yaml_error(p, at(n, "after_directory"), "only for after: move");
	check_template(sftp->answer, "answer", n, p);
	check_template(sftp->answer_name, "answer_name", n, p);
	if (sftp->answer != NULL && strlen(sftp->answer) > 4096)
		yaml_error(p, at(n, "answer"), "at most 4096 bytes");
}

/* When it polls: an interval within windows, or a schedule. */
static void
check_times(const struct config_sftp *sftp, struct yaml_node *n, struct problems *p)
{
	struct schedule schedule;
	char why[200];
	int from, to;

	for (size_t i = 0; i < count_texts(sftp->window); i++)
		if (!config_window(sftp->window[i], &from, &to))
			yaml_error(p, at(n, "window"), "two times of day, as 06:00-22:30");
	if (!zone_known(sftp->zone))
		yaml_error(p, at(n, "zone"), "no time zone of this machine: one as UTC or Europe/Zurich");
	if (sftp->schedule == NULL) {
		if (yaml_get(n, "zone") != NULL)
			yaml_error(p, at(n, "zone"), "only for schedule: the times of a window are UTC");
		return;
	}
	if (!schedule_read(&schedule, sftp->schedule, why, sizeof(why)))
		yaml_error(p, at(n, "schedule"), "%s", why);
	if (yaml_get(n, "interval") != NULL || sftp->window != NULL)
		yaml_error(p, at(n, "schedule"), "schedule and interval or window exclude each other: remove one");
}

void
config_check_sftp(const struct config_source *source, struct yaml_node *n, struct problems *p)
{
	const struct config_sftp *sftp = &source->sftp;

	if (sftp->user == NULL)
		yaml_error(p, n, "user is missing: who to log in as");
	if (sftp->key == NULL && sftp->password == NULL)
		yaml_error(p, n, "key is missing: the file with the private key");
	if (sftp->passphrase != NULL && sftp->key == NULL)
		yaml_error(p, at(n, "passphrase"), "there is no key that it would open");
	check_host_keys(sftp, n, p);
	check_after(sftp, n, p);
	check_times(sftp, n, p);
	if (count_texts(source->files) > GLOBS || count_texts(source->ignore) > GLOBS)
		yaml_error(p, n, "at most %d patterns in files, and in ignore", GLOBS);
}
