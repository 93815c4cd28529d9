#include "reconcile/decide/decided.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/limits.h"

#define BUFFER_BYTES 16384        /* of a run, before it is put aside */
#define MEMORY_BYTES (64UL << 20) /* that is put aside before the file begins */
#define OUTCOMES (OUTCOME_CLOSED + 1)

/* ---- a leaf as bytes: ours alone, and gone with the process ---- */

enum {
	TEXT_HOLD,
	TEXT_REFERENCE,
	TEXT_REASONS,
	TEXT_DETAIL,
	TEXT_CURRENCY,
	TEXT_MERCHANT,
	TEXT_PARTNER,
	TEXTS
};

/* What has a fixed size; the texts follow in the order above, then the next leaf. */
struct packed {
	int64_t record_no, byte_offset, byte_length, points;
	int64_t redemption_id, programme_id, member_id, redeemed_points, amount, transaction_type, redeemed_at;
	uint32_t len[TEXTS];
	uint8_t verdict, outcome;
	bool has_points, has_redemption, has_amount, has_transaction_type;
	uint8_t external_reference[16];
};

static size_t
text_lengths(const struct leaf *leaf, struct leaf_text text[TEXTS], uint32_t len[TEXTS])
{
	size_t all = 0;

	text[TEXT_HOLD] = leaf->hold_reason;
	text[TEXT_REFERENCE] = leaf->reference;
	text[TEXT_REASONS] = leaf->reasons;
	text[TEXT_DETAIL] = leaf->detail;
	text[TEXT_CURRENCY] = leaf->redemption.currency;
	text[TEXT_MERCHANT] = leaf->redemption.merchant;
	text[TEXT_PARTNER] = leaf->redemption.partner;
	for (int i = 0; i < TEXTS; i++) {
		len[i] = (uint32_t) text[i].len; /* a value of PostgreSQL's is shorter than 1 GiB */
		all += text[i].len;
	}
	return all;
}

static void
pack(uint8_t *to, const struct leaf *leaf, const struct leaf_text text[TEXTS], const uint32_t len[TEXTS])
{
	struct packed p = {.record_no = leaf->record_no,
	                   .byte_offset = leaf->byte_offset,
	                   .byte_length = leaf->byte_length,
	                   .points = leaf->points,
	                   .redemption_id = leaf->redemption.id,
	                   .programme_id = leaf->redemption.programme_id,
	                   .member_id = leaf->redemption.member_id,
	                   .redeemed_points = leaf->redemption.points,
	                   .amount = leaf->redemption.amount,
	                   .transaction_type = leaf->redemption.transaction_type,
	                   .redeemed_at = leaf->redemption.redeemed_at,
	                   .verdict = (uint8_t) leaf->verdict,
	                   .outcome = (uint8_t) leaf->outcome,
	                   .has_points = leaf->has_points,
	                   .has_redemption = leaf->has_redemption,
	                   .has_amount = leaf->redemption.has_amount,
	                   .has_transaction_type = leaf->redemption.has_transaction_type};

	memcpy(p.len, len, sizeof(p.len));
	memcpy(p.external_reference, leaf->redemption.external_reference, sizeof(p.external_reference));
	memcpy(to, &p, sizeof(p));
	to += sizeof(p);
	for (int i = 0; i < TEXTS; i++) {
		if (len[i] > 0)
			memcpy(to, text[i].data, len[i]);
		to += len[i];
	}
}

