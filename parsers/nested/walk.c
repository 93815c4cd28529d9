#include "parsers/nested/walk.h"

#include "lib/base/noinline.h"
#include "lib/base/text.h"

/* A field that takes its value at a node: from the text, or from an attribute. */
struct reading {
	uint16_t field;
	const void *attribute; /* NULL: the text */
	struct reading *next;
};

/* A step of one or more paths. */
struct node {
	const void *name;    /* NULL: any */
	const void **spaces; /* NULL-ended; NULL: in none */
	const void *attribute;
	struct slice value; /* of that attribute */
	bool array;
	bool has_text; /* one of the readings takes the text */
	int16_t type;  /* record type that opens here, -1 none */
	struct reading *readings;
	struct node *first, *next; /* its children as they were found */
	/* and packed, when all are there: one look at a name each */
	uint16_t children;
	uint16_t next_fit; /* the one after that which fitted last: documents repeat themselves */
	bool simple;       /* no two children can fit the same element */
	bool reads;        /* one of the readings takes an attribute */
	const void **names;
	struct node **child;
};

/* An element that is open. */
struct element {
	uint16_t types, fields; /* how many nodes of each kind it stands at: the topmost ones of the stacks */
	int16_t type;           /* opened here, -1 none */
	bool collects;          /* its text is a field's value */
	uint64_t offset;        /* where it begins, when it is a record */
};

struct walk {
	const struct layout *layout;
	struct assemble *assemble;
	struct walk_source source;
	struct node *root;                 /* of the types' own paths */
	struct node **fields;              /* of each type: the paths of its fields */
	uint32_t depth;                    /* 0: outside of the root */
	struct element *element;           /* from the outermost on */
	struct element *at;                /* element[depth]: where we are */
	struct node **type_at, **field_at; /* stacks */
	size_t type_top, field_top;
	size_t nodes;
	uint64_t number;
	struct text { /* of the element that we are in, in assemble's room */
		char *data;
		uint32_t len;
		uint64_t offset;
	} text;
};

/* ---- compiling ---- */

static struct node *
node_new(struct walk *w)
{
	struct node *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->type = -1;
	w->nodes++;
	return n;
}

static void
node_free(struct node *n)
{
	if (n == NULL)
		return;
	for (struct node *c = n->first, *next; c != NULL; c = next) {
		next = c->next;
		node_free(c);
	}
	for (struct reading *r = n->readings, *next; r != NULL; r = next) {
		next = r->next;
		free(r);
	}
	free(n->spaces);
	free(n->names);
	free(n->child);
	free(n);
}

static const void *
intern(struct walk *w, const char *name)
{
	return w->source.intern(w->source.context, name);
}

/* false: memory is out */
static bool
fill_node(struct walk *w, struct node *n, const struct path_step *step)
{
	size_t count = 0;

	n->array = step->array;
	if (step->name[0] != '\0' && (n->name = intern(w, step->name)) == NULL)
		return false;
	if (step->attribute_name != NULL) {
		n->attribute = intern(w, step->attribute_name);
		n->value = (struct slice){step->attribute_value, (uint32_t) strlen(step->attribute_value)};
		if (n->attribute == NULL)
			return false;
	}
	if (step->spaces == NULL)
		return true;
	while (step->spaces[count] != NULL)
		count++;
	n->spaces = calloc(count + 1, sizeof(*n->spaces));
	for (size_t i = 0; n->spaces != NULL && i < count; i++)
		if ((n->spaces[i] = intern(w, step->spaces[i])) == NULL)
			return false;
	return n->spaces != NULL;
}

static bool
same_spaces(const void *const *a, const void *const *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	while (*a != NULL && *a == *b)
		a++, b++;
	return *a == *b;
}

static bool
same_step(const struct node *a, const struct node *b)
{
	return a->name == b->name && a->array == b->array && a->attribute == b->attribute &&
	       a->value.len == b->value.len &&
	       (a->value.len == 0 || memcmp(a->value.data, b->value.data, a->value.len) == 0) &&
	       same_spaces(a->spaces, b->spaces);
}

/* The node at the end of a path below root, made where it is missing.  NULL: memory is out. */
static struct node *
node_at(struct walk *w, struct node *root, const struct path *path)
{
	struct node *at = root;

	for (uint16_t i = 0; i < path->steps; i++) {
		struct node *made = node_new(w), **link = &at->first;
		if (made == NULL || !fill_node(w, made, &path->step[i])) {
			node_free(made);
			return NULL;
		}
		while (*link != NULL && !same_step(*link, made))
			link = &(*link)->next;
		if (*link == NULL) {
			*link = made;
		} else {
			node_free(made);
		}
		at = *link;
	}
	return at;
}

