#include "tests/unit/check.h"

#include "lib/base/limits.h"
#include "lib/yaml/yaml.h"

static struct problems *problems;

static int
setup(void **state)
{
	(void) state;
	problems = problems_new("f.yaml");
	return problems == NULL;
}

static int
teardown(void **state)
{
	(void) state;
	problems_free(problems);
	return 0;
}

static struct yaml_node *
parse(const char *text)
{
	return yaml_parse(text, strlen(text), problems);
}

static void
refused(const char *text, const char *line)
{
	struct problems *mine = problems_new("f.yaml");

	assert_null(yaml_parse(text, strlen(text), mine));
	assert_int_equal(problems_errors(mine), 1);
	assert_string_equal(problems_line(mine, 0), line);
	problems_free(mine);
}

static void
tree_has_positions_and_paths(void **state)
{
	struct yaml_node *root = parse("a: 1\nsources:\n  - name: 'x'\n    list: [p, q]\n  - name: y\n");
	struct yaml_node *list, *first;

	(void) state;
	assert_non_null(root);
	assert_int_equal(root->kind, YAML_MAP);
	assert_string_equal(root->path, "");
	list = yaml_get(root, "sources");
	assert_int_equal(list->kind, YAML_LIST);
	assert_int_equal(list->line, 2);
	assert_int_equal(list->column, 1);
	first = yaml_get(list->first, "name");
	assert_string_equal(first->path, "sources[0].name");
	assert_true(first->quoted);
	assert_int_equal(first->line, 3);
	assert_int_equal(first->column, 11);
	assert_int_equal(first->key_column, 5);
	assert_string_equal(yaml_get(list->first, "list")->first->next->path, "sources[0].list[1]");
	assert_string_equal(list->first->next->path, "sources[1]");
	assert_null(yaml_get(root, "b"));
	assert_null(yaml_get(list, "name"));
	yaml_tree_free(root);
}

static void
refusals(void **state)
{
	(void) state;
	refused("a: &x 1\n",
	        "f.yaml:1:4: anchors and aliases (& and *) are not taken here; write the value, or quote it");
	refused("a: *x\n",
	        "f.yaml:1:4: anchors and aliases (& and *) are not taken here; write the value, or quote it");
	refused("a: !!str 1\n", "f.yaml:1:4: tags (!) are not taken here; quote the value");
	refused("a: 1\nb:\n  c: 1\n  c: 2\n", "f.yaml:4:3: b.c: this key stands twice; the first is in line 3");
	refused("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document; one file is one document");
	refused("[a]: 1\n", "f.yaml:1:1: a key must be a plain word");
	refused("", "f.yaml:1:1: empty");
	refused("a: \"x\\0y\"\n", "f.yaml:1:4: a NUL byte in a text");
	refused("a: [1\n", "f.yaml:2:1: a: while parsing a flow sequence: did not find expected ',' or ']'");
	refused("a: 1\n\tb: 2\n",
	        "f.yaml:2:1: while scanning a plain scalar: found a tab character that violates indentation");
	refused("a: \xff\n", "f.yaml:1:1: invalid leading UTF-8 octet at byte 3");
}

static void
depth_and_size(void **state)
{
	char deep[2 * LIMIT_YAML_DEPTH + 3];
	struct yaml_node *root;
	char *big = malloc(LIMIT_PROFILE_BYTES + 1);

	(void) state;
	memset(deep, '[', LIMIT_YAML_DEPTH + 1);
	memset(deep + LIMIT_YAML_DEPTH + 1, ']', LIMIT_YAML_DEPTH + 1);
	deep[2 * LIMIT_YAML_DEPTH + 2] = '\0';
	assert_null(parse(deep));
	deep[2 * LIMIT_YAML_DEPTH + 1] = '\0';
	root = parse(deep + 1);
	assert_non_null(root);
	yaml_tree_free(root);

	memset(big, '#', LIMIT_PROFILE_BYTES + 1);
	memcpy(big, "a: 1\n", 5);
	root = yaml_parse(big, LIMIT_PROFILE_BYTES, problems);
	assert_non_null(root);
	yaml_tree_free(root);
	assert_null(yaml_parse(big, LIMIT_PROFILE_BYTES + 1, problems));
	free(big);
}

