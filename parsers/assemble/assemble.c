/* Rows and nested events come in; see assemble_internal.h for who does what with them. */
#include "lib/base/noinline.h"
#include "lib/base/codes.h"
#include "lib/base/limits.h"
#include "lib/base/text.h"
#include "lib/base/zone.h"
#include "lib/profile/dates.h"
#include "lib/profile/file_name.h"
#include "parsers/assemble/assemble_internal.h"

static const struct slice nothing = {NULL, 0};

/* Formats decode whole records, but fixed width, where positions are of the partner's bytes. */
static bool
decodes_fields(const struct layout *l)
{
	return l->format == FORMAT_FIXED;
}

static int
new_types(struct assemble *a)
{
	const struct layout *l = a->layout;

	a->type = calloc(l->types + 1u, sizeof(*a->type));
	if (a->type == NULL)
		return -1;
	for (uint16_t t = 0; t < l->types; t++) {
		size_t fields = l->type[t].fields + 1u;

		a->type[t].value = calloc(fields, sizeof(*a->type[t].value));
		a->type[t].raw = calloc(fields, sizeof(*a->type[t].raw));
		a->type[t].raw_at = calloc(fields, sizeof(*a->type[t].raw_at));
		a->type[t].run = calloc(fields, sizeof(*a->type[t].run));
		a->type[t].piece = l->type[t].has_pattern ? calloc(fields, sizeof(*a->type[t].piece)) : NULL;
		if (a->type[t].value == NULL || a->type[t].raw == NULL || a->type[t].raw_at == NULL ||
		    a->type[t].run == NULL || (l->type[t].has_pattern && a->type[t].piece == NULL))
			return -1;
		a->addenda |= l->type[t].role == ROLE_ADDENDUM;
	}
	return 0;
}

/* Which targets may come from a header: looked for when an entry lacks them. */
static int
new_inherited(struct assemble *a)
{
	const struct layout *l = a->layout;

	a->inherited = calloc(TARGETS, sizeof(*a->inherited));
	if (a->inherited == NULL)
		return -1;
	for (uint8_t target = 1; target < TARGET_SEQUENCE; target++)
		for (uint16_t t = 0; t < l->types; t++)
			for (uint16_t f = 0; f < l->type[t].fields; f++) {
				if (l->type[t].field[f].target != target ||
				    (l->type[t].role != ROLE_HEADER && l->type[t].role != ROLE_NAME) ||
				    (a->inherits > 0 && a->inherited[a->inherits - 1].target == target))
					continue;
				a->inherited[a->inherits++] = (struct inherited){l->type[t].field[f].slot, target};
			}
	return 0;
}

static int
new_buffers(struct assemble *a)
{
	const struct layout *l = a->layout;
	size_t slots = l->slots + 1u;

	a->total = calloc(l->totals + 1u, sizeof(*a->total));
	a->name_slot = calloc(slots, sizeof(*a->name_slot));
	a->waiting = calloc(l->totals + 1u, sizeof(*a->waiting));
	a->groups = calloc(l->totals + 1u, sizeof(*a->groups));
	if (a->total == NULL || a->waiting == NULL || a->groups == NULL || a->name_slot == NULL)
		return -1;
	for (int i = 0; i < l->levels; i++) {
		a->level[i].slot = calloc(slots, sizeof(*a->level[i].slot));
		if (a->level[i].slot == NULL)
			return -1;
	}
	a->reader.scratch_size = 4 * (size_t) l->limits.record_bytes + 65536;
	a->reader.scratch = malloc(a->reader.scratch_size);
	return a->reader.scratch == NULL ? -1 : 0;
}

struct assemble *
assemble_new(const struct layout *layout, const struct sink *sink)
{
	struct assemble *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->layout = layout;
	a->sink = sink;
	a->depth = -1;
	a->reader.business_date = DATE_UNKNOWN;
	a->reader.field_bytes = layout->limits.field_bytes;
	a->reader.other = find_value;
	a->reader.context = a;
	a->charset = charset_new(layout->encoding);
	if (a->charset == NULL || !zone_use(layout->zone) || new_types(a) != 0 || new_inherited(a) != 0 ||
	    new_buffers(a) != 0)
		goto fail;
	return a;
fail:
	assemble_free(a);
	return NULL;
}

