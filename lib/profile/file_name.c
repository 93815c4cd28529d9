/* File-name patterns: compiled to a record type of its own, so that a name's fields are fields like others.
 */
#include "lib/profile/file_name.h"

#include <inttypes.h>
#include <stdarg.h>

#include "lib/base/limits.h"
#include "lib/profile/profile_internal.h"
#include "lib/profile/dates.h"
#include "lib/profile/values.h"

/* The name's field of that name, made when it is not there yet. */
static int16_t
name_field(struct compile *c, const struct yaml_node *at, const char *name, const char *format)
{
	struct record_type *type = &c->layout->type[0];
	int found = compile_find_field(type, name, strlen(name));
	struct field *f;
	struct date_rule *date;
	const char *why;

	if (found >= 0)
		return (int16_t) found;
	if (type->fields == NAME_PARTS) {
		yaml_error(c->problems, at, "has too many fields");
		return -1;
	}
	f = &type->field[type->fields];
	f->name = compile_copy(c, name);
	f->slot = (uint16_t) compile_slot(c, at, name);
	f->target = (uint8_t) target_of(name);
	f->optional = true;
	f->column = f->part = -1;
	f->number = (struct number_rule){.sign_slot = -1, .implied_slot = -1, .minor_slot = -1, .max = INT64_MAX};
	if (*format == '\0')
		f->type = FIELD_ID;
	else if (*format == '+' || (*format >= '0' && *format <= '9'))
		f->type = FIELD_INTEGER;
	else {
		f->type = FIELD_DATE;
		f->date = date = compile_alloc(c, 1, sizeof(*date));
		if (date == NULL || !date_compile(compile_copy(c, format), date, &why))
			yaml_error(c->problems, at, "{%s:%s}: must be a number of digits, + or a date", name, format);
		else {
			date->pivot = 70;
			date->cut_off = -1;
		}
	}
	if (f->target == TARGET_TEST || f->target == TARGET_LISTS)
		yaml_error(c->problems, at, "%s cannot stand in a file's name", name);
	return (int16_t) type->fields++;
}

/* How many bytes a date takes by its pattern; 0 when that is not always the same. */
static uint16_t
date_width(const struct date_rule *rule)
{
	static const uint8_t width[DATE_UNIX_MS + 1] = {
	    [DATE_LITERAL] = 1, [DATE_YEAR4] = 4,  [DATE_YEAR2] = 2,       [DATE_CENTURY] = 1,
	    [DATE_MONTH] = 2,   [DATE_DAY] = 2,    [DATE_DAY_OF_YEAR] = 3, [DATE_MONTH_SHORT] = 3,
	    [DATE_HOUR] = 2,    [DATE_MINUTE] = 2, [DATE_SECOND] = 2,
	};
	unsigned sum = 0;

	for (int i = 0; i < rule->parts; i++) {
		if (width[rule->part[i].token] == 0)
			return 0;
		sum += width[rule->part[i].token];
	}
	return (uint16_t) sum;
}

/* {name} or {name:format}; p is after the brace.  Returns what follows the closing one. */
static const char *
compile_part(struct compile *c, const struct yaml_node *at, const char *p, struct name_part *part)
{
	char name[64], format[64] = "";
	size_t len = strcspn(p, ":}"), format_len = 0;

	if (p[len] == ':')
		format_len = strcspn(p + len + 1, "}");
	if (len == 0 || len >= sizeof(name) || format_len >= sizeof(format) ||
	    p[len + (format_len > 0 ? format_len + 1 : 0)] != '}') {
		yaml_error(c->problems, at, "must be a pattern as in {business_date:YYYYMMDD}_{sequence:6}.csv");
		return NULL;
	}
	snprintf(name, sizeof(name), "%.*s", (int) len, p);
	snprintf(format, sizeof(format), "%.*s", (int) format_len, p + len + (format_len > 0));
	part->field = name_field(c, at, name, format);
	if (part->field < 0)
		return NULL;
	if (*format == '\0')
		part->kind = NAME_TEXT;
	else if (*format == '+')
		part->kind = NAME_DIGITS;
	else {
		const struct field *f = &c->layout->type[0].field[part->field];

		part->kind = NAME_FIXED;
		part->width = f->type == FIELD_DATE && f->date != NULL ? date_width(f->date)
		                                                       : (uint16_t) strtoul(format, NULL, 10);
		part->digits = f->type == FIELD_INTEGER;
		if (part->width == 0 || part->width > 255)
			yaml_error(c->problems, at, "{%s:%s} must be of a fixed width", name, format);
	}
	return p + len + (format_len > 0 ? format_len + 1 : 0) + 1;
}

