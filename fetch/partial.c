#include "fetch/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/text.h"

#define SUFFIX ".part"
#define NAME_HASH_BYTES 16
#define OVERLAP (64 << 10)

void
partial_name(char buf[PARTIAL_NAME_SIZE], const struct state_entry *e)
{
	uint8_t sha256[SHA256_BYTES];
	char hex[TEXT_HEX_SIZE(NAME_HASH_BYTES)];
	struct sha256 *h = sha256_new();
	sha256_add(h, e->name, strlen(e->name) + 1);
	sha256_add(h, &e->size, sizeof(e->size));
	sha256_add(h, &e->mtime, sizeof(e->mtime));
	sha256_end(h, sha256);
	sha256_free(h);
	snprintf(buf, PARTIAL_NAME_SIZE, "%s" SUFFIX, text_hex(hex, sha256, NAME_HASH_BYTES));
}

/* Hashes the first `len` bytes into p->hash; false when they are not those that were kept. */
static bool
is_kept(struct partial *p, uint64_t len, const uint8_t expected[SHA256_BYTES])
{
	static char buf[64 << 10];
	uint8_t sha256[SHA256_BYTES];
	struct sha256 *check = sha256_new();
	uint64_t at = 0;
	while (at < len) {
		size_t want = len - at < sizeof(buf) ? (size_t) (len - at) : sizeof(buf);
		ssize_t n = pread(p->fd, buf, want, (off_t) at);
		if (n <= 0)
			break;
		sha256_add(check, buf, (size_t) n);
		sha256_add(p->hash, buf, (size_t) n);
		at += (uint64_t) n;
	}
	sha256_end(check, sha256);
	sha256_free(check);
	return at == len && memcmp(sha256, expected, SHA256_BYTES) == 0;
}

int
partial_open(struct partial *ret, int directory, const struct state_entry *e)
{
	struct partial p = {.directory = directory};
	partial_name(p.name, e);
	p.fd = openat(directory, p.name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0660);
	if (p.fd < 0)
		return -1;
	p.hash = sha256_new();
	if (e->partial > 0 && e->partial <= e->size && is_kept(&p, e->partial, e->partial_sha256))
		p.bytes = e->partial;
	else
		sha256_start(p.hash);
	p.overlap_from = p.bytes > OVERLAP ? p.bytes - OVERLAP : 0;
	if (ftruncate(p.fd, (off_t) p.bytes) || lseek(p.fd, (off_t) p.bytes, SEEK_SET) < 0) {
		int error = errno;
		partial_close(&p);
		errno = error;
		return -1;
	}
	*ret = p;
	return 0;
}

int
partial_add(struct partial *p, const void *bytes, size_t len)
{
	if (io_write_all(p->fd, bytes, len))
		return -1;
	sha256_add(p->hash, bytes, len);
	p->bytes += len;
	return 0;
}

void
partial_hash(struct partial *p, uint8_t ret_sha256[SHA256_BYTES])
{
	sha256_end(p->hash, ret_sha256);
}

int
partial_keep(struct partial *p, struct state_entry *e)
{
	if (p->bytes == 0)
		return 0;
	if (fsync(p->fd))
		return -1;
	sha256_end(p->hash, e->partial_sha256);
	e->partial = p->bytes;
	return 0;
}

void
partial_drop(struct partial *p)
{
	unlinkat(p->directory, p->name, 0);
}

void
partial_close(struct partial *p)
{
	sha256_free(p->hash);
	p->hash = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The names of all partial downloads that entries claim, as a tsearch tree; NULL too when there are none. */
static void *
claimed_partials(struct state_file *m)
{
	void *tree = NULL;
	for (size_t i = 0; i < state_count(m); i++) {
		char name[PARTIAL_NAME_SIZE];
		const struct state_entry *e = state_at(m, i);
		if (e->partial == 0 || e->state == ENTRY_GONE)
			continue;
		partial_name(name, e);
		char *copy = strdup(name);
		if (copy == NULL || tsearch(copy, &tree, by_text) == NULL)
			free(copy);
	}
	return tree;
}

void
partial_sweep(int directory, struct state_file *m)
{
	DIR *dir = io_list(directory, ".");
	if (dir == NULL)
		return;
	void *claimed = claimed_partials(m);
	struct dirent *d;
	while ((d = readdir(dir)) != NULL) {
		size_t len = strlen(d->d_name);
		bool partial = len > sizeof(SUFFIX) && strcmp(d->d_name + len - (sizeof(SUFFIX) - 1), SUFFIX) == 0;
		if (partial && tfind(d->d_name, &claimed, by_text) == NULL)
			unlinkat(directory, d->d_name, 0);
	}
	tdestroy(claimed, free);
	closedir(dir);
}
