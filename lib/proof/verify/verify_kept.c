/* The kept files: every byte that was delivered, hashed once more. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/db/params.h"
#include "lib/proof/verify/verify_internal.h"
#include "lib/proof/verify/verify_sql.h"
#include "lib/spool/archive.h"
#include "lib/spool/orphans.h"

#define BATCH 1000
#define CHUNK (1 << 20)

struct kept {
	struct verify *v;
	struct sha256 *hash;
	uint8_t *buf;        /* CHUNK */
	int64_t done, total; /* bytes */
	int count;           /* of missing */
	struct missing {
		int64_t file_id;
		char path[ARCHIVE_PATH_SIZE], shown[4 * LIMIT_NAME_BYTES + 1];
	} missing[VERIFY_KEPT]; /* what is not there, and was not purged as of the snapshot */
};

static enum verify_end
tell_file(struct kept *k, int64_t file_id, const char *shown, const char *path, const char *what)
{
	enum verify_end end = verify_differs(k->v, "file", NULL, "%s: %s", path, what);

	verify_last(k->v)->file_id = file_id;
	snprintf(verify_last(k->v)->file, sizeof(verify_last(k->v)->file), "%s", shown);
	return end;
}

static enum verify_end
file_differs(struct kept *k, const struct pg_result *r, int row, const char *path, const char *what)
{
	return tell_file(k, pg_int_of(r, row, "file_id"), pg_text_of(r, row, "name_shown"), path, what);
}

