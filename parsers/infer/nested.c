/*
 * XML and JSON: a tree of what stands where, then the path that comes again
 * and again as the record, and what is below it as its columns.
 *
 * XML is only scanned here, without entities and namespaces of inner
 * elements: enough to propose paths, which handback-parse then reads strictly.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "parsers/assemble/input.h"
#include "parsers/infer/infer_internal.h"
#include "parsers/nested/json_reader.h"

struct node {
	struct slice name; /* an attribute's begins with '@' in its path */
	int parent;        /* -1: the root of the tree, which is no element */
	bool attribute, item, text;
	uint32_t total, now, most; /* in all; within the parent that is open; the most of any parent */
	uint32_t leaves;           /* with a value, at it or below it */
	int column;                /* of the record, or of the level; -1 none */
};

struct tree {
	struct guess *g;
	struct node node[SAMPLE_NODES];
	int nodes, at;
	bool full;                /* more different paths than are kept */
	bool collect;             /* the second time: values go into cells */
	int entry;                /* the record's node */
	uint32_t inside;          /* how deep within a record */
	struct slice root_prefix; /* XML: of the root's name, with its colon; empty: it has none */
	struct sample_type *answer, *level;
	uint32_t row;
};

/* ---- events ---- */

static int
child(struct tree *t, struct slice name, bool attribute, bool item)
{
	for (int i = t->at + 1; i < t->nodes; i++) {
		const struct node *n = &t->node[i];

		if (n->parent == t->at && n->attribute == attribute && n->item == item && n->name.len == name.len &&
		    memcmp(n->name.data, name.data, name.len) == 0)
			return i;
	}
	if (t->nodes == SAMPLE_NODES || t->collect) {
		t->full = true;
		return -1;
	}
	t->node[t->nodes] =
	    (struct node){.name = name, .parent = t->at, .attribute = attribute, .item = item, .column = -1};
	return t->nodes++;
}

static bool
enter(struct tree *t, struct slice name, bool attribute, bool item)
{
	int i = child(t, name, attribute, item);
	struct node *n;

	if (i < 0)
		return false;
	n = &t->node[i];
	n->total++;
	n->now++;
	if (n->now > n->most)
		n->most = n->now;
	for (int k = i + 1; k < t->nodes; k++)
		if (t->node[k].parent == i)
			t->node[k].now = 0;
	t->at = i;
	if (t->collect && i == t->entry)
		t->inside = 1;
	return true;
}

static void
leave(struct tree *t)
{
	if (t->at < 0)
		return;
	if (t->collect && t->at == t->entry) {
		t->inside = 0;
		t->row++;
	}
	t->at = t->node[t->at].parent;
}

static void
value(struct tree *t, struct slice s)
{
	struct node *n;
	struct sample_type *type;
	struct slice *cell;

	while (s.len > 0 && isspace((unsigned char) s.data[0]))
		s.data++, s.len--;
	while (s.len > 0 && isspace((unsigned char) s.data[s.len - 1]))
		s.len--;
	if (t->at < 0 || s.len == 0)
		return;
	n = &t->node[t->at];
	n->text = true;
	if (!t->collect || n->column < 0)
		return;
	type = t->inside > 0 ? t->answer : t->level;
	if (t->inside > 0 && t->row >= type->rows)
		return;
	cell = type->cell + (size_t) (t->inside > 0 ? t->row : 0) * type->columns + n->column;
	if (cell->data != NULL)
		type->column[n->column].many = true;
	else
		*cell = s;
}

/* ---- XML ---- */

static struct slice
local_name(struct slice name)
{
	const char *colon = memchr(name.data, ':', name.len);

	if (colon != NULL) {
		name.len -= (uint32_t) (colon + 1 - name.data);
		name.data = colon + 1;
	}
	return name;
}

static const char *
name_end(const char *p, const char *end)
{
	while (p < end && !isspace((unsigned char) *p) && strchr("/>=<", *p) == NULL)
		p++;
	return p;
}

