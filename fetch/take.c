/*
 * Bringing one file: size and time agree before, on the open handle and after;
 * every byte up to the size came and none lies behind it; its hash is the
 * partner's where there is one.  Only then does it get its name in the spool.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fetch/fetch.h"
#include "fetch/names.h"
#include "fetch/partial.h"
#include "fetch/reply.h"
#include "fetch/watch.h"
#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/hash/checksum_file.h"

#define DEPTH 64
#define PROGRESS_MS 2000

/* How one attempt ended. */
enum take {
	TAKE_WHOLE,
	TAKE_SAME,   /* read again, and it still is what we had */
	TAKE_LATER,  /* not now: it grows, is being replaced, its predecessor is still being handled */
	TAKE_FAILED, /* this file cannot be downloaded; others may */
	TAKE_CUT,    /* the connection is gone: what came is kept */
	TAKE_STOP,   /* the spool fails */
};

/* Reports why a file did not come. */
static enum take
later(struct fetch *f, const struct state_entry *e, const char *why)
{
	f->waiting++;
	REPLY(FETCH_WAITING, .name = e->name, .why = why);
	return TAKE_LATER;
}

static enum take
no(struct fetch *f, const struct state_entry *e, const char *why)
{
	f->failed++;
	REPLY(FETCH_FILE_FAILED, .name = e->name, .why = why);
	return TAKE_FAILED;
}

static enum take
spool_failed(struct fetch *f)
{
	fetch_stop(f, "spool", strerror(errno));
	return TAKE_STOP;
}

/* The file moved under us: it has to settle again. */
static enum take
moved(struct fetch *f, struct state_entry *e, const struct remote_attributes *a, const char *why)
{
	e->size = a->has_size && a->size <= INT64_MAX ? a->size : 0;
	e->mtime = a->has_mtime ? a->mtime : -1;
	e->first_seen = f->now;
	e->partial = 0;
	e->state = ENTRY_SEEN;
	return later(f, e, why);
}

static bool
is_same(const struct state_entry *e, const struct remote_attributes *a)
{
	return a->type != REMOTE_DIRECTORY && a->type != REMOTE_OTHER && a->has_size && a->size == e->size &&
	       (a->has_mtime ? a->mtime : -1) == e->mtime;
}

/* One answer of the server that is not what it should be. */
static enum take
refused(struct fetch *f, struct state_entry *e, enum remote_status status)
{
	if (status == REMOTE_CUT) {
		fetch_stop(f, "transfer", remote_why(f->remote));
		return TAKE_CUT;
	}
	if (status == REMOTE_ABSENT) {
		e->state = ENTRY_GONE;
		return later(f, e, "it is no longer there");
	}
	return no(f, e, remote_why(f->remote));
}

/* Reads to the size that was stated; what came is in the partial download, also when the end is a failure. */
static enum take
read_bytes(struct fetch *f, struct state_entry *e, struct partial *partial)
{
	static char buf[REMOTE_CHUNK];
	int64_t reported = watch_now_ms();
	while (partial->bytes < e->size) {
		size_t n;
		enum remote_status status = remote_read(f->remote, buf, &n);
		if (status == REMOTE_END)
			return no(f, e, "it ended before the size that the server stated");
		if (status != REMOTE_OK)
			return refused(f, e, status);
		if (partial_add(partial, buf, n))
			return spool_failed(f);
		if (watch_now_ms() - reported > PROGRESS_MS) {
			reported = watch_now_ms();
			REPLY(FETCH_PROGRESS, .name = e->name, .bytes = (int64_t) partial->bytes,
			      .size = (int64_t) e->size);
		}
	}
	return TAKE_WHOLE;
}

/* Is what we have all of it, and still it? */
static enum take
check_end(struct fetch *f, struct state_entry *e, const char *path)
{
	struct remote_attributes open_one, named;
	enum remote_status status = remote_read_beyond(f->remote, e->size);
	if (status != REMOTE_OK && status != REMOTE_END)
		return refused(f, e, status);
	bool more = status == REMOTE_OK;
	status = remote_read_stat(f->remote, &open_one);
	if (status == REMOTE_OK)
		status = remote_stat(f->remote, path, &named);
	if (status != REMOTE_OK)
		return refused(f, e, status);
	if (more)
		return moved(f, e, &named, "there is more of it than the server stated: it still grows");
	if (!is_same(e, &open_one) || !is_same(e, &named))
		return moved(f, e, &named, "it changed while it was read");
	return TAKE_WHOLE;
}