static struct name_pattern *
compile_pattern(struct compile *c, const struct yaml_node *n)
{
	struct name_pattern *pattern = compile_alloc(c, 1, sizeof(*pattern));
	const char *p = n->text;

	if (pattern == NULL)
		return NULL;
	pattern->text = compile_copy(c, n->text);
	while (p != NULL && *p != '\0') {
		struct name_part *part = &pattern->part[pattern->parts];

		if (pattern->parts == NAME_PARTS) {
			yaml_error(c->problems, n, "has more than %d parts", NAME_PARTS);
			break;
		}
		pattern->parts++;
		part->field = -1;
		if (*p == '{')
			p = compile_part(c, n, p + 1, part);
		else if (*p == '*') {
			part->kind = NAME_ANY;
			p++;
		} else {
			size_t len = strcspn(p, "{*");
			char literal[256];

			snprintf(literal, sizeof(literal), "%.*s", (int) (len < 255 ? len : 255), p);
			part->kind = NAME_LITERAL;
			part->literal = compile_slice(c, literal);
			p += len;
		}
	}
	return pattern;
}

/* Is it a field that is called so, a number? */
static bool
is_number_called(const struct field *f, const char *name)
{
	return f->type == FIELD_INTEGER && strcmp(f->name, name) == 0;
}

/* A part without the total, or the other way round, says nothing of what is missing. */
static void
check_parts(struct compile *c, const struct yaml_node *at, const struct name_pattern *pattern)
{
	const struct record_type *type = &c->layout->type[0];
	int part = 0, parts = 0;

	for (int i = 0; i < pattern->parts; i++) {
		const struct field *f = pattern->part[i].field >= 0 ? &type->field[pattern->part[i].field] : NULL;

		part += f != NULL && is_number_called(f, "part");
		parts += f != NULL && is_number_called(f, "parts");
		if (f != NULL && f->type != FIELD_INTEGER &&
		    (strcmp(f->name, "part") == 0 || strcmp(f->name, "parts") == 0))
			yaml_error(c->problems, at, "{%s} must be a number, as in {part:2}of{parts:2}", f->name);
	}
	if (part != parts || part > 1)
		yaml_error(c->problems, at, "{part} and {parts} belong together, once each");
}

void
compile_file_name(struct compile *c)
{
	struct yaml_node *n = yaml_get(c->root, "file_name");
	struct yaml_node *at = compile_first(n);
	struct layout *l = c->layout;
	struct name_pattern **link = &l->name;
	struct record_type *type;

	l->type = compile_alloc(c, LAYOUT_TYPES, sizeof(*l->type));
	if (n == NULL || l->type == NULL)
		return;
	type = &l->type[l->types++];
	type->name = "name";
	type->role = ROLE_NAME;
	type->instead_of = -1;
	type->field = compile_alloc(c, NAME_PARTS, sizeof(*type->field));
	type->order = compile_alloc(c, NAME_PARTS, sizeof(*type->order));
	if (type->field == NULL || type->order == NULL)
		return;
	for (; at != NULL; at = compile_next(n, at)) {
		if (at->kind != YAML_SCALAR || *at->text == '\0') {
			yaml_error(c->problems, at, "must be a pattern or a list of patterns");
			return;
		}
		*link = compile_pattern(c, at);
		if (*link == NULL)
			return;
		check_parts(c, at, *link);
		link = &(*link)->next;
	}
	for (uint16_t i = 0; i < type->fields; i++)
		type->order[i] = i;
	type->cut_from = type->fields;
}

/* How many bytes the part may take at the beginning of name: least and most, most < least for none. */
static void
part_takes(const struct name_pattern *pattern, int i, const char *name, size_t len, size_t *least,
           size_t *most)
{
	const struct name_part *part = &pattern->part[i];
	size_t digits = 0;

	*least = 1;
	*most = 0;
	switch ((enum name_part_kind) part->kind) {
	case NAME_LITERAL:
		if (part->literal.len <= len && memcmp(name, part->literal.data, part->literal.len) == 0)
			*least = *most = part->literal.len;
		break;
	case NAME_FIXED:
	case NAME_DIGITS:
		while (digits < len && name[digits] >= '0' && name[digits] <= '9')
			digits++;
		if (part->kind == NAME_DIGITS)
			*most = digits;
		else if (part->width <= (part->digits ? digits : len))
			*least = *most = part->width;
		break;
	case NAME_TEXT:
		*most = len;
		break;
	case NAME_ANY:
		*least = 0;
		*most = len;
		break;
	}
}

/*
 * fits[i][at]: the parts from i on fit the name from at on.  Filled from the
 * end, so that no pattern takes more than parts x length squared.
 */
static bool
split_one(const struct name_pattern *pattern, const char *name, size_t len, struct slice *value)
{
	bool fits[NAME_PARTS + 1][LIMIT_NAME_BYTES + 1];
	size_t least, most, at = 0;

	for (size_t k = 0; k <= len; k++)
		fits[pattern->parts][k] = k == len;
	for (int i = pattern->parts - 1; i >= 0; i--)
		for (size_t k = 0; k <= len; k++) {
			fits[i][k] = false;
			part_takes(pattern, i, name + k, len - k, &least, &most);
			for (size_t take = least; take <= most && !fits[i][k]; take++)
				fits[i][k] = fits[i + 1][k + take];
		}
	if (!fits[0][0])
		return false;
	for (int i = 0; i < pattern->parts; i++) {
		size_t take;

		part_takes(pattern, i, name + at, len - at, &least, &most);
		take = pattern->part[i].kind == NAME_DIGITS ? most : least;
		/* digits take all they can, other parts as little as they can */
		while (!fits[i + 1][at + take])
			take = pattern->part[i].kind == NAME_DIGITS ? take - 1 : take + 1;
		if (pattern->part[i].field >= 0)
			value[pattern->part[i].field] = (struct slice){name + at, (uint32_t) take};
		at += take;
	}
	return true;
}

