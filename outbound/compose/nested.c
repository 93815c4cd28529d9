/*
 * Records of XML and JSON: elements and objects by the profile's paths.  Those that are open stay open for
 * the records below them; a record of its own is opened for each.
 */
#include <stdlib.h>
#include <string.h>

#include "outbound/compose/compose_internal.h"

static bool
is_xml(const struct composing *c)
{
	return c->profile->layout->format == FORMAT_XML;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_step(const struct path_step *a, const struct path_step *b)
{
	return strcmp(a->name, b->name) == 0 && a->spaces == b->spaces && a->array == b->array &&
	       same_text(a->attribute_name, b->attribute_name) &&
	       same_text(a->attribute_value, b->attribute_value);
}

/* Do both lead through the same first steps? */
static bool
same_way(const struct path *a, const struct path *b, uint16_t steps)
{
	if (a->steps < steps || b->steps < steps)
		return false;
	for (uint16_t i = 0; i < steps; i++)
		if (!same_step(&a->step[i], &b->step[i]))
			return false;
	return true;
}

/* ---- what can be written ---- */

static bool
check_names(struct composing *c, const struct path *path, const char *whose)
{
	static const char never[] = " \t\r\n<>&\"'=:/";

	for (uint16_t i = 0; i < path->steps; i++) {
		const struct path_step *s = &path->step[i];

		if (s->name[0] == '\0' || (is_xml(c) && strpbrk(s->name, never) != NULL) ||
		    (s->attribute_name != NULL && strpbrk(s->attribute_name, never) != NULL))
			return compose_fails(c, "the path of %s leads through a name that cannot be written", whose);
	}
	if (path->steps > COMPOSE_DEPTH || (path->attribute != NULL && strpbrk(path->attribute, never) != NULL))
		return compose_fails(c, "the path of %s cannot be written", whose);
	return true;
}

/* Is the record known by nothing but what its fields always are? */
static bool
check_when(struct composing *c, const struct record_type *t)
{
	for (uint16_t i = 0; i < t->when.count; i++) {
		const struct condition *k = &t->when.all[i];
		int16_t field = k->kind == IF_FIELD && k->slot >= 0 ? t->by_slot[k->slot] : -1;

		if (field < 0 || t->field[field].must_be.count == 0)
			return compose_fails(c, "%s is known by a condition that cannot be written: say must_be",
			                     t->name);
	}
	return true;
}

static bool
check_field(struct composing *c, const struct record_type *t, const struct field *f)
{
	if (f->constant.data != NULL || f->piece)
		return true;
	if (f->type == FIELD_BLANK || f->type == FIELD_FLAGS)
		return compose_fails(c, "a field such as %s cannot be written", f->name);
	if (!is_xml(c) && f->path.steps == 0)
		return compose_fails(c, "the field %s has no name to stand under", f->name);
	/* text beside elements: blanks between those would be a part of it */
	if (f->path.steps == 0 && f->path.attribute == NULL && t->role != ROLE_ENTRY)
		return compose_fails(c, "the field %s is the text of an element with others in it", f->name);
	for (const struct field *other = t->field; other < f; other++)
		if (other->constant.data == NULL && !other->piece && other->path.steps == f->path.steps &&
		    same_way(&other->path, &f->path, f->path.steps) &&
		    same_text(other->path.attribute, f->path.attribute))
			return compose_fails(c, "the fields %s and %s stand in the same place", other->name, f->name);
	return check_names(c, &f->path, f->name);
}

bool
compose_check_nested(struct composing *c)
{
	const struct layout *l = c->profile->layout;

	for (uint16_t i = 0; i < l->types; i++) {
		const struct record_type *t = &l->type[i];

		if (t->role == ROLE_NAME)
			continue;
		if (!check_names(c, &t->path, t->name) || !check_when(c, t))
			return false;
		if (t->path.steps == 0 && (is_xml(c) || t->role != ROLE_HEADER))
			return compose_fails(c, "%s has no path of its own", t->name);
		if (t->role == ROLE_ENTRY && !is_xml(c) && !t->path.step[t->path.steps - 1].array)
			return compose_fails(c, "%s is to stand in an array: name[]", t->name);
		for (uint16_t k = 0; k < i; k++)
			if (l->type[k].role != ROLE_NAME && l->type[k].path.steps == t->path.steps &&
			    same_way(&l->type[k].path, &t->path, t->path.steps))
				return compose_fails(c, "%s and %s have the same path", l->type[k].name, t->name);
		for (uint16_t f = 0; f < t->fields; f++)
			if (!check_field(c, t, &t->field[f]))
				return false;
	}
	return true;
}

/* ---- texts ---- */

static void
put_xml_text(struct composing *c, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		const char *as = *p == '&'   ? "&amp;"
		                 : *p == '<' ? "&lt;"
		                 : *p == '>' ? "&gt;"
		                 : *p == '"' ? "&quot;"
		                             : NULL;

		if (as != NULL)
			fputs(as, c->out);
		else
			fputc(*p, c->out);
	}
}