/* The bytes behind the leaf. */
static const uint8_t *
unpack(const uint8_t *from, int64_t decided_at, struct leaf *ret)
{
	struct packed p;
	struct leaf_text text[TEXTS];

	memcpy(&p, from, sizeof(p));
	from += sizeof(p);
	for (int i = 0; i < TEXTS; i++) {
		text[i] = (struct leaf_text){(const char *) from, p.len[i]};
		from += p.len[i];
	}
	*ret = (struct leaf){.record_no = p.record_no,
	                     .byte_offset = p.byte_offset,
	                     .byte_length = p.byte_length,
	                     .verdict = p.verdict,
	                     .outcome = p.outcome,
	                     .hold_reason = text[TEXT_HOLD],
	                     .reference = text[TEXT_REFERENCE],
	                     .reasons = text[TEXT_REASONS],
	                     .detail = text[TEXT_DETAIL],
	                     .has_points = p.has_points,
	                     .points = p.points,
	                     .decided_at = decided_at,
	                     .has_redemption = p.has_redemption,
	                     .redemption = {.id = p.redemption_id,
	                                    .programme_id = p.programme_id,
	                                    .member_id = p.member_id,
	                                    .points = p.redeemed_points,
	                                    .has_amount = p.has_amount,
	                                    .has_transaction_type = p.has_transaction_type,
	                                    .amount = p.amount,
	                                    .transaction_type = p.transaction_type,
	                                    .currency = text[TEXT_CURRENCY],
	                                    .merchant = text[TEXT_MERCHANT],
	                                    .partner = text[TEXT_PARTNER],
	                                    .redeemed_at = p.redeemed_at}};
	memcpy(ret->redemption.external_reference, p.external_reference, sizeof(p.external_reference));
	return from;
}

/* ---- runs ---- */

/* What was put aside: a buffer of its own, or a place in the file. */
struct piece {
	uint8_t *memory; /* NULL: in the file */
	off_t at;
	size_t len;
};

/* Whole leaves, in the order in which they came: first the pieces, then the buffer. */
struct run {
	uint8_t *buffer;
	size_t filled;
	struct piece *piece;
	size_t pieces, bytes; /* in them */
	size_t count;         /* leaves */
};

/* What was to be reversed, and is held. */
struct refused {
	int64_t redemption_id;
	char *why;
};

struct decided {
	int work, file; /* -1: not made yet */
	off_t end;      /* of the file */
	size_t memory;  /* put aside in memory */
	struct run *run;
	size_t runs;
	int64_t decided_at; /* of all: one transaction's time */
	struct decided_tally tally[OUTCOMES];
	int64_t records, unknown;
	int64_t *reversed, *reversed_points;
	size_t reversed_count;
	struct refused *refused; /* few */
	size_t refused_count;
	struct leaf *leaf; /* of the run that was loaded last, and what their texts point to */
	uint8_t *loaded;
};

struct decided *
decided_new(int work)
{
	struct decided *d = calloc(1, sizeof(*d));

	if (d != NULL) {
		d->work = work;
		d->file = -1;
	}
	return d;
}

void
decided_free(struct decided *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->runs; i++) {
		for (size_t k = 0; k < d->run[i].pieces; k++)
			free(d->run[i].piece[k].memory);
		free(d->run[i].buffer);
		free(d->run[i].piece);
	}
	if (d->file >= 0)
		close(d->file);
	free(d->run);
	free(d->reversed);
	free(d->reversed_points);
	for (size_t i = 0; i < d->refused_count; i++)
		free(d->refused[i].why);
	free(d->refused);
	free(d->leaf);
	free(d->loaded);
	free(d);
}

/* Room for one more where their number is a power of two. */
static void *
grown(void *list, size_t count, size_t each)
{
	if (count != 0 && (count & (count - 1)) != 0)
		return list;
	return reallocarray(list, count == 0 ? 1 : 2 * count, each);
}

static struct run *
run_of(struct decided *d, int64_t record_no)
{
	size_t n = (size_t) (record_no - 1) / DECIDED_RUN;

	while (d->runs <= n) {
		struct run *more = grown(d->run, d->runs, sizeof(*d->run));

		if (more == NULL)
			return NULL;
		d->run = more;
		d->run[d->runs++] = (struct run){0};
	}
	return &d->run[n];
}

static struct piece *
new_piece(struct run *run, size_t len)
{
	struct piece *more = grown(run->piece, run->pieces, sizeof(*run->piece));

	if (more == NULL)
		return NULL;
	run->piece = more;
	run->bytes += len;
	run->piece[run->pieces] = (struct piece){.len = len};
	return &run->piece[run->pieces++];
}

