#include "lib/proof/verify/leaf_guess.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/codes.h"
#include "lib/proof/merkle.h"

#define LONGEST_LEAF (8 << 10) /* trying takes its time: longer ones are left */
#define LONGEST_FIELD 256

enum kind { NUMBER, HEX, TEXT, VERDICT, OUTCOME };

static const struct {
	const char *part, *name;
	enum kind kind;
} fields[] = {
    {"outcome", "the leaf's version", TEXT},
    {"file", "the SHA-256 of the file", HEX},
    {"outcome", "the record's number", NUMBER},
    {"outcome", "the revision", NUMBER},
    {"outcome", "the first byte", NUMBER},
    {"outcome", "the number of bytes", NUMBER},
    {"outcome", "the verdict", VERDICT},
    {"outcome", "the outcome", OUTCOME},
    {"outcome", "the reason for which it is held", TEXT},
    {"outcome", "the points that the partner stated", NUMBER},
    {"outcome", "the reference", TEXT},
    {"outcome", "the reason codes", TEXT},
    {"outcome", "the detail", TEXT},
    {"outcome", "the time of the decision (µs since 1970)", NUMBER},
    {"outcome", "the redemption that it answers", NUMBER},
    {"debit", "the external reference of the debit", HEX},
    {"debit", "the programme of the debit", NUMBER},
    {"debit", "the member of the debit", NUMBER},
    {"debit", "the points of the debit", NUMBER},
    {"debit", "the amount of the debit", NUMBER},
    {"debit", "the currency of the debit", TEXT},
    {"debit", "the merchant of the debit", TEXT},
    {"debit", "the transaction type of the debit", NUMBER},
    {"debit", "the partner of the debit", TEXT},
    {"debit", "the time of the debit (µs since 1970)", NUMBER},
    {"outcome", "the reversal that was posted for it", NUMBER},
    {"reversal", "the external reference of the reversal", HEX},
    {"reversal", "the programme of the reversal", NUMBER},
    {"reversal", "the member of the reversal", NUMBER},
    {"reversal", "the points of the reversal", NUMBER},
    {"reversal", "the redemption that the reversal restores", NUMBER},
    {"reversal", "the time of the reversal (µs since 1970)", NUMBER},
    {"reversal", "who posted the reversal", TEXT},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* One field of the leaf, and the rest of the line around it. */
struct attempt {
	const char *text;
	size_t len;
	size_t from, field_len; /* the field */
	const uint8_t *hash;
	struct merkle merkle;
	char *buf; /* LONGEST_LEAF + LONGEST_FIELD */
};

/* Is the leaf with this in place of the field the one we look for? */
static bool
fits(struct attempt *a, const char *field, size_t field_len)
{
	uint8_t hash[SHA256_BYTES];
	size_t behind = a->len - a->from - a->field_len;

	if (field_len > LONGEST_FIELD)
		return false;
	memcpy(a->buf, a->text, a->from);
	memcpy(a->buf + a->from, field, field_len);
	memcpy(a->buf + a->from + field_len, a->text + a->from + a->field_len, behind);
	merkle_leaf_hash(&a->merkle, a->buf, a->from + field_len + behind, hash);
	return memcmp(hash, a->hash, SHA256_BYTES) == 0;
}

static const char *
alphabet(enum kind kind)
{
	static const char text[] = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`"
	                           "abcdefghijklmnopqrstuvwxyz{|}~";

	return kind == NUMBER ? "0123456789-" : kind == HEX ? "0123456789abcdef" : text;
}

/* Each character another, one more, one less.  field (of len bytes, with room for one more) becomes what
 * fits. */
static bool
try_characters(struct attempt *a, enum kind kind, char *field, size_t *len)
{
	const char *original = a->text + a->from, *letters = alphabet(kind);
	size_t n = a->field_len;

	for (size_t i = 0; i <= n; i++) {
		for (const char *c = letters; *c; c++) {
			if (i < n) { /* another in its place */
				memcpy(field, original, n);
				field[i] = *c;
				if (fits(a, field, *len = n))
					return true;
			}
			memcpy(field, original, i); /* one that was taken out */
			field[i] = *c;
			memcpy(field + i + 1, original + i, n - i);
			if (fits(a, field, *len = n + 1))
				return true;
		}
		if (i < n) { /* one that was put in */
			memcpy(field, original, i);
			memcpy(field + i, original + i + 1, n - i - 1);
			if (fits(a, field, *len = n - 1))
				return true;
		}
	}
	return false;
}

static bool
try_near_numbers(struct attempt *a, char *field, size_t *len)
{
	char copy[32];
	int64_t number;

	if (a->field_len == 0 || a->field_len >= sizeof(copy))
		return false;
	memcpy(copy, a->text + a->from, a->field_len);
	copy[a->field_len] = 0;
	if (!text_int(copy, -(INT64_C(1) << 62), INT64_C(1) << 62, &number))
		return false;
	for (int64_t step = 1; step <= 1000; step++)
		for (int sign = -1; sign <= 1; sign += 2) {
			*len = (size_t) snprintf(field, LONGEST_FIELD, "%" PRId64, number + sign * step);
			if (fits(a, field, *len))
				return true;
		}
	return false;
}

static bool
try_words(struct attempt *a, enum kind kind, char *field, size_t *len)
{
	const char *word;

	for (int i = 1; (word = kind == VERDICT ? verdict_name(i) : outcome_name(i)) != NULL; i++) {
		*len = strlen(word);
		memcpy(field, word, *len);
		if (fits(a, field, *len))
			return true;
	}
	return false;
}

static bool
try_field(struct attempt *a, enum kind kind, char *field, size_t *len)
{
	*len = 0;
	if (a->field_len > 0 && fits(a, "", 0)) /* there was nothing */
		return true;
	if (a->field_len + 1 > LONGEST_FIELD)
		return false;
	if (kind == VERDICT || kind == OUTCOME)
		return try_words(a, kind, field, len);
	return (kind == NUMBER && try_near_numbers(a, field, len)) || try_characters(a, kind, field, len);
}

static void
show(char *buf, size_t size, const char *text, size_t len)
{
	if (len == 0)
		snprintf(buf, size, "empty");
	else
		text_display(buf, size, text, len < LEAF_GUESS_SHOWN ? len : LEAF_GUESS_SHOWN);
}

static bool
try_all(struct attempt *a, struct leaf_guess *ret)
{
	char field[LONGEST_FIELD + 2];
	size_t len = 0, at = 0;

	for (size_t i = 0; i < FIELDS && at <= a->len; i++) {
		const char *tab = memchr(a->text + at, '\t', a->len - at);
		a->from = at;
		a->field_len = tab != NULL ? (size_t) (tab - a->text) - at : a->len - at;
		at += a->field_len + 1;
		/* the version is ours, and a file's SHA-256 is checked with its head */
		if (i < 2 || !try_field(a, fields[i].kind, field, &len))
			continue;
		ret->part = fields[i].part;
		ret->field = fields[i].name;
		show(ret->is, sizeof(ret->is), a->text + a->from, a->field_len);
		show(ret->was, sizeof(ret->was), field, len);
		return true;
	}
	return false;
}

bool
leaf_guess(const char *text, size_t len, const uint8_t hash[SHA256_BYTES], struct leaf_guess *ret)
{
	struct attempt a = {.text = text, .len = len, .hash = hash};
	bool found = false;

	if (len > LONGEST_LEAF)
		return false;
	a.buf = malloc(LONGEST_LEAF + LONGEST_FIELD);
	if (a.buf == NULL)
		return false;
	merkle_open(&a.merkle);
	found = try_all(&a, ret);
	merkle_close(&a.merkle);
	free(a.buf);
	return found;
}
