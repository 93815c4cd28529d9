/* fields: where each stands, by positions, column, path or the file's name. */
#include "lib/profile/profile_internal.h"

/* "12", "3-38", "27-": from 1, both ends in it. */
bool
compile_range(const char *text, struct range *ret)
{
	char *end;
	unsigned long first, last;

	if (*text < '1' || *text > '9')
		return false;
	first = strtoul(text, &end, 10);
	last = first;
	if (*end == '-' && end[1] == '\0')
		last = 0;
	else if (*end == '-' && end[1] >= '1' && end[1] <= '9')
		last = strtoul(end + 1, &end, 10);
	if ((*end != '\0' && last != 0) || first > INT32_MAX || last > INT32_MAX || (last != 0 && last < first))
		return false;
	*ret = (struct range){(uint32_t) first - 1, last == 0 ? 0 : (uint32_t) (last - first + 1)};
	return true;
}

/* Fixed width: ranges joined by '+'. */
static void
place_ranges(struct compile *c, const struct yaml_node *n, struct field *f)
{
	char one[32];

	for (const char *p = n->text; p != NULL; p = strchr(p, '+') == NULL ? NULL : strchr(p, '+') + 1) {
		size_t len = strcspn(p, "+");

		snprintf(one, sizeof(one), "%.*s", (int) (len < sizeof(one) ? len : sizeof(one) - 1), p);
		if (f->ranges == LAYOUT_RANGES || !compile_range(one, &f->range[f->ranges])) {
			yaml_error(c->problems, n,
			           "must be positions as in 3-38, 26, 27- or 1-2+10-12 (at most %d parts)",
			           LAYOUT_RANGES);
			return;
		}
		f->ranges++;
	}
}

/* JSON: "*" is the key of the object that is the record, whose path ends in any key. */
static void
place_key(struct compile *c, const struct yaml_node *at, const struct record_type *type, struct field *f)
{
	const struct path *path = &type->path;

	if (path->steps == 0 || path->step[path->steps - 1].name[0] != '\0' || path->step[path->steps - 1].array)
		yaml_error(c->problems, at, "* is the key of a record whose path ends in any key, as in /answers/*");
	f->path.attribute = "*";
}

/* Delimited: a number, number.part, or a column's name. */
static void
place_column(struct compile *c, const struct yaml_node *n, struct field *f)
{
	char *end;
	unsigned long column = 0, part = 0;

	f->column = f->part = -1;
	if (!n->quoted && *n->text >= '1' && *n->text <= '9') {
		column = strtoul(n->text, &end, 10);
		if (*end == '.' && end[1] >= '1' && end[1] <= '9')
			part = strtoul(end + 1, &end, 10);
		if (*end == '\0') {
			if (column > LAYOUT_FIELDS || part > LAYOUT_FIELDS)
				yaml_error(c->problems, n, "must be a column from 1 to %d", LAYOUT_FIELDS);
			f->column = (int16_t) (column - 1);
			f->part = (int16_t) ((int) part - 1);
			return;
		}
	}
	if (!c->layout->delimited.header)
		yaml_error(c->problems, n, "must be a column's number: names need delimited: header: names");
	f->column_name = compile_copy(c, n->text);
}

void
compile_place(struct compile *c, struct yaml_node *map, struct record_type *type, struct field *f)
{
	struct yaml_node *at = compile_child(c, map, "at", YAML_SCALAR);
	struct yaml_node *value = compile_child(c, map, "value", YAML_SCALAR);

	f->column = f->part = -1;
	if (value != NULL)
		f->constant = compile_slice(c, value->text);
	if (value != NULL && at != NULL)
		yaml_error(c->problems, value, "stands beside at: a field has the one or the other");
	if (at == NULL || value != NULL)
		return;
	switch ((enum layout_format) c->layout->format) {
	case FORMAT_FIXED:
		place_ranges(c, at, f);
		break;
	case FORMAT_DELIMITED:
		place_column(c, at, f);
		break;
	case FORMAT_JSON:
	case FORMAT_JSON_LINES:
		if (strcmp(at->text, "*") == 0) {
			place_key(c, at, type, f);
			break;
		}
		compile_path(c, at, at->text, &f->path);
		break;
	case FORMAT_XML:
		compile_path(c, at, at->text, &f->path);
		break;
	}
}