bool
name_split(const struct name_pattern *patterns, const char *name, size_t len, struct slice *value,
           size_t fields)
{
	for (const struct name_pattern *p = patterns; p != NULL && len <= LIMIT_NAME_BYTES; p = p->next) {
		memset(value, 0, fields * sizeof(*value));
		if (split_one(p, name, len, value))
			return true;
	}
	return false;
}

static void
take_fact(const struct field *f, const struct value *v, struct name_facts *ret)
{
	static const struct {
		const char *name;
		size_t has, number;
	} numbers[] = {
	    {"sequence", offsetof(struct name_facts, has_sequence), offsetof(struct name_facts, sequence)},
	    {"count", offsetof(struct name_facts, has_count), offsetof(struct name_facts, count)},
	    {"part", offsetof(struct name_facts, has_part), offsetof(struct name_facts, part)},
	    {"parts", offsetof(struct name_facts, has_part), offsetof(struct name_facts, parts)},
	};

	if (f->target == TARGET_PARTNER_ID)
		snprintf(ret->partner_id, sizeof(ret->partner_id), "%.*s", (int) v->text.len, v->text.data);
	if (f->target == TARGET_FILE_ID)
		snprintf(ret->file_id, sizeof(ret->file_id), "%.*s", (int) v->text.len, v->text.data);
	if (f->target == TARGET_BUSINESS_DATE) {
		ret->has_business_date = true;
		ret->business_date = (int32_t) v->number;
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (strcmp(f->name, numbers[i].name) == 0 && f->type == FIELD_INTEGER) {
			*(bool *) ((char *) ret + numbers[i].has) = true;
			memcpy((char *) ret + numbers[i].number, &v->number, sizeof(v->number));
		}
}

/* The name without its part and parts, which the files of one set have in common. */
static void
name_set(const struct record_type *type, const struct slice *value, const char *name, size_t len,
         struct name_facts *facts)
{
	char common[LIMIT_NAME_BYTES];
	size_t used = 0;

	for (size_t at = 0; at < len;) {
		size_t skip = 0;

		for (uint16_t i = 0; i < type->fields; i++)
			if (value[i].data == name + at && value[i].len > 0 &&
			    (is_number_called(&type->field[i], "part") || is_number_called(&type->field[i], "parts")))
				skip = value[i].len;
		common[used++] = skip > 0 ? '*' : name[at];
		at += skip > 0 ? skip : 1;
	}
	text_escape(facts->set, sizeof(facts->set), common, used);
}

bool
profile_match_name(const struct profile *profile, const char *name, size_t len, struct name_facts *ret_facts,
                   const char **ret_why)
{
	const struct layout *l = profile->layout;
	struct value_reader reader = {.business_date = DATE_UNKNOWN, .field_bytes = 255};
	struct slice value[NAME_PARTS];
	struct name_facts facts = {.count = 0};
	struct value_fault fault;

	if (l->name != NULL) {
		const struct record_type *type = &l->type[0];

		if (!name_split(l->name, name, len, value, type->fields)) {
			*ret_why = "does not fit the profile's file_name";
			return false;
		}
		for (uint16_t i = 0; i < type->fields; i++) {
			struct value v;

			if (value[i].data == NULL)
				continue;
			if (value_read(&reader, &type->field[i], &value[i], &v, &fault) != 0) {
				*ret_why = fault.why;
				return false;
			}
			take_fact(&type->field[i], &v, &facts);
		}
		if (facts.has_part)
			name_set(type, value, name, len, &facts);
	}
	*ret_facts = facts;
	return true;
}

static void add(char *statement, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
add(char *statement, const char *format, ...)
{
	size_t used = strlen(statement);
	va_list args;

	va_start(args, format);
	vsnprintf(statement + used, NAME_STATEMENT_SIZE - used, used > 0 ? format : format + 1, args);
	va_end(args);
}

const char *
name_statement(const struct name_facts *facts, char statement[NAME_STATEMENT_SIZE])
{
	char id[TEXT_ESCAPED_SIZE(LIMIT_NAME_BYTES)];
	int year, month, day;

	statement[0] = '\0';
	if (facts->has_sequence)
		add(statement, " sequence %" PRId64, facts->sequence);
	if (facts->has_business_date) {
		date_to_civil(facts->business_date, &year, &month, &day);
		add(statement, " business_date %04d-%02d-%02d", year, month, day);
	}
	if (facts->file_id[0] != '\0') {
		text_escape(id, sizeof(id), facts->file_id, strlen(facts->file_id));
		add(statement, " file_id %s", id);
	}
	if (facts->has_part)
		add(statement, " part %" PRId64 " of %" PRId64 " of %s", facts->part, facts->parts, facts->set);
	return statement;
}
