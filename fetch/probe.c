/*
 * What a server offers, for the one who writes the configuration: its host keys
 * of each type, its algorithms, its extensions, how long a listing takes, and,
 * where writing was allowed, how it renames and how far its clock is off.  Ends
 * with lines for the configuration, to be compared with the partner's own word.
 */
#include <errno.h>
#include <unistd.h>

#include "fetch/fetch.h"
#include "fetch/kexinit.h"
#include "fetch/names.h"
#include "fetch/reply.h"
#include "fetch/watch.h"
#include "lib/base/text.h"

#define HOST_KEY_TYPES 8

/* A key of each type that we would take; libssh needs a connection for each. */
static const char *const wanted_types[] = {
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", NULL};

static void
fact(const char *name, const char *value)
{
	REPLY(FETCH_FACT, .name = name, .value = value);
}

/* A comma list, with blanks so that a person's terminal can break it. */
static void
list(const char *name, const char *text)
{
	char spaced[2 * KEXINIT_LIST_BYTES];
	size_t used = 0;
	for (const char *c = text; *c && used + 3 < sizeof(spaced); c++) {
		spaced[used++] = *c;
		if (*c == ',')
			spaced[used++] = ' ';
	}
	spaced[used] = '\0';
	fact(name, spaced);
}

static void
number(const char *name, int64_t value)
{
	char digits[24];
	snprintf(digits, sizeof(digits), "%lld", (long long) value);
	fact(name, digits);
}

static bool
offers(const char *list, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = list; (at = strstr(at, word)) != NULL; at += len) {
		if ((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

static bool
probe_offer(struct fetch *f, struct kexinit *ret)
{
	static const struct {
		enum kexinit_list list;
		const char *name;
	} shown[] = {{KEXINIT_KEX, "key exchange"},
	             {KEXINIT_HOST_KEYS, "host key types"},
	             {KEXINIT_CIPHERS, "ciphers"},
	             {KEXINIT_MACS, "MACs"}};
	const char *why;
	struct remote *r = remote_new();
	if (r == NULL)
		return fetch_stop(f, "connect", strerror(ENOMEM));
	int fd = remote_dial(r, &f->target);
	bool ok = fd >= 0;
	if (!ok)
		fetch_stop(f, "connect", remote_why(r));
	else if (!(ok = kexinit_read(fd, f->job.connect_ms, ret, &why)))
		fetch_stop(f, "connect", why);
	remote_free(r);
	for (size_t i = 0; ok && i < sizeof(shown) / sizeof(*shown); i++)
		list(shown[i].name, ret->list[shown[i].list]);
	return ok;
}

/* One more key for the lines at the end; true when it was had. */
static bool
probe_host_key(struct fetch *f, const char *type, bool first, char *pin, size_t size)
{
	char one[64];
	enum remote_stage stage;
	struct remote_target target = f->target;
	snprintf(one, sizeof(one), "%s", type);
	target.host_key_types = one;
	struct remote *r = remote_new();
	bool ok = r != NULL && remote_open(r, &target, true, &stage);
	if (ok) {
		snprintf(pin, size, "%s %s", remote_host_key_type(r), remote_fingerprint(r));
		REPLY(FETCH_HOST_KEY, .type = remote_host_key_type(r), .fingerprint = remote_fingerprint(r));
		if (first)
			fact("server", remote_banner(r));
	}
	remote_free(r);
	return ok;
}

static void
probe_listing(struct fetch *f)
{
	const char *name;
	struct remote_attributes a;
	int64_t names = 0, start = watch_now_ms(), faults = 0;
	enum remote_status status = remote_list(f->remote, f->job.directory != NULL ? f->job.directory : ".");
	while (status == REMOTE_OK && names < f->job.listing) {
		status = remote_list_next(f->remote, &name, &a);
		if (status == REMOTE_OK) {
			names++;
			faults += name_fault(name) != NULL;
		}
	}
	if (status != REMOTE_OK && status != REMOTE_END) {
		fact("listing", remote_why(f->remote));
		return;
	}
	remote_list_end(f->remote);
	number("names in the directory", names);
	if (status == REMOTE_OK)
		fact("listing", "was not read to its end");
	number("names that would be refused", faults);
	number("listing took (ms)", watch_now_ms() - start);
}

/* Renames a file of ours onto another one of ours. */
static const char *
probe_rename(struct fetch *f, const char *one, const char *two)
{
	enum remote_status status = remote_write(f->remote, two, "two", 3);
	if (status == REMOTE_OK)
		status = remote_rename(f->remote, one, two);
	struct remote_attributes a;
	if (status == REMOTE_OK)
		return remote_stat(f->remote, one, &a) == REMOTE_ABSENT ? "overwrites an existing name"
		                                                        : "accepted, but nothing is done";
	return status == REMOTE_REFUSED || status == REMOTE_DENIED ? "refuses an existing name"
	                                                           : remote_why(f->remote);
}

static void
probe_writing(struct fetch *f)
{
	char one[NAME_PATH_SIZE], two[NAME_PATH_SIZE], name[64];
	struct remote_attributes a;
	struct timespec now;
	snprintf(name, sizeof(name), ".handback-probe-%ld", (long) getpid());
	if (!fetch_path(f, one, name))
		return;
	snprintf(name, sizeof(name), ".handback-probe-%ld-2", (long) getpid());
	if (!fetch_path(f, two, name))
		return;
	enum remote_status status = remote_write(f->remote, one, "one", 3);
	clock_gettime(CLOCK_REALTIME, &now);
	if (status != REMOTE_OK) {
		fact("writing", remote_why(f->remote));
		return;
	}
	fact("writing", "works");
	if (remote_stat(f->remote, one, &a) == REMOTE_OK && a.has_mtime)
		number("server's clock ahead of ours (s)", a.mtime - (int64_t) now.tv_sec);
	fact("rename", probe_rename(f, one, two));
	remote_remove(f->remote, one);
	remote_remove(f->remote, two);
}

static void
tell_extensions(const struct remote *r)
{
	char extension[TEXT_SHOWN_SIZE], all[LIMIT_MESSAGE_BYTES] = "";
	size_t used = 0;
	for (unsigned i = 0; remote_extension(r, i, extension, sizeof(extension)); i++) {
		int n = snprintf(all + used, sizeof(all) - used, "%s%s", used ? ", " : "", extension);
		if (n < 0 || (size_t) n >= sizeof(all) - used)
			break;
		used += (size_t) n;
	}
	fact("extensions", all);
}

static bool
probe_login(struct fetch *f)
{
	enum remote_stage stage;
	const struct remote_target *t = &f->target;
	if (t->pin_count == 0 && t->known_hosts_fd < 0) {
		fact("login", "not tried: no host key is trusted yet");
		return true;
	}
	if (t->key_fd < 0 && t->password_fd < 0) {
		fact("login", "not tried: there is neither a key nor a password");
		return true;
	}
	f->remote = remote_new();
	if (f->remote == NULL)
		return fetch_stop(f, "connect", strerror(ENOMEM));
	if (!remote_open(f->remote, t, false, &stage)) {
		fact("login", remote_why(f->remote));
		return fetch_stop(f, stage == REMOTE_AT_HOST_KEY ? "host_key" : "login", remote_why(f->remote));
	}
	fact("login", "works");
	fact("agreed key exchange", remote_kex(f->remote));
	fact("agreed cipher", remote_cipher(f->remote));
	tell_extensions(f->remote);
	int64_t most = remote_read_limit(f->remote);
	if (most > 0)
		number("bytes in one read", most);
	probe_listing(f);
	if (f->job.may_write)
		probe_writing(f);
	return true;
}

bool
fetch_probe(struct fetch *f)
{
	struct kexinit offer;
	char pins[HOST_KEY_TYPES][128];
	size_t count = 0;
	if (!probe_offer(f, &offer))
		return false;
	for (size_t i = 0; wanted_types[i] != NULL; i++) {
		if (offers(offer.list[KEXINIT_HOST_KEYS], wanted_types[i]) &&
		    probe_host_key(f, wanted_types[i], count == 0, pins[count], sizeof(pins[count])))
			count++;
	}
	if (count == 0)
		return fetch_stop(f, "connect", "no host key of a type that we take could be had");
	REPLY(FETCH_LINE, .text = "host_keys:  # compare with what the partner gave you in another way");
	for (size_t i = 0; i < count; i++) {
		char line[160];
		snprintf(line, sizeof(line), "  - \"%s\"", pins[i]);
		REPLY(FETCH_LINE, .text = line);
	}
	return probe_login(f);
}
