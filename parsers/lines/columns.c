#include "parsers/lines/columns.h"

#include "lib/base/text.h"
#include "lib/protocol/bytes.h"
#include "parsers/assemble/row_type.h"

static const struct slice nothing = {NULL, 0};

int
columns_init(struct columns_reader *r, const struct layout *layout, struct assemble *a)
{
	r->layout = layout;
	r->assemble = a;
	r->value = calloc(LAYOUT_FIELDS + 1, sizeof(*r->value));
	r->spare = calloc(LAYOUT_FIELDS + 1, sizeof(*r->spare));
	r->taken = calloc(LAYOUT_FIELDS + 1, sizeof(*r->taken));
	r->column = calloc(layout->types + 1u, sizeof(*r->column));
	r->named = calloc(layout->named_conditions + 1u, sizeof(*r->named));
	if (r->value == NULL || r->spare == NULL || r->taken == NULL || r->column == NULL || r->named == NULL)
		return -1;
	for (uint16_t i = 0; i < layout->named_conditions; i++)
		r->named[i] = -1;
	for (uint16_t t = 0; t < layout->types; t++) {
		r->column[t] = calloc(layout->type[t].fields + 1u, sizeof(**r->column));
		if (r->column[t] == NULL)
			return -1;
		for (uint16_t f = 0; f < layout->type[t].fields; f++)
			r->column[t][f] = layout->type[t].field[f].column;
	}
	return 0;
}

void
columns_free(struct columns_reader *r)
{
	for (uint16_t t = 0; r->column != NULL && t < r->layout->types; t++)
		free(r->column[t]);
	free(r->column);
	free(r->named);
	free(r->value);
	free(r->spare);
	free(r->taken);
}

/* How many bytes at text are a character that nobody sees: blanks, U+00A0, zero width and direction marks,
 * U+FEFF. */
static uint32_t
invisible(const unsigned char *p, uint32_t len)
{
	if (len >= 1 && (*p == ' ' || *p == '\t'))
		return 1;
	if (len >= 2 && p[0] == 0xC2 && (p[1] == 0xA0 || p[1] == 0xAD))
		return 2;
	if (len >= 3 && p[0] == 0xE2 && p[1] == 0x80 &&
	    ((p[2] >= 0x8B && p[2] <= 0x8F) || (p[2] >= 0xAA && p[2] <= 0xAE)))
		return 3;
	if (len >= 3 && p[0] == 0xE2 && p[1] == 0x81 && p[2] == 0xA0)
		return 3;
	if (len >= 3 && p[0] == 0xEF && p[1] == 0xBB && p[2] == 0xBF)
		return 3;
	return 0;
}

static struct slice
visible(struct slice s)
{
	uint32_t n;

	while ((n = invisible((const unsigned char *) s.data, s.len)) > 0)
		s = (struct slice){s.data + n, s.len - n};
	for (bool more = true; more;) {
		more = false;
		for (uint32_t k = 1; k <= 3 && k <= s.len; k++)
			if (invisible((const unsigned char *) s.data + s.len - k, k) == k) {
				s.len -= k;
				more = true;
				break;
			}
	}
	return s;
}

static bool
is_name(struct slice name, const char *column)
{
	return column != NULL && strlen(column) == name.len && memcmp(column, name.data, name.len) == 0;
}

/* Is the column asked for by name? */
static bool
wanted(const struct columns_reader *r, struct slice name)
{
	for (uint16_t t = 0; t < r->layout->types; t++) {
		const struct record_type *type = &r->layout->type[t];

		for (uint16_t f = 0; f < type->fields; f++)
			if (is_name(name, type->field[f].column_name))
				return true;
		for (uint16_t i = 0; i < type->when.count; i++)
			if (is_name(name, type->when.all[i].column_name))
				return true;
	}
	return false;
}

