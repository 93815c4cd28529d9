#include "lib/profile/pattern.h"

static bool
stands(const struct slice *literal, const char *at, const char *end)
{
	return literal->len <= (size_t) (end - at) && memcmp(at, literal->data, literal->len) == 0;
}

/* Does a literal stand here that may follow piece i? */
static bool
ends_here(const struct pattern *p, unsigned i, const char *at, const char *end)
{
	for (unsigned next = i + 1; next < p->pieces; next += p->piece[next].group) {
		if (p->piece[next].kind == PIECE_LITERAL && stands(&p->piece[next].literal, at, end))
			return true;
		if (p->piece[next].group == 0)
			break;
	}
	return false;
}

static bool
of_kind(uint8_t kind, char c)
{
	switch ((enum piece_kind) kind) {
	case PIECE_DIGITS:
	case PIECE_DECIMAL:
		return c >= '0' && c <= '9';
	case PIECE_LETTERS:
		return c >= 'A' && c <= 'Z';
	case PIECE_CODE:
		return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
	case PIECE_TEXT:
		return true;
	case PIECE_LITERAL:
	case PIECE_WORDS:
		break;
	}
	return false;
}

/* After the characters of piece i; NULL when these are too few. */
static const char *
after_characters(const struct pattern *p, unsigned i, const char *at, const char *end)
{
	const struct pattern_piece *piece = &p->piece[i];
	bool mark = piece->kind != PIECE_DECIMAL; /* had its comma */
	uint32_t count = 0;

	for (; at < end && count < piece->most; count++) {
		bool is_mark = !mark && count > 0 && (*at == ',' || *at == '.');

		if (!is_mark && !of_kind(piece->kind, *at))
			break;
		if (piece->kind == PIECE_TEXT && piece->least < piece->most && ends_here(p, i, at, end))
			break;
		mark |= is_mark;
		for (at++; at < end && (*at & 0xC0) == 0x80;) /* a whole character of UTF-8 */
			at++;
	}
	return count >= piece->least ? at : NULL;
}

/* After piece i, which begins at `at`; NULL when it does not stand there. */
static const char *
after(const struct pattern *p, unsigned i, const char *at, const char *end)
{
	const struct pattern_piece *piece = &p->piece[i];

	if (piece->kind == PIECE_LITERAL)
		return stands(&piece->literal, at, end) ? at + piece->literal.len : NULL;
	if (piece->kind != PIECE_WORDS)
		return after_characters(p, i, at, end);
	for (uint8_t k = 0; k < piece->words; k++)
		if (stands(&piece->word[k], at, end))
			return at + piece->word[k].len;
	return NULL;
}

bool
pattern_cut(const struct pattern *p, struct slice text, struct slice *value, uint32_t *ret_at)
{
	const char *at = text.data, *end = text.data + text.len;

	for (unsigned i = 0; i < p->pieces; i++) {
		const struct pattern_piece *piece = &p->piece[i];
		const char *next = after(p, i, at, end);
		uint32_t len;

		*ret_at = (uint32_t) (at - text.data);
		if (next == NULL && piece->group == 0)
			return false;
		if (next == NULL) {
			i += piece->group - 1u;
			continue;
		}
		len = (uint32_t) (next - at);
		if (piece->kind == PIECE_DECIMAL && (at[len - 1] == ',' || at[len - 1] == '.'))
			len--;
		if (piece->field >= 0)
			value[piece->field] = (struct slice){at, len};
		at = next;
	}
	*ret_at = (uint32_t) (at - text.data);
	return at == end;
}