/* Does what the partner wrote behind "re-read" agree with what was kept from the last attempt? */
static enum take
check_overlap(struct fetch *f, struct state_entry *e, struct partial *partial)
{
	static char theirs[REMOTE_CHUNK], ours[REMOTE_CHUNK];
	for (uint64_t at = partial->overlap_from; at < partial->bytes;) {
		size_t n;
		enum remote_status status = remote_read(f->remote, theirs, &n);
		if (status == REMOTE_END)
			return no(f, e, "it ended before the size that the server stated");
		if (status != REMOTE_OK)
			return refused(f, e, status);
		if (n > partial->bytes - at)
			return no(f, e, "the server sent more than was asked for");
		if (pread(partial->fd, ours, n, (off_t) at) != (ssize_t) n)
			return spool_failed(f);
		if (memcmp(ours, theirs, n) != 0) {
			e->partial = 0;
			return later(f, e, "it is not the file that was begun: it is downloaded again from the start");
		}
		at += n;
	}
	return TAKE_WHOLE;
}

static enum take
read_file(struct fetch *f, struct state_entry *e, const char *path, struct partial *partial)
{
	unsigned depth = e->serial ? 1 : DEPTH;
	enum take result = TAKE_WHOLE;
	watch_phase(WATCH_BYTES);
	if (partial->bytes > partial->overlap_from) {
		/* two reads, so that an answer never spans the seam */
		enum remote_status status =
		    remote_read_open(f->remote, path, partial->overlap_from, partial->bytes, depth);
		if (status != REMOTE_OK)
			return refused(f, e, status);
		result = check_overlap(f, e, partial);
		if (result != TAKE_CUT)
			remote_read_close(f->remote);
		if (result != TAKE_WHOLE)
			return result;
	}
	enum remote_status status = remote_read_open(f->remote, path, partial->bytes, e->size, depth);
	if (status != REMOTE_OK)
		return refused(f, e, status);
	result = read_bytes(f, e, partial);
	watch_phase(WATCH_ANSWERS);
	if (result == TAKE_WHOLE)
		result = check_end(f, e, path);
	if (result != TAKE_CUT)
		remote_read_close(f->remote);
	return result;
}

/* The hash that the partner put beside the file. */
static enum take
check_sidecar(struct fetch *f, struct state_entry *e, const char *path, const uint8_t sha256[SHA256_BYTES])
{
	static char text[CHECKSUM_FILE_BYTES + REMOTE_CHUNK];
	char sidecar[NAME_PATH_SIZE];
	uint8_t stated[SHA256_BYTES];
	size_t len = 0, n = 0;
	int size = snprintf(sidecar, sizeof(sidecar), "%s%s", path, f->job.sidecar_suffix);
	if (size < 0 || size >= NAME_PATH_SIZE)
		return no(f, e, "its sidecar file's path is too long");
	enum remote_status status = remote_read_open(f->remote, sidecar, 0, CHECKSUM_FILE_BYTES, 1);
	while (status == REMOTE_OK && len < CHECKSUM_FILE_BYTES) {
		status = remote_read(f->remote, text + len, &n);
		len += status == REMOTE_OK ? n : 0;
	}
	if (status != REMOTE_CUT)
		remote_read_close(f->remote);
	if (status == REMOTE_CUT || (status != REMOTE_OK && status != REMOTE_END))
		return refused(f, e, status);
	if (!checksum_file_read(text, len, stated))
		return later(f, e, "its checksum file has no SHA-256 (yet)");
	if (memcmp(stated, sha256, SHA256_BYTES) != 0)
		return later(f, e, "its SHA-256 is not the one that the checksum file states");
	return TAKE_WHOLE;
}

static void
note_fetched(const struct fetch *f, struct state_entry *e, const uint8_t sha256[SHA256_BYTES])
{
	e->fetched = f->now;
	e->partial = 0;
	e->serial = false;
	e->missing = 0;
	memcpy(e->sha256, sha256, SHA256_BYTES);
}

/*
 * Gives the whole file its name in the spool.  That we have it is noted before: once it has its name it can
 * be posted, and a run that ends there must not bring it again, or the partner is answered for a duplicate.
 * Where it is not known whether it got its name, the next run finds out (fetch_finish_stores).
 */