/* Where the header has this name; -1 nowhere, which is refused unless it is optional. */
static int
header_column(struct columns_reader *r, const struct columns *c, const char *column, bool optional,
              const struct row *where, int16_t *ret)
{
	int16_t found = -1;

	for (uint32_t i = 0; i < c->count; i++) {
		if (!is_name(visible(c->at[i]), column))
			continue;
		if (found >= 0)
			return assemble_refuse(r->assemble, "header", column, nothing, where->number, where->offset,
			                       "the header has the column %s twice", column);
		found = (int16_t) i;
	}
	*ret = found;
	if (found >= 0 || optional)
		return 0;
	return assemble_refuse(r->assemble, "header", column, nothing, where->number, where->offset,
	                       "the header has no column %s", column);
}

static int
header_columns(struct columns_reader *r, const struct columns *c, uint16_t t, const struct row *where)
{
	const struct record_type *type = &r->layout->type[t];
	int rc = 0;

	for (uint16_t f = 0; f < type->fields && rc == 0; f++)
		if (type->field[f].column_name != NULL)
			rc = header_column(r, c, type->field[f].column_name, type->field[f].optional, where,
			                   &r->column[t][f]);
	for (uint16_t i = 0; i < type->when.count && rc == 0; i++)
		if (type->when.all[i].column_name != NULL)
			rc = header_column(r, c, type->when.all[i].column_name, false, where,
			                   &r->named[type->when.all[i].named]);
	return rc;
}

int
columns_header(struct columns_reader *r, const struct columns *c, const struct row *where)
{
	char shown[TEXT_SHOWN_SIZE];
	int rc = 0;

	r->header_columns = c->count;
	for (uint16_t t = 0; t < r->layout->types && rc == 0; t++)
		rc = header_columns(r, c, t, where);
	for (uint32_t i = 0; i < c->count && rc == 0 && !r->layout->delimited.extra_columns; i++) {
		struct slice name = visible(c->at[i]);

		if (!wanted(r, name))
			rc = assemble_refuse(r->assemble, "header", NULL, name, where->number, where->offset,
			                     "the header has a column %s that the profile does not know",
			                     text_show(shown, name.data, name.len));
	}
	if (rc == 0 && !assemble_refused(r->assemble))
		return 0;
	assemble_break(r->assemble);
	return -1;
}

static bool
text_holds(const struct condition *c, struct slice text)
{
	return row_text_holds(c, text, " \t", false);
}

/* A record whose type is asked for. */
struct typed {
	struct columns_reader *reader;
	const struct columns *columns;
	uint32_t len;
};

/* A part of a column, between inner delimiters. */
static struct slice
part_of(const struct columns_reader *r, struct slice column, int16_t part)
{
	const char *p = column.data, *end = column.data + column.len, *next;

	if (part < 0 || r->inner_len == 0)
		return column;
	for (;; p = next + r->inner_len, part--) {
		next = memmem(p, (size_t) (end - p), r->inner, r->inner_len);
		if (part == 0)
			return (struct slice){p, (uint32_t) ((next == NULL ? end : next) - p)};
		if (next == NULL)
			return nothing;
	}
}

static bool
column_holds(const void *context, const struct condition *cond)
{
	const struct typed *row = context;
	const struct columns *c = row->columns;
	struct slice text = {"", 0};
	int column;

	switch ((enum condition_kind) cond->kind) {
	case IF_LENGTH:
		return row->len >= cond->number_min && row->len <= cond->number_max;
	case IF_COLUMNS:
		return c->count >= cond->number_min && c->count <= cond->number_max;
	case IF_COLUMN:
		column = cond->column >= 0 ? cond->column : row->reader->named[cond->named];
		if (column >= 0 && (uint32_t) column < c->count)
			text = part_of(row->reader, c->at[column], cond->part);
		return text_holds(cond, text);
	case IF_FIELD:
		return assemble_conditions(row->reader->assemble,
		                           &(struct conditions){1, (struct condition *) (uintptr_t) cond});
	case IF_RANGE:
	case IF_VERDICT:
		break;
	}
	return false;
}