static void
put_json_text(struct composing *c, const char *text)
{
	fputc('"', c->out);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', c->out);
		fputc(*p, c->out);
	}
	fputc('"', c->out);
}

/* A number as JSON has it: what begins with a zero is an identifier, and stays a text. */
static bool
is_json_number(const struct field *f, const char *text)
{
	size_t whole = strspn(text, "0123456789");
	const char *rest = text + whole;

	if ((f->type != FIELD_INTEGER && f->type != FIELD_AMOUNT) || whole == 0 || (text[0] == '0' && whole > 1))
		return false;
	return *rest == '\0' ||
	       (*rest == '.' && rest[1] != '\0' && rest[1 + strspn(rest + 1, "0123456789")] == '\0');
}

/* ---- elements and objects ---- */

/* The name of an element, with the prefix of its namespace. */
static void
put_name(struct composing *c, const struct path_step *s)
{
	const struct xml_rule *xml = &c->profile->layout->xml;

	for (uint16_t i = 0; i < xml->prefixes && s->spaces != xml->spaces; i++)
		if (xml->prefix[i].spaces == s->spaces) {
			fprintf(c->out, "%s:", xml->prefix[i].name);
			break;
		}
	fputs(s->name, c->out);
}

static void
put_attribute(struct composing *c, const char *name, const char *value)
{
	fprintf(c->out, " %s=\"", name);
	put_xml_text(c, value);
	fputc('"', c->out);
}

/* <name and what it always has; without the end of the tag. */
static void
begin_tag(struct composing *c, const struct path_step *s, bool root)
{
	const struct xml_rule *xml = &c->profile->layout->xml;

	fputc('<', c->out);
	put_name(c, s);
	if (root && xml->spaces != NULL && xml->spaces[0] != NULL)
		put_attribute(c, "xmlns", xml->spaces[0]);
	for (uint16_t i = 0; root && i < xml->prefixes; i++) {
		fputs(" xmlns:", c->out);
		fprintf(c->out, "%s=\"", xml->prefix[i].name);
		put_xml_text(c, xml->prefix[i].spaces[0]);
		fputc('"', c->out);
	}
	if (s->attribute_name != NULL)
		put_attribute(c, s->attribute_name, s->attribute_value);
}

static void
end_tag(struct composing *c, const struct path_step *s)
{
	fputs("</", c->out);
	put_name(c, s);
	fputc('>', c->out);
}

/* "name": of a member of the object that we are in, and what opens its array. */
static void
begin_member(struct composing *c, const struct path_step *s, bool *has_members)
{
	if (*has_members)
		fputc(',', c->out);
	*has_members = true;
	put_json_text(c, s->name);
	fputs(s->array ? ":[" : ":", c->out);
}

/* ---- fields ---- */

static bool
is_written(const struct field *f)
{
	return f->constant.data == NULL && !f->piece;
}

/* The fields of a type that stand below the first `depth` steps of this one's path: is it the first of them?
 */
static bool
is_first_below(const struct record_type *t, const struct field *f, uint16_t depth)
{
	for (const struct field *before = t->field; before < f; before++)
		if (is_written(before) && same_way(&before->path, &f->path, depth))
			return false;
	return true;
}