static enum take
store(struct fetch *f, struct state_entry *e, struct partial *partial, const char *stored,
      const uint8_t sha256[SHA256_BYTES])
{
	struct state_entry before = *e;
	note_fetched(f, e, sha256);
	e->state = ENTRY_FETCHED;
	e->storing = true;
	if (state_note(f->state, e) ||
	    io_move_durably(partial->fd, f->work, partial->name, f->job.spool_fd, stored)) {
		if (errno != EEXIST)
			return spool_failed(f);
		*e = before;
		return later(f, e, "an earlier file of this name is still being handled");
	}
	e->storing = false;
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)];
	REPLY(FETCH_FILE, .name = e->name, .stored = stored, .size = (int64_t) e->size, .mtime = e->mtime,
	      .sha256 = text_hex(hex, sha256, SHA256_BYTES));
	return TAKE_WHOLE;
}

/* From an open partial download to the name in the spool. */
static enum take
bring(struct fetch *f, struct state_entry *e, const char *path, const char *stored, struct partial *partial)
{
	uint8_t sha256[SHA256_BYTES];
	enum take result = read_file(f, e, path, partial);
	if (result == TAKE_CUT && partial_keep(partial, e))
		return spool_failed(f);
	if (result != TAKE_WHOLE)
		return result;
	partial_hash(partial, sha256);
	if (f->job.sidecar == FETCH_SHA256)
		result = check_sidecar(f, e, path, sha256);
	bool again = e->state == ENTRY_LEFT && memcmp(e->sha256, sha256, SHA256_BYTES) == 0;
	if (result == TAKE_WHOLE)
		result = again ? TAKE_SAME : store(f, e, partial, stored, sha256);
	if (result == TAKE_SAME)
		note_fetched(f, e, sha256);
	if (result == TAKE_WHOLE) {
		f->files++;
		f->bytes += (int64_t) e->size;
	}
	return result;
}

bool
fetch_finish_stores(struct fetch *f)
{
	for (size_t i = 0; i < state_count(f->state); i++) {
		struct state_entry *e = state_at(f->state, i);
		char partial[PARTIAL_NAME_SIZE];
		struct stat st;
		if (!e->storing)
			continue;
		partial_name(partial, e);
		bool stored = fstatat(f->work, partial, &st, AT_SYMLINK_NOFOLLOW) < 0;
		if (stored && errno != ENOENT)
			return fetch_stop(f, "spool", strerror(errno));
		e->storing = false;
		if (!stored)
			e->state = ENTRY_SEEN;
		/* before the partial download is swept away */
		if (state_note(f->state, e))
			return fetch_stop(f, "spool", strerror(errno));
	}
	return true;
}

bool
fetch_take(struct fetch *f, struct state_entry *e)
{
	char path[NAME_PATH_SIZE], stored[NAME_STORED_SIZE];
	struct remote_attributes a;
	struct stat st;
	if (!fetch_path(f, path, e->name) || !name_store(stored, e->name)) {
		no(f, e, "its path is too long");
		return true;
	}
	if (fstatat(f->job.spool_fd, stored, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		later(f, e, "an earlier file of this name is still being handled");
		return true;
	}
	enum remote_status status = remote_stat(f->remote, path, &a);
	if (status != REMOTE_OK)
		return refused(f, e, status) != TAKE_CUT;
	if (!is_same(e, &a)) {
		moved(f, e, &a, "it changed since it was listed");
		return true;
	}
	struct partial partial;
	if (partial_open(&partial, f->work, e))
		return spool_failed(f) != TAKE_STOP;
	enum take result = bring(f, e, path, stored, &partial);
	/* a stall may be a server that answers out of order, which only libssh 0.10's pipeline minds */
	if (result == TAKE_CUT && watch_expired() != NULL)
		e->serial = true;
	bool drop = result != TAKE_CUT && result != TAKE_WHOLE && !e->storing;
	if (drop)
		e->partial = 0;
	int failed = state_note(f->state, e) ? errno : 0;
	/* only now: a partial download that is gone means that the noted file has its name */
	if (drop)
		partial_drop(&partial);
	partial_close(&partial);
	if (failed)
		return fetch_stop(f, "spool", strerror(failed));
	return result != TAKE_CUT && result != TAKE_STOP;
}