/* Does the attribute, of the root, say which namespace the root is in? */
static bool
is_roots_space(const struct tree *t, struct slice name)
{
	const struct slice prefix = t->root_prefix;

	if (t->collect || t->at < 0 || t->node[t->at].parent >= 0 || name.len < 5 ||
	    memcmp(name.data, "xmlns", 5) != 0)
		return false;
	if (prefix.len == 0)
		return name.len == 5;
	return name.len == 5 + prefix.len && name.data[5] == ':' &&
	       memcmp(name.data + 6, prefix.data, prefix.len - 1) == 0;
}

/* One attribute; returns the byte after it, NULL at the tag's end. */
static const char *
attribute(struct tree *t, const char *p, const char *end)
{
	struct slice name, s;
	const char *quote;

	while (p < end && isspace((unsigned char) *p))
		p++;
	name = (struct slice){p, (uint32_t) (name_end(p, end) - p)};
	p += name.len;
	while (p < end && isspace((unsigned char) *p))
		p++;
	if (name.len == 0 || p >= end || *p != '=')
		return NULL;
	for (p++; p < end && isspace((unsigned char) *p);)
		p++;
	if (p >= end || (*p != '"' && *p != '\''))
		return NULL;
	quote = memchr(p + 1, *p, (size_t) (end - p - 1));
	if (quote == NULL)
		return NULL;
	s = (struct slice){p + 1, (uint32_t) (quote - p - 1)};
	if (name.len >= 5 && memcmp(name.data, "xmlns", 5) == 0) {
		if (t->g->name_space == NULL && is_roots_space(t, name) && s.len > 0 && s.len < 256) {
			t->g->name_space = sample_buffer(s.len + 1, 1);
			memcpy(t->g->name_space, s.data, s.len);
		}
	} else if (memchr(name.data, ':', name.len) == NULL && enter(t, name, true, false)) {
		value(t, s);
		leave(t);
	}
	return quote + 1;
}

/* A tag from '<' on; returns the byte after it, NULL when the sample ends in it. */
static const char *
tag(struct tree *t, const char *p, const char *end)
{
	const char *close = memchr(p, '>', (size_t) (end - p)), *next;
	struct slice name;

	if (close == NULL)
		return NULL;
	if (p + 1 < close && p[1] == '/') {
		leave(t);
		return close + 1;
	}
	name = (struct slice){p + 1, (uint32_t) (name_end(p + 1, close) - (p + 1))};
	if (t->at < 0)
		t->root_prefix = (struct slice){name.data, name.len - local_name(name).len};
	if (name.len == 0 || !enter(t, local_name(name), false, false))
		return NULL;
	for (next = p + 1 + name.len; next != NULL;)
		next = attribute(t, next, close);
	if (close[-1] == '/')
		leave(t);
	return close + 1;
}

static const char *
behind(const char *p, const char *end, const char *mark)
{
	const char *at = memmem(p, (size_t) (end - p), mark, strlen(mark));

	return at == NULL ? NULL : at + strlen(mark);
}

static void
scan_xml(struct tree *t)
{
	const char *p = t->g->bytes, *end = p + t->g->len;

	while (p != NULL && p < end) {
		const char *open = memchr(p, '<', (size_t) (end - p));

		if (open == NULL || open + 1 == end)
			return;
		value(t, (struct slice){p, (uint32_t) (open - p)});
		if (open[1] == '?')
			p = behind(open, end, "?>");
		else if (end - open >= 9 && memcmp(open, "<![CDATA[", 9) == 0)
			p = behind(open, end, "]]>");
		else if (open[1] == '!')
			p = end - open >= 4 && memcmp(open, "<!--", 4) == 0 ? behind(open, end, "-->") : NULL;
		else
			p = tag(t, open, end);
	}
}

/* ---- JSON ---- */

/* A text that outlives its token. */
static struct slice
kept(struct slice s)
{
	char *copy = sample_buffer(s.len, 1);

	if (s.len > 0)
		memcpy(copy, s.data, s.len);
	return (struct slice){copy, s.len};
}

struct json_walk {
	bool array[LIMIT_XML_DEPTH + 2]; /* is what is open an array? */
	int depth;
	struct slice key;
};

