/* pattern: a field's value is cut into other fields of its record. */
#include "lib/profile/profile_internal.h"
#include "lib/profile/pattern.h"

/* What is read of a pattern so far. */
struct reading {
	struct compile *c;
	struct record_type *type;
	struct yaml_node *fields; /* of the record */
	struct yaml_node *node;   /* the pattern */
	uint16_t source;          /* the field that is cut */
	struct pattern *pattern;
	const char *at;
	int group; /* its first piece, -1: not in brackets */
};

/* Reported; what is left of the pattern is not looked at. */
static void
wrong(struct reading *r, const char *why)
{
	yaml_error(r->c->problems, r->node, "%s at \"%.24s\"", why, r->at);
	r->at = "";
}

static struct pattern_piece *
add_piece(struct reading *r, enum piece_kind kind)
{
	struct pattern_piece *piece = &r->pattern->piece[r->pattern->pieces];

	if (r->pattern->pieces == PATTERN_PIECES) {
		wrong(r, "has too many pieces");
		return NULL;
	}
	r->pattern->pieces++;
	*piece = (struct pattern_piece){.kind = (uint8_t) kind, .field = -1};
	return piece;
}

/* The field that a piece fills in: one of the record that stands nowhere else. */
static int16_t
piece_field(struct reading *r, const char *name)
{
	int found = compile_find_field(r->type, name, strlen(name));
	struct yaml_node *map = yaml_get(r->fields, name);
	struct field *f;

	if (*name == '\0')
		return -1;
	if (found < 0) {
		yaml_error(r->c->problems, r->node, "%s: no field of this record has that name", name);
		return -1;
	}
	f = &r->type->field[found];
	if (f->piece || found == r->source || yaml_get(map, "at") != NULL || yaml_get(map, "value") != NULL ||
	    yaml_get(map, "pattern") != NULL)
		yaml_error(r->c->problems, r->node, "%s: a piece has no at, value or pattern, and stands once", name);
	f->piece = true;
	f->piece_of = r->source;
	f->conditional = true; /* its group may be missing */
	return (int16_t) found;
}

/* 16x: up to 16, 6!n: exactly six; false for what is no such shape. */
static bool
characters(const char *shape, struct pattern_piece *piece)
{
	static const char letters[] = "nacdx";
	static const uint8_t kinds[] = {PIECE_DIGITS, PIECE_LETTERS, PIECE_CODE, PIECE_DECIMAL, PIECE_TEXT};
	unsigned most;
	int used = 0;
	bool exactly;
	const char *letter;

	if (sscanf(shape, "%5u%n", &most, &used) != 1 || *shape < '0' || *shape > '9')
		return false;
	exactly = shape[used] == '!';
	letter = shape + used + exactly;
	if (most == 0 || *letter == '\0' || letter[1] != '\0' || strchr(letters, *letter) == NULL)
		return false;
	piece->kind = kinds[strchr(letters, *letter) - letters];
	piece->most = most;
	piece->least = exactly ? most : 1;
	return true;
}

/* RC|RD|C|D, in the order in which they are tried. */
static void
words(struct reading *r, const char *shape, struct pattern_piece *piece)
{
	size_t count = 1;

	for (const char *p = shape; *p != '\0'; p++)
		count += *p == '|';
	piece->kind = PIECE_WORDS;
	piece->word = count > UINT8_MAX ? NULL : compile_alloc(r->c, count, sizeof(*piece->word));
	for (const char *p = shape; piece->word != NULL; p++) {
		size_t len = strcspn(p, "|");
		struct slice *word = &piece->word[piece->words];

		*word = (struct slice){p, (uint32_t) len};
		for (uint8_t k = 0; k < piece->words; k++)
			if (piece->word[k].len <= len && memcmp(piece->word[k].data, p, piece->word[k].len) == 0)
				yaml_error(r->c->problems, r->node, "%.*s never fits: %.*s stands before it", (int) len, p,
				           (int) piece->word[k].len, piece->word[k].data);
		piece->words++;
		p += len;
		if (len == 0 || *p == '\0') {
			if (len == 0)
				wrong(r, "has an empty word");
			return;
		}
	}
}

