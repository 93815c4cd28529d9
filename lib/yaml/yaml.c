/* The tree, built from libyaml's events: positions and quoting survive there, and anchors can be refused. */
#include "lib/yaml/yaml.h"

#include <yaml.h>

#include "lib/base/limits.h"

/* A list or map that is being filled. */
struct open_node {
	struct yaml_node *node;
	struct yaml_node *last; /* child */
	size_t children;
	struct yaml_node *key; /* map: a key that waits for its value */
};

struct builder {
	struct problems *problems;
	struct yaml_node *root;
	struct open_node stack[LIMIT_YAML_DEPTH];
	size_t depth, nodes, documents;
};

void
yaml_tree_free(struct yaml_node *root)
{
	if (root == NULL)
		return;
	/* depth is bounded by LIMIT_YAML_DEPTH */
	for (struct yaml_node *child = root->first, *next; child != NULL; child = next) {
		next = child->next;
		yaml_tree_free(child);
	}
	free((void *) (uintptr_t) root->key);
	free((void *) (uintptr_t) root->path);
	free((void *) (uintptr_t) root->text);
	free(root);
}

/* An error at a place of the input that has no node yet. */
static bool
refuse(struct builder *b, yaml_mark_t mark, const char *what)
{
	struct yaml_node at = {.line = (int) mark.line + 1, .column = (int) mark.column + 1};

	if (b->depth > 0)
		at.path = b->stack[b->depth - 1].node->path;
	yaml_error(b->problems, &at, "%s", what);
	return false;
}

static char *
child_path(const struct open_node *in, const char *key)
{
	const char *parent = in->node->path;
	char *path = NULL;
	int n;

	if (key == NULL)
		n = asprintf(&path, "%s[%zu]", parent, in->children);
	else
		n = asprintf(&path, "%s%s%s", parent, parent[0] != '\0' ? "." : "", key);
	return n < 0 ? NULL : path;
}

static struct yaml_node *
node_new(struct builder *b, const yaml_event_t *event, enum yaml_kind kind)
{
	struct yaml_node *node;

	if (++b->nodes > LIMIT_YAML_NODES) {
		refuse(b, event->start_mark, "more values than one file may have");
		return NULL;
	}
	node = calloc(1, sizeof(*node));
	if (node == NULL) {
		refuse(b, event->start_mark, "out of memory");
		return NULL;
	}
	node->kind = kind;
	node->line = (int) event->start_mark.line + 1;
	node->column = (int) event->start_mark.column + 1;
	return node;
}

/* A key: kept in the open map until its value comes. */
static bool
take_key(struct builder *b, struct open_node *in, struct yaml_node *node)
{
	if (node->kind != YAML_SCALAR) {
		node->path = strdup(in->node->path);
		yaml_error(b->problems, node, "a key must be a plain word");
		yaml_tree_free(node);
		return false;
	}
	for (const struct yaml_node *sibling = in->node->first; sibling != NULL; sibling = sibling->next) {
		if (strcmp(sibling->key, node->text) != 0)
			continue;
		node->path = child_path(in, node->text);
		yaml_error(b->problems, node, "this key stands twice; the first is in line %d", sibling->line);
		yaml_tree_free(node);
		return false;
	}
	in->key = node;
	return true;
}

/* Puts a node into its place; it belongs to the tree (or is freed) afterwards. */
static bool
place(struct builder *b, struct yaml_node *node)
{
	struct open_node *in = b->depth > 0 ? &b->stack[b->depth - 1] : NULL;

	if (in == NULL) {
		node->path = strdup("");
		b->root = node;
		return node->path != NULL;
	}
	if (in->node->kind == YAML_MAP && in->key == NULL)
		return take_key(b, in, node);
	if (in->key != NULL) {
		node->key = in->key->text;
		node->key_line = in->key->line;
		node->key_column = in->key->column;
		/* a mistake in a map or list is best reported where its key stands */
		if (node->kind != YAML_SCALAR || node->text[0] == '\0') {
			node->line = in->key->line;
			node->column = in->key->column;
		}
		in->key->text = NULL;
		yaml_tree_free(in->key);
		in->key = NULL;
	}
	node->path = child_path(in, node->key);
	if (in->last == NULL)
		in->node->first = node;
	else
		in->last->next = node;
	in->last = node;
	in->children++;
	return node->path != NULL;
}