void
assemble_free(struct assemble *a)
{
	if (a == NULL)
		return;
	each_free(a);
	for (uint16_t t = 0; a->type != NULL && t < a->layout->types; t++) {
		free(a->type[t].value);
		free(a->type[t].raw);
		free(a->type[t].raw_at);
		free(a->type[t].run);
		free(a->type[t].piece);
		texts_free(&a->type[t].texts);
	}
	for (int i = 0; i < LAYOUT_LEVELS; i++) {
		free(a->level[i].slot);
		texts_free(&a->level[i].texts);
	}
	texts_free(&a->entry.texts);
	texts_free(&a->entry.reasons);
	texts_free(&a->name_texts);
	texts_free(&a->fact_texts);
	charset_free(a->charset);
	free(a->type);
	free(a->inherited);
	free(a->total);
	free(a->waiting);
	free(a->groups);
	free(a->name_slot);
	free(a->reader.scratch);
	free(a);
}

static const struct value *
own_value(const struct assemble *a, uint16_t type, uint16_t slot)
{
	int16_t f = a->layout->type[type].by_slot == NULL ? -1 : a->layout->type[type].by_slot[slot];

	return f >= 0 && a->type[type].value[f].present ? &a->type[type].value[f] : NULL;
}

const struct value *
find_value(void *assemble, uint16_t slot)
{
	const struct assemble *a = assemble;
	const struct value *v = a->outside ? NULL : own_value(a, a->current, slot);

	for (uint16_t t = 0; !a->outside && v == NULL && a->entry.addenda >> t != 0; t++)
		if ((a->entry.addenda >> t & 1) != 0)
			v = own_value(a, t, slot);
	for (int level = a->depth; v == NULL && level >= 0; level--)
		v = a->level[level].slot[slot];
	return v != NULL ? v : a->name_slot[slot];
}

int
keep_values(struct assemble *a, uint16_t type, struct texts *texts)
{
	for (uint16_t i = 0; i < a->layout->type[type].fields; i++) {
		struct value *v = &a->type[type].value[i];

		if (!v->present)
			continue;
		v->text = texts_keep(texts, v->text);
		if (v->text.data == NULL && v->text.len > 0) {
			a->stopped = true;
			return -1;
		}
	}
	return 0;
}

int
read_field(struct assemble *a, uint16_t field, struct slice in, struct place at)
{
	const struct field *f = &a->layout->type[a->current].field[field];
	struct value *v = &a->type[a->current].value[field];
	struct value_fault fault;

	if (value_read(&a->reader, f, &in, v, &fault) != 0) {
		v->present = false;
		return tell_bad_value(a, f, in, &fault, at);
	}
	if (v->present && is_fact(f->target))
		return tell_fact(a, f, v, at);
	return 0;
}

static void
forget_values(struct assemble *a, uint16_t type)
{
	for (uint16_t i = 0; i < a->layout->type[type].fields; i++)
		a->type[type].value[i].present = false;
}

/* Where a value stands, for those who report that it is bad. */
static struct place
row_place(const struct assemble *a, const void *context, uint16_t field)
{
	const struct row *row = context;
	const char *p = row->value[field].data;
	struct place at = {row->number, row->offset};

	(void) a;
	if (p != NULL && row->bytes != NULL && p >= row->bytes && p <= row->bytes + row->in_memory)
		at.offset += (uint64_t) (p - row->bytes);
	else if (row->locate != NULL)
		at.offset = row->locate(row, field);
	return at;
}

/* All fields of a row, those that need another's value last. */
static int
read_row(struct assemble *a, const struct row *row)
{
	const struct record_type *t = &a->layout->type[row->type];
	struct value *values = a->type[row->type].value;
	struct value_fault fault;

	a->current = row->type;
	a->reader.scratch_used = 0;
	/* a file's name is ASCII, whatever its content is written in */
	a->reader.charset =
	    decodes_fields(a->layout) && t->role != ROLE_NAME && !(row->plain && charset_has_ascii(a->charset))
	        ? a->charset
	        : NULL;
	if (t->has_dependents)
		forget_values(a, row->type);
	for (uint16_t k = 0; k < t->cut_from; k++) {
		uint16_t i = t->order[k];
		const struct field *f = &t->field[i];

		if (value_read(&a->reader, f, &row->value[i], &values[i], &fault) != 0) {
			values[i].present = false;
			if (tell_bad_value(a, f, row->value[i], &fault, row_place(a, row, i)) != 0)
				return -1;
		} else if (values[i].present && is_fact(f->target) &&
		           tell_fact(a, f, &values[i], row_place(a, row, i)) != 0)
			return -1;
	}
	return t->has_pattern ? read_pieces(a, row->value, row_place, row) : 0;
}