/* {name:shape} */
static void
read_piece(struct reading *r)
{
	size_t len = strcspn(r->at, "}"), name_len = strcspn(r->at, ":");
	struct pattern_piece *piece = add_piece(r, PIECE_TEXT);
	char name[64];
	char *shape;

	if (piece == NULL)
		return;
	if (r->at[len] != '}' || name_len >= len || name_len > sizeof(name)) {
		wrong(r, "needs a piece as in {name:16x}, {name:6!n} or {name:C|D}");
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int) (name_len - 1), r->at + 1);
	shape = compile_alloc(r->c, len - name_len, 1);
	if (shape == NULL)
		return;
	memcpy(shape, r->at + name_len + 1, len - name_len - 1);
	piece->field = piece_field(r, name);
	if (!characters(shape, piece))
		words(r, shape, piece);
	if (*r->at != '\0')
		r->at += len + 1;
}

/* A character for itself, one that means something in apostrophes: '{' */
static void
read_literal(struct reading *r)
{
	struct pattern *p = r->pattern;
	struct pattern_piece *last = p->pieces == 0 ? NULL : &p->piece[p->pieces - 1];
	bool marked = r->at[0] == '\'' && r->at[1] != '\0' && r->at[2] == '\'';
	char *text;

	/* it goes on with the one before it, unless a bracket stands between */
	if (last == NULL || last->kind != PIECE_LITERAL || r->group == p->pieces ||
	    (r->at > p->text && r->at[-1] == ']')) {
		last = add_piece(r, PIECE_LITERAL);
		if (last == NULL)
			return;
	}
	text = compile_alloc(r->c, last->literal.len + 1, 1);
	if (text == NULL)
		return;
	memcpy(text, last->literal.data == NULL ? "" : last->literal.data, last->literal.len);
	text[last->literal.len] = r->at[marked];
	last->literal = (struct slice){text, last->literal.len + 1};
	r->at += marked ? 3 : 1;
}

static void
open_group(struct reading *r)
{
	if (r->group >= 0) {
		wrong(r, "has brackets within brackets");
		return;
	}
	r->group = r->pattern->pieces;
	r->at++;
}

static void
close_group(struct reading *r)
{
	if (r->group < 0 || r->group == r->pattern->pieces) {
		wrong(r, "has a bracket that closes nothing");
		return;
	}
	r->pattern->piece[r->group].group = (uint8_t) (r->pattern->pieces - r->group);
	r->group = -1;
	r->at++;
}

static void
compile_pattern(struct compile *c, struct record_type *type, struct yaml_node *fields, uint16_t field)
{
	struct yaml_node *map = yaml_get(fields, type->field[field].name);
	struct yaml_node *n = compile_child(c, map, "pattern", YAML_SCALAR);
	struct reading r = {c, type, fields, n, field, NULL, NULL, -1};

	if (n == NULL)
		return;
	if (type->field[field].type != FIELD_TEXT || type->field[field].separator != NULL)
		yaml_error(c->problems, n, "is for a field of type text");
	if (type->explicit_close && type->role == ROLE_HEADER)
		yaml_error(c->problems, n, "is not for a level's field, which holds as soon as it comes");
	type->field[field].pattern = r.pattern = compile_alloc(c, 1, sizeof(*r.pattern));
	if (r.pattern == NULL)
		return;
	r.at = r.pattern->text = compile_copy(c, n->text);
	while (*r.at != '\0') {
		if (*r.at == '{')
			read_piece(&r);
		else if (*r.at == '[')
			open_group(&r);
		else if (*r.at == ']')
			close_group(&r);
		else
			read_literal(&r);
	}
	if (r.group >= 0)
		yaml_error(c->problems, n, "has a bracket that is not closed");
	type->has_pattern = true;
}

void
compile_patterns(struct compile *c, struct record_type *type, struct yaml_node *fields)
{
	for (uint16_t i = 0; i < type->fields; i++)
		if (fields->kind == YAML_MAP)
			compile_pattern(c, type, fields, i);
}