static bool
add_field(struct walk *w, struct node *root, const struct record_type *type, uint16_t field)
{
	const struct path *path = &type->field[field].path;
	struct node *at = node_at(w, root, path);
	struct reading *r = calloc(1, sizeof(*r)), **link;

	if (at == NULL || r == NULL) {
		free(r);
		return false;
	}
	r->field = field;
	for (link = &at->readings; *link != NULL; link = &(*link)->next)
		;
	*link = r; /* hangs in the tree before anything can fail */
	if (path->attribute == NULL)
		at->has_text = true;
	else
		at->reads = true;
	if (path->attribute != NULL && (r->attribute = intern(w, path->attribute)) == NULL)
		return false;
	return true;
}

static bool
is_simple(const struct node *n)
{
	for (uint16_t i = 0; i < n->children; i++) {
		if (n->names[i] == NULL || n->child[i]->attribute != NULL)
			return false;
		for (uint16_t k = 0; k < i; k++)
			if (n->names[i] == n->names[k])
				return false;
	}
	return true;
}

/* false: memory is out */
static bool
pack(struct node *n)
{
	uint16_t i = 0;

	for (const struct node *c = n->first; c != NULL; c = c->next)
		n->children++;
	n->names = calloc(n->children + 1U, sizeof(*n->names));
	n->child = calloc(n->children + 1U, sizeof(struct node *));
	if (n->names == NULL || n->child == NULL)
		return false;
	for (struct node *c = n->first; c != NULL; c = c->next, i++) {
		n->names[i] = c->name;
		n->child[i] = c;
		if (!pack(c))
			return false;
	}
	n->simple = is_simple(n);
	return true;
}

static bool
compile(struct walk *w)
{
	const struct layout *layout = w->layout;

	w->root = node_new(w);
	w->fields = calloc(layout->types + 1U, sizeof(struct node *));
	if (w->root == NULL || w->fields == NULL)
		return false;
	for (uint16_t t = 0; t < layout->types; t++) {
		const struct record_type *type = &layout->type[t];
		struct node *at;
		if (type->role == ROLE_NAME) /* stands in the file's name, not in the file */
			continue;
		at = node_at(w, w->root, &type->path);
		if (at == NULL || (w->fields[t] = node_new(w)) == NULL)
			return false;
		if (at->type < 0) /* the first of two on the same path */
			at->type = (int16_t) t;
		for (uint16_t f = 0; f < type->fields; f++)
			if (type->field[f].constant.data == NULL && !type->field[f].piece &&
			    !add_field(w, w->fields[t], type, f))
				return false;
		if (!pack(w->fields[t]))
			return false;
	}
	return pack(w->root);
}

struct walk *
walk_new(const struct layout *layout, struct assemble *assemble, const struct walk_source *source)
{
	struct walk *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->layout = layout;
	w->assemble = assemble;
	w->source = *source;
	w->number = assemble_start(assemble).number;
	if (!compile(w)) {
		walk_free(w);
		return NULL;
	}
	/* a node has its depth in its trie, so it is on a stack once at most; a root is, too */
	w->element = calloc(layout->limits.depth + 2U, sizeof(*w->element));
	w->type_at = calloc(w->nodes + 1, sizeof(struct node *));
	w->field_at = calloc(w->nodes + 1, sizeof(struct node *));
	if (w->element == NULL || w->type_at == NULL || w->field_at == NULL) {
		walk_free(w);
		return NULL;
	}
	w->at = w->element;
	*w->at = (struct element){.types = 1, .type = -1};
	w->type_at[w->type_top++] = w->root;
	return w;
}

void
walk_free(struct walk *w)
{
	if (w == NULL)
		return;
	node_free(w->root);
	for (uint16_t t = 0; w->fields != NULL && t < w->layout->types; t++)
		node_free(w->fields[t]);
	free(w->fields);
	free(w->element);
	free(w->type_at);
	free(w->field_at);
	free(w);
}

/* ---- walking ---- */

static NOINLINE int
refuse(struct walk *w, const char *rule, uint64_t offset, const char *message)
{
	return assemble_refuse(w->assemble, rule, NULL, (struct slice){NULL, 0}, w->number, offset, "%s",
	                       message);
}

/* Where the element begins that is being entered: asked for only when somebody wants to know. */
static uint64_t
here(const struct walk *w)
{
	return w->source.offset(w->source.context);
}

/* A refusal of what is built in another way than the profile says: what follows is not read. */
static NOINLINE int
refuse_shape(struct walk *w, uint64_t offset, const char *message)
{
	(void) refuse(w, "wrong_type", offset, message);
	return -1;
}

static bool
fits_space(const struct node *n, const void *space)
{
	if (n->spaces == NULL)
		return space == NULL;
	for (const void **s = n->spaces; *s != NULL; s++)
		if (*s == space)
			return true;
	return false;
}

