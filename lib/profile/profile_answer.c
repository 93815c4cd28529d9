/* What goes back to the partner: the columns of its rejects file. */
#include "lib/profile/profile_internal.h"

const char *const reject_column_words[REJECT_COLUMNS + 1] = {"record", "reference", "reason",  "verdict",
                                                             "points", "codes",     "offset",  "length",
                                                             "field",  "value",     "message", NULL};

/* A file's name as it is, with {name} or {sha256} in it: other files shall not have the same. */
static const char *
name_template(struct compile *c, struct yaml_node *map)
{
	const char *name = compile_text(c, map, "name", "{name}.rejects.csv");
	const struct yaml_node *at = yaml_get(map, "name");
	bool word = false, wrong = name[0] == '.' || strchr(name, '/') != NULL;

	for (const char *p = name; (p = strpbrk(p, "{}")) != NULL; p += strcspn(p, "}") + 1) {
		bool known = strncmp(p, "{name}", 6) == 0 || strncmp(p, "{sha256}", 8) == 0;

		word = word || known;
		wrong = wrong || !known;
		if (!known)
			break;
	}
	if (wrong || !word)
		yaml_error(c->problems, at != NULL ? at : map,
		           "must be a file's name with {name} or {sha256} in it, such as {name}.rejects.csv");
	return name;
}

static void
columns(struct compile *c, struct yaml_node *map, struct policy_rejects *r)
{
	static const enum reject_column usual[] = {REJECT_RECORD, REJECT_REFERENCE, REJECT_REASON};
	struct yaml_node *list = compile_child(c, map, "columns", YAML_LIST);
	size_t count = list == NULL ? sizeof(usual) / sizeof(*usual) : compile_count(list);

	r->column = compile_alloc(c, count + 1, sizeof(*r->column));
	r->title = compile_alloc(c, count + 1, sizeof(*r->title));
	if (r->column == NULL || r->title == NULL)
		return;
	if (list == NULL)
		memcpy(r->column, usual, sizeof(usual));
	if (list != NULL && count == 0)
		yaml_error(c->problems, list, "must name at least one column");
	for (struct yaml_node *n = list == NULL ? NULL : list->first; n != NULL; n = n->next) {
		int word = REJECT_RECORD;

		yaml_word(c->problems, n, reject_column_words, &word);
		r->column[r->columns++] = (enum reject_column) word;
	}
	r->columns = count;
	for (size_t i = 0; i < count; i++)
		r->title[i] = reject_column_words[r->column[i]];
}

static void
titles(struct compile *c, struct yaml_node *map, struct policy_rejects *r)
{
	struct yaml_node *list = compile_child(c, map, "titles", YAML_LIST);
	size_t i = 0;

	if (list == NULL)
		return;
	if (compile_count(list) != r->columns || !r->header) {
		yaml_error(c->problems, list, "must be one for each of columns, for the line that header puts first");
		return;
	}
	for (struct yaml_node *n = list->first; n != NULL; n = n->next, i++) {
		const char *text;

		if (yaml_text(c->problems, n, &text))
			r->title[i] = compile_copy(c, text);
	}
}

void
compile_answer(struct compile *c)
{
	static const char *const newlines[] = {"crlf", "lf", NULL};
	struct yaml_node *answer = compile_child(c, c->root, "answer", YAML_MAP);
	struct yaml_node *map = compile_child(c, answer, "rejects", YAML_MAP);
	struct policy_rejects *r = &c->policy->rejects;

	if (answer == NULL)
		return;
	compile_known(c, answer, "answer");
	if (map == NULL)
		return;
	r->name = name_template(c, map);
	r->header = compile_bool(c, map, "header", true);
	r->always = compile_bool(c, map, "always", false);
	r->for_spreadsheet = compile_bool(c, map, "spreadsheet", false);
	r->delimiter = compile_byte(c, map, "delimiter", ',');
	r->newline = compile_word(c, map, "newline", newlines, 0) == 0 ? "\r\n" : "\n";
	if (r->delimiter == '\0' || strchr("\"\r\n{}", r->delimiter) != NULL)
		yaml_error(c->problems, yaml_get(map, "delimiter"), "must be one byte, and no quote or newline");
	columns(c, map, r);
	titles(c, map, r);
	compile_known(c, map, "answer.rejects");
}