static int
append(struct decided *d, struct run *run, const uint8_t *bytes, size_t len)
{
	struct piece *piece;

	if (d->file < 0)
		d->file = d->work >= 0 ? openat(d->work, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
		                       : open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (d->file < 0 || io_write_all(d->file, bytes, len) < 0 || (piece = new_piece(run, len)) == NULL)
		return -1;
	piece->at = d->end;
	d->end += (off_t) len;
	return 0;
}

/* The run's buffer is full: kept as it is while there is room for that, written otherwise. */
static int
put_aside(struct decided *d, struct run *run)
{
	if (d->memory + BUFFER_BYTES <= MEMORY_BYTES) {
		struct piece *piece = new_piece(run, run->filled);

		if (piece == NULL)
			return -1;
		piece->memory = run->buffer;
		d->memory += BUFFER_BYTES;
		run->buffer = NULL;
	} else if (append(d, run, run->buffer, run->filled) < 0) {
		return -1;
	}
	run->filled = 0;
	return 0;
}

/* Where so many bytes of a leaf go: in the run's buffer, a new one where they do not fit. */
static uint8_t *
room_in(struct decided *d, struct run *run, size_t need)
{
	if (need > BUFFER_BYTES - run->filled && run->filled > 0 && put_aside(d, run) < 0)
		return NULL;
	if (run->buffer == NULL && (run->buffer = malloc(BUFFER_BYTES)) == NULL)
		return NULL;
	return run->buffer + run->filled;
}

static int
keep(struct decided *d, struct run *run, const struct leaf *leaf)
{
	struct leaf_text text[TEXTS];
	uint32_t len[TEXTS];
	size_t need = sizeof(struct packed) + text_lengths(leaf, text, len);
	uint8_t *to = room_in(d, run, need);
	int rc = 0;

	if (to == NULL)
		return -1;
	if (need <= BUFFER_BYTES) {
		pack(to, leaf, text, len);
		run->filled += need;
	} else { /* longer than a buffer: a piece of its own */
		to = malloc(need);
		if (to == NULL)
			return -1;
		pack(to, leaf, text, len);
		rc = append(d, run, to, need);
		free(to);
	}
	return rc;
}

int
decided_add(struct decided *d, const struct leaf *leaf)
{
	struct decided_tally *tally;
	struct run *run;

	if (leaf->record_no < 1 || leaf->record_no > LIMIT_RECORDS || leaf->outcome < 1 ||
	    leaf->outcome >= OUTCOMES) {
		errno = ERANGE;
		return -1;
	}
	run = run_of(d, leaf->record_no);
	if (run == NULL || keep(d, run, leaf) < 0)
		return -1;
	run->count++;
	d->records++;
	d->decided_at = leaf->decided_at;
	d->unknown += leaf->outcome == OUTCOME_HELD && leaf_text_is(leaf->hold_reason, "unknown_reference");
	tally = &d->tally[leaf->outcome];
	tally->records++;
	tally->points += leaf->has_redemption ? leaf->redemption.points : leaf->has_points ? leaf->points : 0;
	if (leaf->outcome == OUTCOME_REVERSED) {
		int64_t *more = grown(d->reversed, d->reversed_count, sizeof(*d->reversed));
		d->reversed = more != NULL ? more : d->reversed;
		int64_t *points = grown(d->reversed_points, d->reversed_count, sizeof(*d->reversed_points));
		d->reversed_points = points != NULL ? points : d->reversed_points;
		if (more == NULL || points == NULL)
			return -1;
		d->reversed[d->reversed_count] = leaf->redemption.id;
		d->reversed_points[d->reversed_count++] = leaf->redemption.points;
	}
	return 0;
}

/* ---- what came of it ---- */

const struct decided_tally *
decided_tally(const struct decided *d, int outcome)
{
	return &d->tally[outcome];
}

int64_t
decided_records(const struct decided *d)
{
	return d->records;
}

int64_t
decided_unknown(const struct decided *d)
{
	return d->unknown;
}

const int64_t *
decided_reversed(const struct decided *d, size_t *ret_count)
{
	*ret_count = d->reversed_count;
	return d->reversed;
}

int
decided_refuse(struct decided *d, size_t at, const char *why)
{
	struct refused *more = grown(d->refused, d->refused_count, sizeof(*d->refused));
	struct decided_tally *reversed = &d->tally[OUTCOME_REVERSED], *held = &d->tally[OUTCOME_HELD];

	if (more == NULL)
		return -1;
	d->refused = more;
	char *copy = strdup(why);
	if (copy == NULL)
		return -1;
	d->refused[d->refused_count++] = (struct refused){d->reversed[at], copy};
	reversed->records--;
	reversed->points -= d->reversed_points[at];
	held->records++;
	held->points += d->reversed_points[at];
	return 0;
}

/* A record whose reversal the ledger refused is held. */
static void
hold_refused(const struct decided *d, struct leaf *leaf)
{
	static const char reason[] = "posting_failed";

	for (size_t i = 0; leaf->outcome == OUTCOME_REVERSED && i < d->refused_count; i++)
		if (d->refused[i].redemption_id == leaf->redemption.id) {
			leaf->outcome = OUTCOME_HELD;
			leaf->hold_reason = (struct leaf_text){reason, sizeof(reason) - 1};
			leaf->detail = (struct leaf_text){d->refused[i].why, strlen(d->refused[i].why)};
		}
}

size_t
decided_runs(const struct decided *d)
{
	return d->runs;
}

static int
read_piece(int file, const struct piece *piece, uint8_t *to)
{
	size_t done = 0;

	while (done < piece->len) {
		ssize_t n = pread(file, to + done, piece->len - done, piece->at + (off_t) done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			return -1;
		}
		done += (size_t) n;
	}
	return 0;
}

static int
read_back(const struct decided *d, const struct run *run, uint8_t *to)
{
	for (size_t i = 0; i < run->pieces; i++) {
		const struct piece *piece = &run->piece[i];

		if (piece->memory != NULL)
			memcpy(to, piece->memory, piece->len);
		else if (read_piece(d->file, piece, to) < 0)
			return -1;
		to += piece->len;
	}
	if (run->filled > 0)
		memcpy(to, run->buffer, run->filled);
	return 0;
}

/* Each leaf at the place of its number. */
static int
put_in_order(struct decided *d, const struct run *run, int64_t first)
{
	const uint8_t *at = d->loaded;

	for (size_t i = 0; i < run->count; i++)
		d->leaf[i].record_no = 0;
	for (size_t i = 0; i < run->count; i++) {
		struct leaf leaf;

		at = unpack(at, d->decided_at, &leaf);
		hold_refused(d, &leaf);
		if ((uint64_t) (leaf.record_no - first) >= run->count ||
		    d->leaf[leaf.record_no - first].record_no != 0) {
			errno = EBADMSG;
			return -1;
		}
		d->leaf[leaf.record_no - first] = leaf;
	}
	return 0;
}

int
decided_load(struct decided *d, size_t run, struct leaf **ret_leaf, size_t *ret_count)
{
	const struct run *r = &d->run[run];
	uint8_t *loaded = realloc(d->loaded, r->bytes + r->filled + 1);
	struct leaf *leaf = reallocarray(d->leaf, r->count + 1, sizeof(*d->leaf));

	d->loaded = loaded != NULL ? loaded : d->loaded;
	d->leaf = leaf != NULL ? leaf : d->leaf;
	if (loaded == NULL || leaf == NULL || read_back(d, r, d->loaded) < 0 ||
	    put_in_order(d, r, (int64_t) run * DECIDED_RUN + 1) < 0)
		return -1;
	*ret_leaf = d->leaf;
	*ret_count = r->count;
	return 0;
}