static bool
fits_attribute(const struct walk *w, const struct node *n)
{
	struct slice value;
	uint64_t offset;

	return w->source.attribute(w->source.context, n->attribute, &value, &offset) &&
	       value.len == n->value.len && memcmp(value.data, n->value.data, value.len) == 0;
}

/* A child whose name fits: does all else?  *mistaken: but for being (or not being) an array. */
static inline bool
fits(const struct walk *w, const struct node *c, const void *space, bool in_array, bool *mistaken)
{
	if (!fits_space(c, space) || (c->attribute != NULL && !fits_attribute(w, c)))
		return false;
	if (c->array != in_array && c->name != NULL)
		*mistaken = true;
	return c->array == in_array;
}

/* The one child of a simple node that has the name, or NULL. */
static inline struct node *
named(struct node *n, const void *name)
{
	uint16_t i = n->next_fit;

	for (uint16_t left = n->children; left > 0; left--) {
		uint16_t at = i++;

		if (i == n->children)
			i = 0;
		if (n->names[at] == name) {
			n->next_fit = i;
			return n->child[at];
		}
	}
	return NULL;
}

/* The children of the topmost `count` nodes of a stack that fit, put on top of it: how many. */
static inline uint16_t
step(const struct walk *w, struct node **stack, size_t *top, uint16_t count, const void *name,
     const void *space, bool in_array, bool *mistaken)
{
	const size_t from = *top - count, to = *top;

	for (size_t i = from; i < to; i++) {
		struct node *n = stack[i];
		if (n->simple) {
			struct node *c = named(n, name);
			if (c != NULL && fits(w, c, space, in_array, mistaken))
				stack[(*top)++] = c;
			continue;
		}
		for (uint16_t k = 0; k < n->children; k++)
			if ((n->names[k] == name || n->names[k] == NULL) &&
			    fits(w, n->child[k], space, in_array, mistaken))
				stack[(*top)++] = n->child[k];
	}
	return (uint16_t) (*top - to);
}

/* Fields whose value is an attribute of the element that was just entered. */
static NOINLINE int
read_attributes(struct walk *w, const struct node *n)
{
	for (const struct reading *r = n->readings; r != NULL; r = r->next) {
		struct slice value;
		uint64_t offset;
		if (r->attribute != NULL && w->source.attribute(w->source.context, r->attribute, &value, &offset) &&
		    assemble_field(w->assemble, r->field, value, offset) != 0)
			return -1;
	}
	return 0;
}

/* The element on top is a record of this type. */
static int
open_type(struct walk *w, struct element *e)
{
	e->offset = here(w);
	w->field_top -= e->fields;
	e->fields = 1;
	w->field_at[w->field_top++] = w->fields[e->type];
	return assemble_open(w->assemble, (uint16_t) e->type, ++w->number, e->offset);
}

/* The element on top stands at a node of its record's fields. */
static inline int
stand_at(struct walk *w, struct element *e, const struct node *n)
{
	if (n->has_text && w->source.objects)
		return refuse_shape(w, here(w), "an object where the profile has a single value");
	e->collects |= n->has_text;
	return n->reads ? read_attributes(w, n) : 0;
}

/* The element on top stands at its nodes: opens its type, reads its attributes. */
static int
settle(struct walk *w, struct element *e)
{
	for (size_t i = w->type_top - e->types; i < w->type_top && e->type < 0; i++)
		e->type = w->type_at[i]->type;
	if (e->types == 1 && w->type_at[w->type_top - 1]->children == 0) {
		w->type_top--; /* nothing further down to look for */
		e->types = 0;
	}
	if (e->type >= 0 && open_type(w, e) != 0)
		return -1;
	for (size_t i = w->field_top - e->fields; i < w->field_top; i++)
		if (stand_at(w, e, w->field_at[i]) != 0)
			return -1;
	return 0;
}

int
walk_enter_root(struct walk *w)
{
	w->depth++;
	*++w->at = (struct element){.types = 1, .type = -1};
	w->type_at[w->type_top++] = w->root;
	return settle(w, w->at);
}

static const char other_shape[] = "an array and a single value are mistaken for each other";

/* Into an element, wherever we stand. */
static NOINLINE int
enter_any(struct walk *w, struct element *e, const void *name, const void *space, bool in_array)
{
	const struct element *above = e - 1;
	bool mistaken = false;

	e->types = step(w, w->type_at, &w->type_top, above->types, name, space, in_array, &mistaken);
	e->fields = step(w, w->field_at, &w->field_top, above->fields, name, space, in_array, &mistaken);
	if (e->types == 0 && e->fields == 0)
		return mistaken ? refuse_shape(w, here(w), other_shape) : 0;
	return settle(w, e);
}