static void
too_many_values(void **state)
{
	char *text = malloc(2 * LIMIT_YAML_NODES + 3);

	(void) state;
	for (int i = 0; i <= LIMIT_YAML_NODES; i++)
		memcpy(text + 2 * i, "1,", 2);
	text[0] = '[';
	memcpy(text + 2 * LIMIT_YAML_NODES, "1]", 3);
	assert_null(parse(text));
	free(text);
}

static void
values(void **state)
{
	struct yaml_node *root =
	    parse("b: yes\nB: flase\ni: 42\nq: '42'\nd: 90s\nD: 90\ns: 2MiB\nw: red\nW: rde\nt: ''\n"
	          "huge: 999999999999999999d\n");
	static const char *const colours[] = {"green", "red", NULL};
	bool flag = false;
	int64_t n = 77;
	int word = 77;
	const char *text = NULL;

	(void) state;
	assert_true(yaml_bool(problems, yaml_get(root, "b"), &flag) && flag);
	assert_true(yaml_int(problems, yaml_get(root, "i"), 0, 42, &n) && n == 42);
	assert_true(yaml_duration_ms(problems, yaml_get(root, "d"), &n) && n == 90000);
	assert_true(yaml_size(problems, yaml_get(root, "s"), &n) && n == 2 << 20);
	assert_true(yaml_word(problems, yaml_get(root, "w"), colours, &word) && word == 1);
	assert_true(yaml_text(problems, yaml_get(root, "q"), &text));
	assert_string_equal(text, "42");
	assert_int_equal(problems_errors(problems), 0);

	n = 77;
	assert_false(yaml_bool(problems, yaml_get(root, "B"), &flag));
	assert_false(yaml_int(problems, yaml_get(root, "i"), 0, 41, &n));
	assert_false(yaml_int(problems, yaml_get(root, "q"), 0, 99, &n));
	assert_false(yaml_duration_ms(problems, yaml_get(root, "D"), &n));
	assert_false(yaml_duration_ms(problems, yaml_get(root, "huge"), &n));
	assert_false(yaml_word(problems, yaml_get(root, "W"), colours, &word));
	assert_false(yaml_text(problems, yaml_get(root, "t"), &text));
	assert_true(n == 77);
	assert_int_equal(problems_errors(problems), 7);
	assert_string_equal(problems_line(problems, 0), "f.yaml:2:4: B: must be true or false, not \"flase\"");
	assert_string_equal(problems_line(problems, 4),
	                    "f.yaml:9:4: W: must be one of green, red, not \"rde\"; did you mean red?");
	yaml_tree_free(root);
}

static void
unknown_keys_with_hints(void **state)
{
	static const char *const known[] = {"inbound", "name", NULL};
	struct yaml_node *root = parse("name: x\ninbuond: y\nqqqqqq: 1\n");

	(void) state;
	yaml_get(root, "name");
	yaml_unknown_keys(problems, root, known);
	assert_int_equal(problems_errors(problems), 2);
	assert_string_equal(problems_line(problems, 0),
	                    "f.yaml:2:1: inbuond: unknown key; did you mean inbound?");
	assert_string_equal(problems_line(problems, 1), "f.yaml:3:1: qqqqqq: unknown key");
	yaml_tree_free(root);
}

static void
problems_are_sorted_counted_and_safe(void **state)
{
	struct yaml_node at = {.path = "x"};

	(void) state;
	for (int i = 0; i < LIMIT_PROBLEMS + 5; i++) {
		at.line = LIMIT_PROBLEMS + 5 - i;
		at.column = 1;
		yaml_error(problems, &at, "bad\x1b[2J %d\n", i);
	}
	yaml_warn(problems, NULL, "w");
	assert_int_equal(problems_errors(problems), LIMIT_PROBLEMS + 5);
	assert_int_equal(problems_warnings(problems), 1);
	assert_string_equal(problems_line(problems, 0), "f.yaml:6:1: x: bad\\x1b[2J 49\\x0a");
	assert_string_equal(problems_line(problems, LIMIT_PROBLEMS), "... and 6 more");
	assert_null(problems_line(problems, LIMIT_PROBLEMS + 1));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(tree_has_positions_and_paths),
	    TEST(refusals),
	    TEST(depth_and_size),
	    TEST(too_many_values),
	    TEST(values),
	    TEST(unknown_keys_with_hints),
	    TEST(problems_are_sorted_counted_and_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
