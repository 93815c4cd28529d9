#include "lib/proof/leaf.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/codes.h"

/* Everything but texts: 29 fields, numbers of at most 20 digits, two UUIDs, one hash. */
#define FIXED_ROOM 1024

void
leaf_writer_open(struct leaf_writer *w)
{
	*w = (struct leaf_writer){0};
}

void
leaf_writer_close(struct leaf_writer *w)
{
	free(w->text);
	*w = (struct leaf_writer){0};
}

/* The put functions below trust make_room. */
static char *
put_tab(char *p)
{
	*p = '\t';
	return p + 1;
}

static char *
put_plain(char *p, const char *text)
{
	size_t len = strlen(text);

	memcpy(p, text, len);
	return p + len;
}

/* By hand: a million records have twenty million numbers, and printf takes longer than the hash. */
static char *
put_int(char *p, int64_t value)
{
	char digits[20];
	int n = 0;
	uint64_t v = value < 0 ? 0 - (uint64_t) value : (uint64_t) value;

	if (value < 0)
		*p++ = '-';
	do
		digits[n++] = (char) ('0' + v % 10);
	while ((v /= 10) != 0);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

static char *
put_field(char *p, int64_t value)
{
	return put_int(put_tab(p), value);
}

static char *
put_optional(char *p, bool has, int64_t value)
{
	p = put_tab(p);
	return has ? put_int(p, value) : p;
}

static char *
put_uuid(char *p, const uint8_t uuid[16])
{
	static const char hex[] = "0123456789abcdef";

	p = put_tab(p);
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[uuid[i] >> 4];
		*p++ = hex[uuid[i] & 15];
	}
	return p;
}

/* A text may not end the line or the field. */
static char *
put_text(char *p, struct leaf_text text)
{
	p = put_tab(p);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		const char *escaped = c == '\\'   ? "\\\\"
		                      : c == '\t' ? "\\t"
		                      : c == '\n' ? "\\n"
		                      : c == '\r' ? "\\r"
		                                  : NULL;

		if (escaped != NULL) {
			*p++ = escaped[0];
			*p++ = escaped[1];
		} else {
			*p++ = c;
		}
	}
	return p;
}

static char *
put_word(char *p, const char *word)
{
	p = put_tab(p);
	return word == NULL ? p : put_plain(p, word);
}

static char *
put_outcome(char *p, const struct leaf *leaf)
{
	p = put_plain(p, "handback-leaf-1");
	p = put_word(p, leaf->file_sha256);
	p = put_field(p, leaf->record_no);
	p = put_field(p, leaf->revision);
	p = put_field(p, leaf->byte_offset);
	p = put_field(p, leaf->byte_length);
	p = put_word(p, verdict_name(leaf->verdict));
	p = put_word(p, outcome_name(leaf->outcome));
	p = put_text(p, leaf->hold_reason);
	p = put_optional(p, leaf->has_points, leaf->points);
	p = put_text(p, leaf->reference);
	p = put_text(p, leaf->reasons);
	p = put_text(p, leaf->detail);
	return put_field(p, leaf->decided_at);
}

static char *
put_empty(char *p, int fields)
{
	while (fields-- > 0)
		p = put_tab(p);
	return p;
}

static char *
put_redemption(char *p, const struct leaf *leaf)
{
	if (!leaf->has_redemption)
		return put_empty(p, 11);
	p = put_field(p, leaf->redemption.id);
	p = put_uuid(p, leaf->redemption.external_reference);
	p = put_field(p, leaf->redemption.programme_id);
	p = put_field(p, leaf->redemption.member_id);
	p = put_field(p, leaf->redemption.points);
	p = put_optional(p, leaf->redemption.has_amount, leaf->redemption.amount);
	p = put_text(p, leaf->redemption.currency);
	p = put_text(p, leaf->redemption.merchant);
	p = put_optional(p, leaf->redemption.has_transaction_type, leaf->redemption.transaction_type);
	p = put_text(p, leaf->redemption.partner);
	return put_field(p, leaf->redemption.redeemed_at);
}

static char *
put_reversal(char *p, const struct leaf *leaf)
{
	if (!leaf->has_reversal)
		return put_empty(p, 8);
	p = put_field(p, leaf->reversal.id);
	p = put_uuid(p, leaf->reversal.external_reference);
	p = put_field(p, leaf->reversal.programme_id);
	p = put_field(p, leaf->reversal.member_id);
	p = put_field(p, leaf->reversal.points);
	p = put_field(p, leaf->reversal.redemption_id);
	p = put_field(p, leaf->reversal.posted_at);
	return put_text(p, leaf->reversal.posted_by);
}

static bool
make_room(struct leaf_writer *w, const struct leaf *leaf)
{
	size_t texts = leaf->hold_reason.len + leaf->reference.len + leaf->reasons.len + leaf->detail.len +
	               leaf->redemption.currency.len + leaf->redemption.merchant.len +
	               leaf->redemption.partner.len + leaf->reversal.posted_by.len;
	size_t need = FIXED_ROOM + 2 * texts;

	if (need > w->size) {
		char *more = realloc(w->text, 2 * need);

		if (more == NULL)
			return false;
		w->text = more;
		w->size = 2 * need;
	}
	return true;
}

bool
leaf_write(struct leaf_writer *w, const struct leaf *leaf)
{
	char *p;

	w->len = 0;
	if (!make_room(w, leaf))
		return false;
	p = put_outcome(w->text, leaf);
	p = put_redemption(p, leaf);
	p = put_reversal(p, leaf);
	w->len = (size_t) (p - w->text);
	return true;
}