int
walk_enter(struct walk *w, const void *name, const void *space, bool in_array)
{
	const struct element *above = w->at;
	struct element *e = w->at + 1;
	struct node *n;

	if (w->depth == w->layout->limits.depth) {
		(void) refuse(w, "too_deep", here(w), "nested deeper than limits: depth");
		return -1;
	}
	if (above->collects)
		return refuse_shape(w, here(w), "more is nested where the profile has a field's value");
	*e = (struct element){.type = -1};
	w->depth++;
	w->at = e;
	w->text.len = 0;
	if (above->types == 0 && above->fields == 0)
		return 0; /* nobody looks here */
	n = above->fields == 1 ? w->field_at[w->field_top - 1] : NULL;
	if (above->types > 0 || n == NULL || !n->simple)
		return enter_any(w, e, name, space, in_array);
	/* within a record, as most elements are */
	n = named(n, name);
	if (n == NULL || !fits_space(n, space))
		return 0;
	if (n->array != in_array)
		return refuse_shape(w, here(w), other_shape);
	w->field_at[w->field_top++] = n;
	e->fields = 1;
	return stand_at(w, e, n);
}

/* Hands the text over to each field that takes it. */
static int
give_text(struct walk *w, const struct node *n, struct slice text, uint64_t offset)
{
	for (const struct reading *r = n->readings; r != NULL; r = r->next)
		if (r->attribute == NULL && assemble_field(w->assemble, r->field, text, offset) != 0)
			return -1;
	return 0;
}

/* A record ends; levels may be as long as the file. */
static NOINLINE int
close_type(struct walk *w, const struct element *f, uint64_t end)
{
	uint8_t role = w->layout->type[f->type].role;

	if (role != ROLE_HEADER && end - f->offset > w->layout->limits.record_bytes &&
	    refuse(w, "record_too_long", f->offset, "a record is longer than limits: record_bytes") != 0)
		return -1;
	return assemble_close(w->assemble, end);
}

int
walk_leave(struct walk *w, uint64_t end)
{
	const struct element *f = w->at;

	if (f->collects) {
		const struct slice text = {w->text.len > 0 ? w->text.data : "", w->text.len};
		uint64_t offset = w->text.len > 0 ? w->text.offset : end;
		for (size_t i = w->field_top - f->fields; i < w->field_top; i++)
			if (give_text(w, w->field_at[i], text, offset) != 0)
				return -1;
	}
	if (f->type >= 0 && close_type(w, f, end) != 0)
		return -1;
	w->type_top -= f->types;
	w->field_top -= f->fields;
	w->depth--;
	w->at--;
	return 0;
}

bool
walk_wants_text(const struct walk *w)
{
	return w->at->collects;
}

int
walk_text(struct walk *w, const char *data, size_t len, uint64_t offset)
{
	if (len > w->layout->limits.field_bytes - w->text.len) {
		(void) refuse(w, "field_too_long", offset, "a value is longer than limits: field_bytes");
		return -1;
	}
	if (w->text.len == 0) {
		w->text.data = assemble_room(w->assemble, w->layout->limits.field_bytes);
		if (w->text.data == NULL)
			return -1;
		w->text.offset = offset;
	}
	memcpy(w->text.data + w->text.len, data, len);
	w->text.len += (uint32_t) len;
	return 0;
}

int
walk_scalar(struct walk *w, const void *name, bool in_array, struct slice value, uint64_t offset)
{
	const struct element *at = w->at;
	bool mistaken = false, taken = false;
	uint16_t types, fields;
	int rc = 0;

	types = step(w, w->type_at, &w->type_top, at->types, name, NULL, in_array, &mistaken);
	fields = step(w, w->field_at, &w->field_top, at->fields, name, NULL, in_array, &mistaken);
	for (size_t i = w->field_top - fields; i < w->field_top && rc == 0; i++) {
		taken |= w->field_at[i]->has_text;
		if (value.data != NULL)
			rc = give_text(w, w->field_at[i], value, offset);
	}
	w->type_top -= types;
	w->field_top -= fields;
	if (rc == 0 && value.data != NULL && !taken && (types > 0 || fields > 0 || mistaken))
		return refuse_shape(w, offset, "a single value where the profile has an object or an array");
	return rc;
}

int
walk_array(struct walk *w, const void *name, bool in_array, uint64_t offset)
{
	const struct element *at = w->at;
	bool mistaken = false;
	uint16_t types = step(w, w->type_at, &w->type_top, at->types, name, NULL, true, &mistaken);
	uint16_t fields = step(w, w->field_at, &w->field_top, at->fields, name, NULL, true, &mistaken);

	w->type_top -= types;
	w->field_top -= fields;
	if (in_array ? types + fields > 0 : types + fields == 0 && mistaken)
		return refuse_shape(w, offset, "an array where the profile has none");
	return 0;
}

bool
walk_on_path(const struct walk *w)
{
	return w->at->types > 0 || w->at->type >= 0;
}

uint64_t
walk_number(const struct walk *w)
{
	return w->number;
}