static bool
take_scalar(struct builder *b, const yaml_event_t *event)
{
	const char *text = (const char *) event->data.scalar.value;
	struct yaml_node *node;

	if (memchr(text, '\0', event->data.scalar.length) != NULL)
		return refuse(b, event->start_mark, "a NUL byte in a text");
	node = node_new(b, event, YAML_SCALAR);
	if (node == NULL)
		return false;
	node->text = strdup(text);
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (node->text == NULL) {
		yaml_tree_free(node);
		return refuse(b, event->start_mark, "out of memory");
	}
	return place(b, node);
}

static bool
take_open(struct builder *b, const yaml_event_t *event, enum yaml_kind kind)
{
	struct yaml_node *node;
	bool was_key =
	    b->depth > 0 && b->stack[b->depth - 1].node->kind == YAML_MAP && b->stack[b->depth - 1].key == NULL;

	if (b->depth == LIMIT_YAML_DEPTH)
		return refuse(b, event->start_mark, "nested too deep");
	if (was_key)
		return refuse(b, event->start_mark, "a key must be a plain word");
	node = node_new(b, event, kind);
	if (node == NULL || !place(b, node))
		return false;
	b->stack[b->depth++] = (struct open_node){.node = node};
	return true;
}

/* Anchors make one text mean two things, and bombs; tags change types.  Neither is needed here. */
static bool
plain_event(struct builder *b, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	} else if (event->type == YAML_ALIAS_EVENT)
		anchor = event->data.alias.anchor;
	if (anchor != NULL)
		return refuse(b, event->start_mark,
		              "anchors and aliases (& and *) are not taken here; write the value, or quote it");
	if (tag != NULL)
		return refuse(b, event->start_mark, "tags (!) are not taken here; quote the value");
	return true;
}

static bool
take_event(struct builder *b, const yaml_event_t *event)
{
	if (!plain_event(b, event))
		return false;
	if (event->type == YAML_DOCUMENT_START_EVENT && ++b->documents > 1)
		return refuse(b, event->start_mark, "a second document; one file is one document");
	if (event->type == YAML_SCALAR_EVENT)
		return take_scalar(b, event);
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return take_open(b, event, YAML_LIST);
	if (event->type == YAML_MAPPING_START_EVENT)
		return take_open(b, event, YAML_MAP);
	if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT)
		b->depth--;
	return true;
}

static bool
syntax_error(struct builder *b, const yaml_parser_t *parser)
{
	char what[256];
	bool context = parser->context != NULL;

	if (parser->error == YAML_READER_ERROR) /* the only kind without a mark of its own */
		snprintf(what, sizeof(what), "%s at byte %zu", parser->problem, parser->problem_offset);
	else
		snprintf(what, sizeof(what), "%s%s%s", context ? parser->context : "", context ? ": " : "",
		         parser->problem != NULL ? parser->problem : "not YAML");
	return refuse(b, parser->error == YAML_READER_ERROR ? parser->mark : parser->problem_mark, what);
}

static bool
build(struct builder *b, yaml_parser_t *parser)
{
	for (bool more = true; more;) {
		yaml_event_t event;
		bool taken;

		if (!yaml_parser_parse(parser, &event))
			return syntax_error(b, parser);
		taken = take_event(b, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
		if (!taken)
			return false;
	}
	if (b->root == NULL)
		return refuse(b, (yaml_mark_t){0}, "empty");
	return true;
}

struct yaml_node *
yaml_parse(const char *text, size_t len, struct problems *p)
{
	struct builder b = {.problems = p};
	yaml_parser_t parser;
	bool whole;

	if (len > LIMIT_PROFILE_BYTES) {
		yaml_error(p, NULL, "%zu bytes; at most %d are read", len, LIMIT_PROFILE_BYTES);
		return NULL;
	}
	if (!yaml_parser_initialize(&parser)) {
		yaml_error(p, NULL, "out of memory");
		return NULL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *) text, len);
	/* a file in another encoding would show other bytes to a person than to us */
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	whole = build(&b, &parser);
	yaml_parser_delete(&parser);
	if (whole)
		return b.root;
	for (size_t i = 0; i < b.depth; i++)
		yaml_tree_free(b.stack[i].key);
	yaml_tree_free(b.root);
	return NULL;
}