/* Running numbers: each is one step more than the one before it. */
static int
check_runs(struct assemble *a, uint16_t type, struct place at)
{
	const struct record_type *t = &a->layout->type[type];

	for (uint16_t i = 0; t->has_runs && i < t->fields; i++) {
		const struct field *f = &t->field[i];
		const struct value *v = &a->type[type].value[i];
		int64_t before, expected;

		if (!f->runs)
			continue;
		before = f->runs_all ? (int64_t) (at.number - a->level[f->runs_level].first_number)
		                     : a->type[type].run[i]++;
		expected = f->runs_from + f->runs_step * before;
		if (v->present && v->number == expected)
			continue;
		if (assemble_refuse(
		        a, "running_number", f->name, v->text, at.number, at.offset,
		        "%s.%s is %lld where %lld comes next: a record is missing, doubled or out of order", t->name,
		        f->name, (long long) v->number, (long long) expected) != 0)
			return -1;
	}
	return 0;
}

/* A header's values hold for what is below it. */
static int
say_header(struct assemble *a, uint16_t type)
{
	for (uint16_t i = 0; i < a->layout->type[type].fields; i++)
		if (level_say(a, type, i) != 0)
			return -1;
	return 0;
}

/* A trailer's and a note's numbers stay for the controls; their texts go with the record. */
static void
forget_texts(struct assemble *a, uint16_t type)
{
	for (uint16_t i = 0; i < a->layout->type[type].fields; i++)
		a->type[type].value[i].text = nothing;
}

static int
take_addendum(struct assemble *a, uint16_t type, struct place at, uint32_t length)
{
	const struct record_type *t = &a->layout->type[type];
	struct entry *e = &a->entry;

	if (!e->pending)
		return assemble_refuse(a, "order", t->name, nothing, at.number, at.offset,
		                       "%s record has no entry before it", t->name);
	a->type[type].count++;
	if (e->record.offset + e->record.length < at.offset + length)
		e->record.length = (uint32_t) (at.offset + length - e->record.offset);
	if (keep_values(a, type, &e->texts) != 0)
		return -1;
	if (e->texts.total > LIMIT_ENTRY_BYTES)
		return entry_too_long(a, (struct place){e->physical, e->record.offset});
	e->addenda |= 1ULL << type;
	if (t->verdict != VERDICT_NONE)
		e->verdict = t->verdict;
	a->level[a->depth].last_number = at.number;
	return entry_fields(a, type, true);
}

/* What a record that was read means where it stands. */
static int
take_record(struct assemble *a, uint16_t type, struct place at, uint32_t length)
{
	const struct record_type *t = &a->layout->type[type];

	switch ((enum role) t->role) {
	case ROLE_HEADER:
		if (say_header(a, type) != 0)
			return -1;
		break;
	case ROLE_TRAILER:
		if (level_trailer(a, type, at) != 0)
			return -1;
		break;
	case ROLE_NOTE:
		if (entry_flush(a) != 0 || level_stand(a, type, at) != 0)
			return -1;
		break;
	case ROLE_ADDENDUM:
		if (take_addendum(a, type, at, length) != 0)
			return -1;
		break;
	case ROLE_ENTRY:
	case ROLE_FILLER:
	case ROLE_CONTINUATION:
	case ROLE_NAME:
		return 0;
	}
	a->current = type;
	if (a->depth >= 0 && (totals_add(a, type, VERDICT_NONE, at) != 0 || check_runs(a, type, at) != 0))
		return -1;
	if (t->states_each && a->depth >= 0 && each_stated(a, type, at) != 0)
		return -1;
	if (t->role == ROLE_TRAILER || t->role == ROLE_NOTE)
		forget_texts(a, type);
	return 0;
}