/* Into the value that comes next: a key's, an item's, or the document. */
static bool
enter_value(struct tree *t, struct json_walk *w)
{
	if (w->depth == 0)
		return enter(t, (struct slice){"", 0}, false, false);
	if (w->array[w->depth])
		return enter(t, (struct slice){"", 0}, false, true);
	return enter(t, w->key, false, false);
}

static bool
json_event(struct tree *t, struct json_walk *w, const struct json_token *token)
{
	switch (token->event) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		if (!enter_value(t, w))
			return false;
		w->array[++w->depth] = token->event == JSON_ARRAY;
		return true;
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
		w->depth--;
		leave(t);
		return true;
	case JSON_KEY:
		w->key = kept(token->text);
		return true;
	case JSON_STRING:
	case JSON_NUMBER:
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		if (!enter_value(t, w))
			return false;
		if (token->event == JSON_TRUE || token->event == JSON_FALSE)
			value(t, token->event == JSON_TRUE ? (struct slice){"true", 4} : (struct slice){"false", 5});
		else if (token->event != JSON_NULL)
			value(t, kept(token->text));
		leave(t);
		return true;
	}
	return false;
}

static void
scan_json(struct tree *t)
{
	const struct json_limits limits = {.depth = LIMIT_XML_DEPTH,
	                                   .text_bytes = LIMIT_FIELD_BYTES,
	                                   .keys = LIMIT_COLUMNS,
	                                   .lines = t->g->family == FAMILY_JSON_LINES,
	                                   .bom = 1};
	struct input_memory in;
	struct json_reader *reader;
	struct json_walk walk = {.depth = 0};
	struct json_token token;

	input_memory_init(&in, t->g->bytes, t->g->len, 0);
	reader = json_reader_new(&in.input, &limits);
	while (reader != NULL && json_reader_next(reader, &token) == 1)
		if (!json_event(t, &walk, &token))
			break;
	json_reader_free(reader);
}

static void
scan(struct tree *t)
{
	t->at = -1;
	if (t->g->family == FAMILY_XML)
		scan_xml(t);
	else
		scan_json(t);
}

/* ---- which of them is the record ---- */

static void
count_leaves(struct tree *t)
{
	for (int i = 0; i < t->nodes; i++)
		if (t->node[i].text)
			for (int up = i; up >= 0; up = t->node[up].parent)
				t->node[up].leaves++;
}

static int
find_entry(const struct tree *t)
{
	int best = -1;

	for (int i = 0; i < t->nodes; i++) {
		const struct node *n = &t->node[i];
		bool again = n->most > 1 || n->item || (t->g->family == FAMILY_JSON_LINES && n->parent < 0);

		if (again && !n->attribute && n->leaves >= 2 && (best < 0 || n->total > t->node[best].total))
			best = i;
	}
	for (int i = 0; i < t->nodes && best < 0; i++) /* one record only: the innermost of the largest */
		if (!t->node[i].attribute && t->node[i].leaves >= 2)
			for (best = i; i < t->nodes; i++)
				if (t->node[i].leaves > 2 && t->node[i].parent == best)
					best = i;
	return best;
}

static bool
is_below(const struct tree *t, int node, int above)
{
	for (; node >= 0; node = t->node[node].parent)
		if (node == above)
			return true;
	return false;
}

/* The path of a node from another one, which is left out (-1: from the root). */
static void
path_of(const struct tree *t, int node, int from, char *buf, size_t size)
{
	char above[256] = "";
	const struct node *n = &t->node[node];

	if (node == from) {
		snprintf(buf, size, ".");
		return;
	}
	if (n->parent >= 0 && n->parent != from)
		path_of(t, n->parent, from, above, sizeof(above));
	if (n->item)
		snprintf(buf, size, "%s[]", above);
	else
		snprintf(buf, size, "%s%s%s%.*s", above, above[0] != '\0' ? "/" : "", n->attribute ? "@" : "",
		         (int) n->name.len, n->name.data);
}

static void
add_column(struct tree *t, struct sample_type *type, int node, int from)
{
	char path[256];
	struct column *c;

	if (type->columns == SAMPLE_COLUMNS)
		return;
	path_of(t, node, from, path, sizeof(path));
	c = &type->column[type->columns];
	c->heading = kept(slice_of(path));
	t->node[node].column = (int) type->columns++;
}