static bool
put_json_object(struct composing *c, size_t type, const struct field *of, uint16_t depth, bool *has_members)
{
	const struct record_type *t = &c->profile->layout->type[type];

	for (const struct field *f = t->field; f < t->field + t->fields; f++) {
		const struct path_step *s = f->path.steps > depth ? &f->path.step[depth] : NULL;
		bool leaf = f->path.steps == depth + 1, inner = false;

		if (!is_written(f) || s == NULL || (of != NULL && !same_way(&of->path, &f->path, depth)) ||
		    !is_first_below(t, f, (uint16_t) (depth + 1)))
			continue;
		if (leaf && !compose_field_text(c, type, f))
			return false;
		if (leaf && c->text[0] == '\0')
			continue; /* absent */
		begin_member(c, s, has_members);
		if (leaf && is_json_number(f, c->text))
			fputs(c->text, c->out);
		else if (leaf)
			put_json_text(c, c->text);
		else {
			fputc('{', c->out);
			if (!put_json_object(c, type, f, (uint16_t) (depth + 1), &inner))
				return false;
			fputc('}', c->out);
		}
		if (s->array)
			fputc(']', c->out);
	}
	return true;
}

/* What stands in the element at `depth`: the rest of its tag, its text, its elements. */
static bool
put_xml_element(struct composing *c, size_t type, const struct field *of, uint16_t depth)
{
	const struct record_type *t = &c->profile->layout->type[type];
	const struct field *end = t->field + t->fields;

	for (int text = 0; text < 2; text++) {
		for (const struct field *f = t->field; f < end; f++) {
			if (!is_written(f) || f->path.steps != depth || (f->path.attribute == NULL) != (text == 1) ||
			    (of != NULL && !same_way(&of->path, &f->path, depth)))
				continue;
			if (!compose_field_text(c, type, f))
				return false;
			if (text == 1)
				put_xml_text(c, c->text);
			else if (c->text[0] != '\0')
				put_attribute(c, f->path.attribute, c->text);
		}
		if (text == 0)
			fputc('>', c->out);
	}
	for (const struct field *f = t->field; f < end; f++) {
		if (!is_written(f) || f->path.steps <= depth ||
		    (of != NULL && !same_way(&of->path, &f->path, depth)) ||
		    !is_first_below(t, f, (uint16_t) (depth + 1)))
			continue;
		begin_tag(c, &f->path.step[depth], false);
		if (!put_xml_element(c, type, f, (uint16_t) (depth + 1)))
			return false;
		end_tag(c, &f->path.step[depth]);
	}
	return true;
}

/* ---- records ---- */

/* Closes what is open beyond so many; next: what is to be opened there, which may go on with an array. */
static void
close_to(struct composing *c, uint16_t depth, const struct path_step *next)
{
	while (c->open_count > depth) {
		const struct path_step *s = c->open[--c->open_count];

		if (is_xml(c)) {
			end_tag(c, s);
			continue;
		}
		fputc('}', c->out);
		c->goes_on = s->array && c->open_count == depth && next != NULL && same_step(s, next);
		if (s->array && !c->goes_on)
			fputc(']', c->out);
	}
}

static void
open_object(struct composing *c, const struct path_step *s)
{
	if (c->goes_on)
		fputc(',', c->out);
	else
		begin_member(c, s, &c->has_members[c->open_count]);
	c->goes_on = false;
	fputs("\n{", c->out);
	c->open[c->open_count++] = s;
	c->has_members[c->open_count] = false;
}

bool
compose_nested_record(struct composing *c, size_t type)
{
	const struct path *path = &c->profile->layout->type[type].path;
	uint16_t common = 0;

	while (common < c->open_count && common + 1 < path->steps &&
	       same_step(c->open[common], &path->step[common]))
		common++;
	close_to(c, common, common < path->steps ? &path->step[common] : NULL);
	for (uint16_t i = common; i < path->steps; i++) {
		if (!is_xml(c)) {
			open_object(c, &path->step[i]);
			continue;
		}
		fputc('\n', c->out);
		begin_tag(c, &path->step[i], i == 0);
		if (i + 1 < path->steps)
			fputc('>', c->out);
		c->open[c->open_count++] = &path->step[i];
	}
	c->line++;
	return is_xml(c) ? put_xml_element(c, type, NULL, 0)
	                 : put_json_object(c, type, NULL, 0, &c->has_members[c->open_count]);
}

void
compose_nested_begin(struct composing *c)
{
	fputs(is_xml(c) ? "<?xml version=\"1.0\" encoding=\"UTF-8\"?>" : "{", c->out);
}

void
compose_nested_end(struct composing *c)
{
	close_to(c, 0, NULL);
	fputs(is_xml(c) ? "\n" : "}\n", c->out);
}