static int
row_of_entry(struct assemble *a, const struct row *row)
{
	const struct record_type *t = &a->layout->type[row->type];
	struct place at = {row->number, row->offset};

	/* the entry before it, and levels that it closes, are done with before it begins */
	if (entry_flush(a) != 0 || level_stand(a, row->type, at) != 0)
		return -1;
	if (a->depth != t->level)
		return 0; /* reported: it stands nowhere */
	entry_begin(a, row->type, at, row->length);
	if (read_row(a, row) != 0)
		return -1;
	a->entry.ignored = t->ignore_when.count > 0 && conditions_hold(a, &t->ignore_when, VERDICT_NONE);
	if (a->addenda && keep_values(a, row->type, &a->entry.texts) != 0)
		return -1;
	if (entry_fields(a, row->type, false) != 0 || check_runs(a, row->type, at) != 0)
		return -1;
	return a->addenda ? 0 : entry_flush(a);
}

int
assemble_row(struct assemble *a, const struct row *row)
{
	const struct record_type *t = &a->layout->type[row->type];
	struct place at = {row->number, row->offset};

	if (a->stopped)
		return -1;
	if (row->number > a->physical)
		a->physical = row->number;
	if (t->role == ROLE_ENTRY)
		return row_of_entry(a, row);
	if (t->role == ROLE_FILLER)
		return 0;
	if (t->role != ROLE_ADDENDUM && entry_flush(a) != 0)
		return -1;
	/* a header's values replace those of the one before it: first the level that these belong to is closed */
	if (t->role == ROLE_HEADER) {
		if (level_header(a, row->type, at) != 0)
			return -1;
		if (a->depth != t->level)
			return 0; /* reported: it stands nowhere */
	}
	if (read_row(a, row) != 0)
		return -1;
	if (t->ignore_when.count > 0 && conditions_hold(a, &t->ignore_when, VERDICT_NONE))
		return 0;
	a->type[row->type].length = row->length;
	return take_record(a, row->type, at, row->length);
}

int
assemble_name(struct assemble *a, const char *name, size_t len)
{
	struct slice value[NAME_PARTS];
	struct row row = {.value = value, .bytes = name, .plain = true};
	char shown[TEXT_SHOWN_SIZE];

	if (a->layout->name == NULL)
		return 0;
	if (!name_split(a->layout->name, name, len, value, a->layout->type[0].fields))
		return assemble_refuse(a, "file_name", NULL, (struct slice){name, (uint32_t) len}, 0, 0,
		                       "the file's name %s does not fit the profile's file_name",
		                       text_show(shown, name, len));
	a->type[0].seen = true;
	if (read_row(a, &row) != 0 || keep_values(a, 0, &a->name_texts) != 0)
		return -1;
	for (uint16_t i = 0; i < a->layout->type[0].fields; i++)
		if (a->type[0].value[i].present)
			a->name_slot[a->layout->type[0].field[i].slot] = &a->type[0].value[i];
	return 0;
}

/* ---- nested formats ---- */

/* Constants hold from the beginning. */
static int
open_header(struct assemble *a, uint16_t type, struct place at)
{
	const struct record_type *t = &a->layout->type[type];

	if (level_header(a, type, at) != 0)
		return -1;
	a->current = type;
	a->reader.scratch_used = 0;
	for (uint16_t i = 0; a->depth == t->level && i < t->fields; i++)
		if (t->field[i].constant.data != NULL &&
		    (read_field(a, i, nothing, at) != 0 || level_say(a, type, i) != 0))
			return -1;
	return 0;
}