/* Hashes an open file; false with errno when it cannot be read. */
static bool
hash_file(struct kept *k, int fd, uint8_t ret_hash[SHA256_BYTES], int64_t *ret_bytes)
{
	int64_t bytes = 0;

	sha256_start(k->hash);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	for (;;) {
		ssize_t n = read(fd, k->buf, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		sha256_add(k->hash, k->buf, (size_t) n);
		bytes += n;
		k->done += n;
		verify_progress(k->v, "hashing kept files", "bytes", k->done, k->total);
	}
	sha256_end(k->hash, ret_hash);
	*ret_bytes = bytes;
	return true;
}

static void
count_purged(struct verify_counts *c, const char *day)
{
	if (c->purged++ == 0 || strcmp(day, c->purged_first) < 0)
		snprintf(c->purged_first, sizeof(c->purged_first), "%s", day);
	if (strcmp(day, c->purged_last) > 0)
		snprintf(c->purged_last, sizeof(c->purged_last), "%s", day);
}

/* Has this spool to have the files of a source? */
static bool
is_ours(const struct verify *v, const char *source)
{
	bool ours = v->sources == NULL;

	for (size_t i = 0; !ours && i < v->source_count; i++)
		ours = strcmp(v->sources[i], source) == 0;
	return ours;
}

#define NOT_THERE "the kept file cannot be opened: No such file or directory"

/* A copy that is not there: it was purged, is another spool's, or is to be asked for again (tell_missing). */
static enum verify_end
note_missing(struct kept *k, const struct pg_result *r, int row, const char *path)
{
	struct verify_counts *c = &k->v->counts;

	if (!pg_null_of(r, row, "purged_on")) {
		count_purged(c, pg_text_of(r, row, "purged_on"));
		return VERIFY_EQUAL;
	}
	if (!is_ours(k->v, pg_text_of(r, row, "source"))) {
		if (c->elsewhere++ == 0)
			snprintf(c->elsewhere_source, sizeof(c->elsewhere_source), "%s", pg_text_of(r, row, "source"));
		return VERIFY_EQUAL;
	}
	if (k->count == VERIFY_KEPT)
		return file_differs(k, r, row, path, NOT_THERE);
	struct missing *m = &k->missing[k->count++];
	m->file_id = pg_int_of(r, row, "file_id");
	snprintf(m->path, sizeof(m->path), "%s", path);
	snprintf(m->shown, sizeof(m->shown), "%s", pg_text_of(r, row, "name_shown"));
	return VERIFY_EQUAL;
}

/* Retention waits for nobody who verifies: what it purged since the snapshot is no difference. */
static enum verify_end
tell_missing(struct kept *k)
{
	enum verify_end end = VERIFY_EQUAL;
	enum pg_status status = k->count > 0 ? pg_rollback(k->v->pg) : PG_OK;

	if (status != PG_OK)
		return verify_failed(k->v, status);
	for (int i = 0; end == VERIFY_EQUAL && i < k->count; i++) {
		const struct missing *m = &k->missing[i];
		struct params p = {0};
		struct pg_result *r;

		param_int(&p, m->file_id);
		status = pg_run_prepared(k->v->pg, sql_verify_purged, p.n, p.value, &r);
		if (status != PG_OK)
			return verify_failed(k->v, status);
		if (pg_null_of(r, 0, "purged_on"))
			end = tell_file(k, m->file_id, m->shown, m->path, NOT_THERE);
		else
			count_purged(&k->v->counts, pg_text_of(r, 0, "purged_on"));
		pg_result_free(r);
	}
	return end;
}

static enum verify_end
check_bytes(struct kept *k, const struct pg_result *r, int row, const char *path)
{
	char message[LIMIT_MESSAGE_BYTES], hex[TEXT_HEX_SIZE(SHA256_BYTES)];
	uint8_t hash[SHA256_BYTES];
	int64_t bytes = 0;
	struct stat st;
	int fd = openat(k->v->spool, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT)
		return note_missing(k, r, row, path);
	if (fd < 0) {
		snprintf(message, sizeof(message), "the kept file cannot be opened: %s", strerror(errno));
		return file_differs(k, r, row, path, message);
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return file_differs(k, r, row, path, "what is kept is no file");
	}
	bool read_all = hash_file(k, fd, hash, &bytes);
	int number = errno;
	close(fd);
	if (!read_all) {
		snprintf(message, sizeof(message), "the kept file cannot be read: %s", strerror(number));
		return file_differs(k, r, row, path, message);
	}
	if (strcmp(text_hex(hex, hash, sizeof(hash)), pg_text_of(r, row, "sha256")) != 0) {
		snprintf(message, sizeof(message),
		         "the kept file has the SHA-256 %s and %" PRId64 " bytes; %s and %" PRId64 " were delivered",
		         hex, bytes, pg_text_of(r, row, "sha256"), pg_int_of(r, row, "bytes"));
		return file_differs(k, r, row, path, message);
	}
	k->v->counts.files++;
	k->v->counts.bytes += bytes;
	return VERIFY_EQUAL;
}

static enum verify_end
check_file(struct kept *k, const struct pg_result *r, int row)
{
	char path[ARCHIVE_PATH_SIZE], message[LIMIT_MESSAGE_BYTES];
	uint8_t sha256[SHA256_BYTES];
	size_t len = 0;

	if (!text_unhex(sha256, sizeof(sha256), pg_text_of(r, row, "sha256"), &len) || len != SHA256_BYTES)
		return file_differs(k, r, row, "handback.file", "its sha256 is none");
	archive_path(path, pg_true_of(r, row, "held"), pg_int_of(r, row, "file_id"), sha256,
	             pg_int_of(r, row, "decided_at"));
	if (pg_null_of(r, row, "archived_as")) {
		/* decided, and on its way to the archive: the next run brings it there */
		k->v->counts.waiting++;
		return VERIFY_EQUAL;
	}
	if (strcmp(pg_text_of(r, row, "archived_as"), path) != 0) {
		snprintf(message, sizeof(message), "handback.file says that it is kept as %.200s",
		         pg_text_of(r, row, "archived_as"));
		return file_differs(k, r, row, path, message);
	}
	return check_bytes(k, r, row, path);
}

static enum verify_end
check_all(struct kept *k)
{
	enum verify_end end = VERIFY_EQUAL;
	int64_t last = 0;
	int count = BATCH;

	while (end == VERIFY_EQUAL && count == BATCH) {
		struct params p = {0};
		struct pg_result *r;
		param_int(&p, last);
		param_int(&p, BATCH);
		enum pg_status status = pg_run_prepared(k->v->pg, sql_verify_files, p.n, p.value, &r);
		if (status != PG_OK)
			return verify_failed(k->v, status);
		count = pg_rows(r);
		for (int row = 0; end == VERIFY_EQUAL && row < count; row++) {
			end = check_file(k, r, row);
			last = pg_int_of(r, row, "file_id");
		}
		pg_result_free(r);
	}
	return end;
}

/* And the other way: nothing is kept that the database does not know. */
static enum verify_end
check_orphans(struct verify *v)
{
	struct orphans orphans;
	enum pg_status status = orphans_find(v->pg, v->spool, false, &orphans);

	if (status != PG_OK)
		return verify_failed(v, status);
	if (orphans.why[0] != '\0')
		return verify_differs(v, "file", NULL, "what is kept cannot be read: %s", orphans.why);
	if (orphans.path[0] != '\0')
		return verify_differs(v, "file", NULL,
		                      "%s: it is kept, and the database knows no such bytes: it is older than the "
		                      "archive, or another one (see the operator's guide, \"Backup and restore\")",
		                      orphans.path);
	return VERIFY_EQUAL;
}

enum verify_end
verify_kept(struct verify *v, const struct verify_totals *totals)
{
	struct kept *k = calloc(1, sizeof(*k));
	uint8_t *buf = malloc(CHUNK);
	enum verify_end end = VERIFY_MEMORY;

	if (k != NULL && buf != NULL) {
		k->v = v;
		k->total = totals->bytes;
		k->buf = buf;
		k->hash = sha256_new();
		end = check_all(k);
		sha256_free(k->hash);
		if (end == VERIFY_EQUAL)
			end = check_orphans(v);
		if (end == VERIFY_EQUAL)
			end = tell_missing(k);
	}
	free(buf);
	free(k);
	return end;
}