int
columns_type(struct columns_reader *r, const struct columns *c, uint32_t len)
{
	const struct typed row = {.reader = r, .columns = c, .len = len};

	return row_type(r->layout, column_holds, &row);
}

/* A field of the record itself that a part of it depends on; its text as it is written. */
static bool
step_holds(struct columns_reader *r, const struct record_type *type, const struct conditions *when)
{
	for (uint16_t i = 0; i < when->count; i++) {
		const struct condition *c = &when->all[i];
		int16_t own = c->kind == IF_FIELD ? type->by_slot[c->slot] : -1;
		bool holds = own >= 0
		                 ? text_holds(c, r->value[own].data == NULL ? (struct slice){"", 0} : r->value[own])
		                 : assemble_conditions(r->assemble, &(struct conditions){1, &when->all[i]});

		if (!holds)
			return false;
	}
	return true;
}

/* A small number in a field of the record: how often a group repeats. */
static int32_t
times_of(struct columns_reader *r, const struct column_step *step)
{
	struct slice text = step->times_field < 0 ? nothing : r->value[step->times_field];
	int32_t times = 0;

	if (step->times_field < 0)
		return step->times < 0 ? INT32_MAX : step->times;
	for (uint32_t i = 0; i < text.len && times < 100000; i++)
		times =
		    text.data[i] >= '0' && text.data[i] <= '9' ? times * 10 + (text.data[i] - '0') : INT32_MAX / 100;
	return times;
}

/* All that is left of the record, delimiters too: columns lie in one piece unless they were unquoted. */
static struct slice
rest_of(const struct columns *c, uint32_t column)
{
	const struct slice *last = &c->at[c->count - 1];

	return (struct slice){c->at[column].data, (uint32_t) (last->data + last->len - c->at[column].data)};
}

static uint32_t walk_steps(struct columns_reader *r, const struct record_type *type, const struct columns *c,
                           uint32_t column, bool nested);

/* Over a group, whose values are for later. */
static uint32_t
step_over(struct columns_reader *r, int16_t type, const struct columns *c, uint32_t column)
{
	struct slice *own = r->value;

	r->value = r->spare;
	memset(r->value, 0, (r->layout->type[type].fields + 1u) * sizeof(*r->value));
	column = walk_steps(r, &r->layout->type[type], c, column, true);
	r->value = own;
	return column;
}

/* Walks a type's columns from one on; returns the column after them. */
static uint32_t
walk_steps(struct columns_reader *r, const struct record_type *type, const struct columns *c, uint32_t column,
           bool nested)
{
	for (uint16_t i = 0; i < type->steps; i++) {
		const struct column_step *step = &type->step[i];

		switch ((enum column_op) step->op) {
		case COLUMN_TAKE:
			if (step->a >= 0 && column < c->count) {
				r->value[step->a] = c->at[column];
				r->taken[step->a] = (uint16_t) column;
			}
			column++;
			break;
		case COLUMN_REST:
			if (step->a >= 0 && column < c->count) {
				r->value[step->a] = rest_of(c, column);
				r->taken[step->a] = (uint16_t) column;
			}
			column = column < c->count ? c->count : column + 1;
			break;
		case COLUMN_IF:
			if (!step_holds(r, type, &step->when))
				i = (uint16_t) (step->a - 1);
			break;
		case COLUMN_REPEAT:
			for (int32_t times = times_of(r, step); times > 0 && column < c->count && !nested; times--) {
				if (r->groups == GROUPS)
					return UINT32_MAX;
				r->group[r->groups++] = (struct group){step->type, column};
				column = step_over(r, step->type, c, column);
			}
			break;
		case COLUMN_END:
			return column;
		}
	}
	return column;
}

/* Told: the record says nothing more.  1, or -1 to stop. */
static int
wrong_count(struct columns_reader *r, const struct record_type *type, const struct columns *c,
            uint32_t expected, const struct row *row)
{
	if (assemble_refuse(r->assemble, "field_count", type->name, nothing, row->number, row->offset,
	                    "%s record of %u columns where it should have %u", type->name, c->count,
	                    expected) != 0)
		return -1;
	return 1;
}