int
assemble_open(struct assemble *a, uint16_t type, uint64_t number, uint64_t offset)
{
	const struct record_type *t = &a->layout->type[type];
	struct place at = {number, offset};

	if (a->stopped)
		return -1;
	if (number > a->physical)
		a->physical = number;
	if (a->opened == (int) (sizeof(a->open) / sizeof(*a->open))) {
		(void) assemble_refuse(a, "order", t->name, nothing, number, offset,
		                       "a %s is nested in too many records", t->name);
		a->stopped = true;
		return -1;
	}
	a->open[a->opened++] = (struct open_type){t, &a->type[type], type, number, offset};
	forget_values(a, type);
	memset(a->type[type].raw, 0, t->fields * sizeof(*a->type[type].raw));
	texts_reset(&a->type[type].texts);
	if (t->role == ROLE_ADDENDUM)
		return 0;
	if (entry_flush(a) != 0)
		return -1;
	if (t->role == ROLE_HEADER)
		return open_header(a, type, at);
	if (t->role != ROLE_ENTRY)
		return 0;
	if (level_stand(a, type, at) != 0)
		return -1;
	entry_begin(a, type, at, 0);
	return 0;
}

/* A level's field holds for what comes after it; what came before has lacked it. */
static NOINLINE int
level_field(struct assemble *a, uint16_t field, struct slice value, struct place at)
{
	const struct record_type *t = &a->layout->type[a->current];
	const struct field *f = &t->field[field];
	bool inherited = (f->target != TARGET_FREE && !is_fact(f->target)) || f->is_verdict;

	if (a->depth < t->level)
		return 0;
	a->reader.scratch_used = 0;
	if (inherited && a->level[t->level].named > 0)
		return assemble_refuse(a, "order", f->name, value, at.number, at.offset,
		                       "%s.%s stands after records that it should hold for", t->name, f->name);
	if (read_field(a, field, value, at) != 0)
		return -1;
	return level_say(a, a->current, field);
}

char *
assemble_room(struct assemble *a, size_t len)
{
	char *p = texts_room(&a->open[a->opened - 1].state->texts, len);

	a->stopped |= p == NULL;
	return p;
}

int
assemble_field(struct assemble *a, uint16_t field, struct slice value, uint64_t offset)
{
	const struct open_type *open = &a->open[a->opened - 1];
	const struct record_type *t = open->rule;
	const struct field *f = &t->field[field];
	struct type_state *state = open->state;
	struct place at = {open->number, offset};
	struct slice *raw = &state->raw[field];

	if (a->stopped)
		return -1;
	if (raw->data != NULL && !f->many)
		return assemble_refuse(a, "repeated", f->name, value, at.number, at.offset,
		                       "%s.%s stands here more than once (many: yes allows it)", t->name, f->name);
	if (value.len == 0 && raw->data != NULL)
		return 0;
	/* a level may be as long as the file; its fields have the limit of a field */
	if (t->role != ROLE_HEADER && offset - open->offset > a->layout->limits.record_bytes)
		return entry_too_long(a, (struct place){open->number, open->offset});
	/* a set of codes is joined as such; texts just go on */
	if (raw->data == NULL || raw->len == 0) {
		state->raw_at[field] = offset;
		*raw = f->many && value.len > 0
		           ? texts_append(&state->texts, (struct slice){NULL, 0}, 0, value)
		           : texts_keep(&state->texts, value.data == NULL ? (struct slice){"", 0} : value);
	} else
		*raw = texts_append(&state->texts, *raw, f->target == TARGET_REASON ? '\x1f' : ' ', value);
	if (raw->data == NULL) {
		a->stopped = true;
		return -1;
	}
	if (t->role != ROLE_HEADER)
		return 0;
	a->current = open->type;
	return level_field(a, field, *raw, at);
}

static struct place
collected_place(const struct assemble *a, const void *context, uint16_t field)
{
	const struct open_type *open = context;
	const struct type_state *state = &a->type[open->type];

	return (struct place){open->number, state->raw[field].data == NULL ? open->offset : state->raw_at[field]};
}

/* The fields of a record at its end; of a level only those that did not come (the others hold since they
 * came). */
static int
read_collected(struct assemble *a, const struct open_type *open, bool absent_only)
{
	const struct record_type *t = &a->layout->type[open->type];
	struct type_state *state = &a->type[open->type];

	a->current = open->type;
	a->reader.scratch_used = 0;
	for (uint16_t k = 0; k < t->cut_from; k++) {
		uint16_t i = t->order[k];
		struct place at = collected_place(a, open, i);

		if (absent_only && (state->raw[i].data != NULL || t->field[i].constant.data != NULL))
			continue;
		if (read_field(a, i, state->raw[i], at) != 0)
			return -1;
		if (absent_only && level_say(a, open->type, i) != 0)
			return -1;
	}
	return t->has_pattern ? read_pieces(a, state->raw, collected_place, open) : 0;
}