static struct sample_type *
new_type(struct guess *g, enum sample_role role, const char *name, const char *path, uint32_t rows)
{
	struct sample_type *type = &g->type[g->types++];

	type->path = kept(slice_of(path)).data;
	type->role = role;
	type->rows = rows;
	snprintf(type->name, sizeof(type->name), "%s", name);
	type->column = sample_buffer(SAMPLE_COLUMNS, sizeof(*type->column));
	return type;
}

/* The document's own values, by the root element (JSON: the document). */
static void
make_types(struct tree *t)
{
	char path[256] = "", full[260];
	int root = t->entry;

	while (t->node[root].parent >= 0)
		root = t->node[root].parent;
	path_of(t, t->entry, -1, path, sizeof(path));
	snprintf(full, sizeof(full), "/%s", path);
	t->answer = new_type(t->g, SAMPLE_ENTRY, "answer", full, t->node[t->entry].total);
	if (root != t->entry) {
		path_of(t, root, -1, path, sizeof(path));
		snprintf(full, sizeof(full), "/%s", path);
		t->level = new_type(t->g, SAMPLE_HEADER, "document", full, 1);
	}
	for (int i = 0; i < t->nodes; i++)
		if (t->node[i].text && is_below(t, i, t->entry))
			add_column(t, t->answer, i, t->entry);
		else if (t->node[i].text && t->level != NULL && t->node[i].total == 1)
			add_column(t, t->level, i, root);
	if (t->level != NULL && t->level->columns == 0) {
		t->g->types--; /* it came last */
		t->level = NULL;
	}
	if (t->answer->rows > SAMPLE_CELLS / (t->answer->columns + 1))
		t->answer->rows = SAMPLE_CELLS / (t->answer->columns + 1);
	for (uint32_t k = 0; k < t->g->types; k++)
		t->g->type[k].cell =
		    sample_buffer((size_t) t->g->type[k].rows * t->g->type[k].columns, sizeof(struct slice));
}

bool
nested_looks_so(const struct guess *g)
{
	size_t i = 0;

	while (i < g->len && isspace((unsigned char) g->bytes[i]))
		i++;
	return i + 1 < g->len && ((g->bytes[i] == '<' && (isalpha((unsigned char) g->bytes[i + 1]) ||
	                                                  strchr("?!_", g->bytes[i + 1]) != NULL)) ||
	                          g->bytes[i] == '{' || g->bytes[i] == '[');
}

/* Each line is an object of its own. */
static bool
looks_like_lines(const struct guess *g)
{
	const char *newline = memchr(g->bytes, '\n', g->len);

	return newline != NULL && newline > g->bytes && newline + 1 < g->bytes + g->len && *g->bytes == '{' &&
	       newline[1] == '{' && (newline[-1] == '}' || newline[-1] == '\r');
}

const char *
guess_nested(struct guess *g)
{
	struct tree *t = sample_buffer(1, sizeof(*t));
	char shown[TEXT_SHOWN_SIZE];
	size_t i = 0;

	while (i < g->len && isspace((unsigned char) g->bytes[i]))
		i++;
	t->g = g;
	g->family = g->bytes[i] == '<' ? FAMILY_XML : looks_like_lines(g) ? FAMILY_JSON_LINES : FAMILY_JSON;
	if (g->family == FAMILY_XML && memmem(g->bytes, g->len < 4096 ? g->len : 4096, "<!DOCTYPE", 9) != NULL)
		return "it has a DOCTYPE, and handback reads no XML that has one: ask the partner to leave it out";
	scan(t);
	count_leaves(t);
	t->entry = find_entry(t);
	if (t->full)
		return "it has more different paths than a sample of one format should";
	if (t->entry < 0)
		return "nothing in it has two values: there is no record to be seen";
	make_types(t);
	t->collect = true;
	scan(t);
	text_escape(shown, sizeof(shown), t->answer->path, strlen(t->answer->path));
	snprintf(g->family_why, sizeof(g->family_why), "guess: %u times %.120s", t->answer->rows, shown);
	return NULL;
}