/* The last column that the profile knows of a type without a count of its own. */
static uint32_t
columns_known(const struct columns_reader *r, uint16_t t)
{
	const struct record_type *type = &r->layout->type[t];
	uint32_t most = 0;

	for (uint16_t f = 0; f < type->fields; f++)
		if (r->column[t][f] >= 0 && (uint32_t) r->column[t][f] + 1 > most)
			most = (uint32_t) r->column[t][f] + 1;
	for (uint16_t i = 0; i < type->when.count; i++)
		if (type->when.all[i].kind == IF_COLUMN && (uint32_t) type->when.all[i].column + 1 > most)
			most = (uint32_t) type->when.all[i].column + 1;
	return most;
}

static int
check_count(struct columns_reader *r, uint16_t t, const struct columns *c, const struct row *row)
{
	const struct record_type *type = &r->layout->type[t];
	const struct delimited_rule *rule = &r->layout->delimited;
	uint32_t expected = r->header_columns;

	if (type->max_columns > 0) {
		if (c->count < type->min_columns || c->count > type->max_columns)
			return wrong_count(r, type, c,
			                   c->count < type->min_columns ? type->min_columns : type->max_columns, row);
		return 0;
	}
	if (expected == 0)
		expected = columns_known(r, t);
	if ((c->count < expected && !rule->extra_trailing) ||
	    (c->count > expected && (!rule->extra_columns || r->header_columns > 0)))
		return wrong_count(r, type, c, expected, row);
	return 0;
}

static void
find_values(struct columns_reader *r, uint16_t t, const struct columns *c)
{
	const struct record_type *type = &r->layout->type[t];

	for (uint16_t f = 0; f < type->fields; f++) {
		int16_t column = r->column[t][f];

		if (column < 0 || (uint32_t) column >= c->count) {
			r->value[f] = nothing;
			continue;
		}
		r->taken[f] = (uint16_t) column;
		if (type->field[f].part >= 0)
			r->value[f] = part_of(r, c->at[column], type->field[f].part);
		else
			slice_copy(&r->value[f], &c->at[column]);
	}
}

/* The records within the record. */
static int
nested_rows(struct columns_reader *r, const struct columns *c, struct row *row)
{
	for (uint32_t i = 0; i < r->groups; i++) {
		const struct group *g = &r->group[i];

		memset(r->value, 0, (r->layout->type[g->type].fields + 1u) * sizeof(*r->value));
		walk_steps(r, &r->layout->type[g->type], c, g->column, true);
		row->type = (uint16_t) g->type;
		if (assemble_row(r->assemble, row) != 0)
			return -1;
	}
	return 0;
}

int
columns_row(struct columns_reader *r, uint16_t t, const struct columns *c, struct row *row)
{
	const struct record_type *type = &r->layout->type[t];
	uint32_t walked;

	row->type = t;
	row->value = r->value;
	r->groups = 0;
	if (type->step == NULL) {
		int rc = check_count(r, t, c, row);

		if (rc != 0)
			return rc > 0 ? 0 : -1;
		find_values(r, t, c);
		return assemble_row(r->assemble, row);
	}
	memset(r->value, 0, (type->fields + 1u) * sizeof(*r->value));
	walked = walk_steps(r, type, c, 0, false);
	if (walked == UINT32_MAX)
		return assemble_refuse(r->assemble, "field_count", type->name, nothing, row->number, row->offset,
		                       "%s record has more than %d groups", type->name, GROUPS);
	if ((walked > c->count && !r->layout->delimited.extra_trailing) ||
	    (walked < c->count && !r->layout->delimited.extra_columns))
		return wrong_count(r, type, c, walked, row) > 0 ? 0 : -1;
	if (assemble_row(r->assemble, row) != 0)
		return -1;
	return nested_rows(r, c, row);
}