int
assemble_close(struct assemble *a, uint64_t end)
{
	const struct open_type open = a->open[--a->opened];
	const struct record_type *t = &a->layout->type[open.type];
	struct place at = {open.number, open.offset};
	uint32_t length = (uint32_t) (end - open.offset);

	if (a->stopped)
		return -1;
	if (t->role != ROLE_ADDENDUM && t->role != ROLE_ENTRY && entry_flush(a) != 0)
		return -1;
	if (read_collected(a, &open, t->role == ROLE_HEADER) != 0)
		return -1;
	if (t->role == ROLE_HEADER) {
		if (a->depth < t->level)
			return 0;
		a->type[open.type].length = length;
		if (totals_add(a, open.type, VERDICT_NONE, at) != 0)
			return -1;
		return level_close(a, t->level, at);
	}
	if (t->role != ROLE_ENTRY)
		return take_record(a, open.type, at, length);
	if (a->depth != t->level) {
		a->entry.pending = false; /* reported: it stands nowhere */
		return 0;
	}
	a->entry.record.length = length;
	a->entry.ignored = t->ignore_when.count > 0 && conditions_hold(a, &t->ignore_when, VERDICT_NONE);
	if (a->addenda && keep_values(a, open.type, &a->entry.texts) != 0)
		return -1;
	if (entry_fields(a, open.type, false) != 0 || check_runs(a, open.type, at) != 0)
		return -1;
	return a->addenda ? 0 : entry_flush(a);
}

struct charset *
assemble_charset(struct assemble *a)
{
	return a->charset;
}

void
assemble_count(struct assemble *a, uint64_t physical)
{
	a->physical = physical;
}

void
assemble_whole(struct assemble *a)
{
	a->whole = true;
}

bool
assemble_conditions(struct assemble *a, const struct conditions *c)
{
	bool holds;

	a->outside = true; /* the record's own values are not read yet */
	holds = conditions_hold(a, c, VERDICT_NONE);
	a->outside = false;
	return holds;
}

/* A data file is at its end: what is missing in it is told. */
static void
end_file(struct assemble *a, uint64_t bytes)
{
	const uint64_t before = a->files > 1 ? a->files - 1 : 0; /* instances of the file's level */
	struct place end = {a->physical, bytes};
	/* given up at a mistake of the format, or before anything was reported, or within a record */
	bool broken = a->broken || a->opened > 0 || (a->refused && a->level[0].instance == before);

	if (!a->stopped && a->physical == a->start.number && !a->refused)
		(void) assemble_refuse(a, "empty", NULL, nothing, 0, a->start.offset,
		                       "the file is empty: %llu bytes and no record",
		                       (unsigned long long) (bytes - a->start.offset));
	else if (!a->stopped && !broken) {
		if (a->level[0].instance == before)
			level_begin(a, end); /* nothing stood in it: what is missing is reported at its end */
		(void) level_close(a, 0, end);
	}
	a->not_whole |= !a->whole;
}

int
assemble_file(struct assemble *a, const char *name, uint64_t bytes)
{
	char shown[TEXT_SHOWN_SIZE];

	if (a->files > 0) {
		end_file(a, bytes);
		a->start = (struct assemble_start){
		    a->physical > a->level[0].last_number ? a->physical : a->level[0].last_number, bytes};
		a->physical = a->start.number;
		a->whole = false;
	}
	a->files++;
	snprintf(a->of_file, sizeof(a->of_file), " (in %s)", text_show(shown, name, strlen(name)));
	return a->stopped || a->refused ? -1 : 0;
}

struct assemble_start
assemble_start(const struct assemble *a)
{
	return a->start;
}

int
assemble_finish(struct assemble *a, uint64_t bytes, struct parse_end *ret)
{
	end_file(a, bytes);
	if (a->sink->facts(a->sink->context, &a->facts) != 0)
		return -1;
	*ret = (struct parse_end){
	    .records = a->records, .bytes = bytes, .refused = a->refused, .whole = !a->not_whole && !a->refused};
	return a->refused || !a->stopped ? 0 : -1;
}
