/* The output layer: widths, escaping for each target, what happens on a narrow terminal. */
#include "tests/unit/check.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/csv.h"
#include "lib/finance/output/escape.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/output/number.h"
#include "lib/finance/output/render.h"
#include "lib/json/json.h"

static const struct terminal wide = {.width = 0}, eighty = {.width = 80};

static const struct column columns[] = {
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},     {"when", "When", COLUMN_TIME, 0, 3, NULL},
    {"name", "Name", COLUMN_NAME, 8, 0, NULL},       {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 1, NULL}, {"done", "Done", COLUMN_BOOL, 0, 2, NULL},
};

static const char *const row[] = {
    "7", "2026-01-31 23:59:59.5+00", "AIR_20260131_0007.csv", "posted", "-1234567", "t"};

static struct document *
one_table(const char *const *cells, struct table **ret_table)
{
	struct document *d = document_new("test", NULL);

	*ret_table = document_add(d, "files", "Files", TABLE_ROWS, COLUMNS(columns));
	table_empty(*ret_table, "no files");
	if (cells != NULL)
		table_row(*ret_table, cells);
	return d;
}

enum how { TEXT, JSON, CSV, HTML };

static char *
shown(const struct document *d, enum how how, const struct terminal *t)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (how == TEXT)
		render_text(out, d, t);
	else if (how == JSON)
		render_json(out, d);
	else if (how == CSV)
		render_csv(out, d->tables[0]);
	else
		render_html(out, d);
	fclose(out);
	return text;
}

static void
assert_shows(const struct document *d, enum how how, const struct terminal *t, const char *expected)
{
	char *text = shown(d, how, t);

	assert_string_equal(text, expected);
	free(text);
}

static void
assert_escapes(const char *text, const char *expected)
{
	char *safe = escape_terminal(text);

	assert_string_equal(safe, expected);
	free(safe);
}

static void
test_terminal_escapes(void **state)
{
	(void) state;
	assert_escapes("plain é 漢", "plain é 漢");
	assert_escapes("\033[2J\a", "\\x1b[2J\\x07");
	assert_escapes("a\nb\tc\r", "a\\nb\\tc\\r");
	assert_escapes("\xc2\x9b"
	               "31m",
	               "\\u{9b}31m"); /* C1 control sequence introducer */
	assert_escapes("a\u202eb\u2066\ufeff", "a\\u{202e}b\\u{2066}\\u{feff}");
	assert_escapes("\xff\xc0\x80\xed\xa0\x80", "\\xff\\xc0\\x80\\xed\\xa0\\x80"); /* never valid UTF-8 */
	assert_escapes("\xf0\x9f\x98", "\\xf0\\x9f\\x98");                            /* cut in the middle */
	assert_escapes("\xf3\xa0\x81\x81", "\\u{e0041}");                             /* a tag character */
}

static void
test_widths(void **state)
{
	char *text;

	(void) state;
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("漢字"), 4);
	assert_int_equal(text_width("e\u0301"), 1);
	text = text_shorten("AIR_20260131_0007.csv", 11, 1);
	assert_string_equal(text, "AIR_2…7.csv");
	free(text);
	text = text_shorten("漢字漢字", 4, 0);
	assert_string_equal(text, "漢…");
	free(text);
	text = text_shorten("漢字漢字", 5, 1);
	assert_string_equal(text, "漢…字");
	free(text);
	text = text_shorten("short", 5, 0);
	assert_string_equal(text, "short");
	free(text);
}

static void
test_numbers(void **state)
{
	static const char *const pairs[][2] = {{"0", "0"},
	                                       {"999", "999"},
	                                       {"1000", "1,000"},
	                                       {"-1000", "-1,000"},
	                                       {"1234567", "1,234,567"},
	                                       {"1234.5678", "1,234.5678"},
	                                       {"007", "007"},
	                                       {"1e5", "1e5"},
	                                       {"-", "-"},
	                                       {"92233720368547758080", "92,233,720,368,547,758,080"}};

	(void) state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *text = number_shown(pairs[i][0]);
		assert_string_equal(text, pairs[i][1]);
		free(text);
	}
	assert_true(number_is_plain("-1"));
	assert_false(number_is_plain("=1"));
	assert_false(number_is_plain("1."));
	assert_false(number_is_plain(""));
}

static void
test_text(void **state)
{
	struct table *t;
	struct document *d = one_table(row, &t);

	(void) state;
	assert_shows(d, TEXT, &wide,
	             "Files\n"
	             "File  When                 Name                   State       Points  Done\n"
	             "────  ───────────────────  ─────────────────────  ──────  ──────────  ────\n"
	             "   7  2026-01-31 23:59:59  AIR_20260131_0007.csv  posted  -1,234,567  yes\n");
	/* first the name is shortened ... */
	assert_shows(d, TEXT, &(struct terminal){.width = 70},
	             "Files\n"
	             "File  When                 Name               State       Points  Done\n"
	             "────  ───────────────────  ─────────────────  ──────  ──────────  ────\n"
	             "   7  2026-01-31 23:59:59  AIR_2026…0007.csv  posted  -1,234,567  yes\n");
	/* ... then columns are left out, and it says which */
	assert_shows(d, TEXT, &(struct terminal){.width = 40},
	             "Files\n"
	             "File  Name      State       Points  Done\n"
	             "────  ────────  ──────  ──────────  ────\n"
	             "   7  AIR_…csv  posted  -1,234,567  yes\n"
	             "not shown for want of width: When\n");
	assert_shows(d, TEXT, &(struct terminal){.width = 36},
	             "Files\n"
	             "File  Name        State       Points\n"
	             "────  ──────────  ──────  ──────────\n"
	             "   7  AIR_2….csv  posted  -1,234,567\n"
	             "not shown for want of width: When,\nDone\n");
	/* and when that is no use, one fact a line */
	assert_shows(d, TEXT, &(struct terminal){.width = 20},
	             "Files\n"
	             "File    7\n"
	             "When    2026-01-31 23:59:59\n"
	             "Name    AIR_20260131_0007.cs\n        v\n"
	             "State   posted\n"
	             "Points  -1,234,567\n"
	             "Done    yes\n");
	document_free(d);
}

static void
test_empty_and_totals(void **state)
{
	static const char *const totals[] = {NULL, NULL, "all", NULL, "10000000", NULL};
	struct table *t;
	struct document *d = one_table(NULL, &t);

	(void) state;
	assert_shows(d, TEXT, &eighty, "Files\nno files\n");
	assert_shows(d, JSON, NULL, "{\n  \"files\": []\n}\n");
	assert_shows(d, CSV, NULL, "file,when,name,state,points,done\r\n");
	table_row(t, row);
	table_totals(t, totals);
	table_note(t, mem_text("said below"));
	char *text = shown(d, TEXT, &eighty);
	assert_non_null(strstr(text, "  all                            10,000,000\nsaid below\n"));
	free(text);
	document_free(d);
}

static void
test_machines(void **state)
{
	static const char *const nulls[] = {"8", NULL, NULL, NULL, NULL, "f"};
	struct table *t;
	struct document *d = one_table(row, &t);

	(void) state;
	table_row(t, nulls);
	assert_shows(
	    d, JSON, NULL,
	    "{\n  \"files\": [\n    {\n      \"file\": 7,\n      \"when\": \"2026-01-31T23:59:59.5Z\",\n"
	    "      \"name\": \"AIR_20260131_0007.csv\",\n      \"state\": \"posted\",\n"
	    "      \"points\": -1234567,\n      \"done\": true\n    },\n    {\n      \"file\": 8,\n"
	    "      \"when\": null,\n      \"name\": null,\n      \"state\": null,\n      \"points\": null,\n"
	    "      \"done\": false\n    }\n  ]\n}\n");
	assert_shows(d, CSV, NULL,
	             "file,when,name,state,points,done\r\n"
	             "7,2026-01-31T23:59:59.5Z,AIR_20260131_0007.csv,posted,-1234567,yes\r\n"
	             "8,,,,,no\r\n");
	document_free(d);
}

static void
test_formulas_stay_texts(void **state)
{
	static const char *const pairs[][2] = {
	    {"=1+1", "\"'=1+1\""},
	    {"+1", "\"'+1\""},
	    {"-2+3", "\"'-2+3\""},
	    {"@SUM(A1)", "\"'@SUM(A1)\""},
	    {"\t=1", "\"'\t=1\""},
	    {"\r=1", "\"'\r=1\""},
	    {"  =1", "\"'  =1\""},
	    {"\uff1d"
	     "1",
	     "\"'\uff1d"
	     "1\""},
	    {"a\"b", "\"a\"\"b\""},
	    {"a,b", "\"a,b\""},
	    {"plain", "plain"},
	    {"\001x", "\\x01x"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);
		csv_field(out, pairs[i][0], ',', true);
		fclose(out);
		assert_string_equal(text, pairs[i][1]);
		free(text);
	}
}

static void
test_hostile_everywhere(void **state)
{
	static const char *const cells[] = {"1", NULL, "<script>alert(1)</script>\033]0;x\a\u202e\"&'",
	                                    "x", "0",  "f"};
	struct table *t;
	struct document *d = one_table(cells, &t);

	(void) state;
	for (enum how how = TEXT; how <= HTML; how++) {
		char *text = shown(d, how, &wide);
		assert_null(strchr(text, '\033'));
		assert_null(strchr(text, '\a'));
		if (how != CSV) /* a CSV file is no terminal: it keeps the character */
			assert_null(strstr(text, "\u202e"));
		if (how == HTML) {
			assert_null(strstr(text, "<script"));
			assert_non_null(
			    strstr(text, "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b]0;x\\x07\\u{202e}&quot;&amp;&#39;"));
		}
		if (how == JSON)
			assert_non_null(strstr(text, "\"<script>alert(1)</script>\\u001B]0;x\\u0007\\u202E\\\"&'\""));
		free(text);
	}
	document_free(d);
}

static void
test_json_of_anything(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void) state;
	json_print_text(out, "\xff \\ \n \x01 \U000e0041 漢");
	fclose(out);
	assert_string_equal(text, "\"\\uFFFD \\\\ \\n \\u0001 \\uDB40\\uDC41 漢\"");
	free(text);
}

static void
test_colour(void **state)
{
	static const struct terminal colours = {.width = 0, .colour = true};
	struct table *t;
	struct document *d = one_table(row, &t);
	char *text = shown(d, TEXT, &colours);

	(void) state;
	assert_non_null(strstr(text, "\033[32mposted\033[0m"));
	free(text);
	document_free(d);
}

static void
test_progress(void **state)
{
	struct terminal t = {.progress = true};
	char line[512] = "";
	struct progress p;
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);

	(void) state;
	dup2(fileno(file), STDERR_FILENO);
	progress_start(&p, &t, "verifying", "records", 200000);
	progress_at(&p, 1); /* too early for a bar */
	assert_int_equal(lseek(STDERR_FILENO, 0, SEEK_CUR), 0);
	p.started_ms -= 10000;
	p.drawn_ms -= 10000;
	progress_at(&p, 50000);
	progress_at(&p, 50001); /* too early for another */
	progress_end(&p);
	progress_at(&p, 60000); /* after the end: nothing */
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	assert_non_null(fgets(line, sizeof(line), file));
	assert_string_equal(
	    line, "\r\033[Kverifying ▕██████                  ▏ 25 %  50,000 of 200,000 records  30 s left"
	          "\r\033[K");
	fclose(file);

	t.progress = false; /* nothing where stderr is no terminal */
	progress_start(&p, &t, "verifying", "records", 10);
	assert_false(p.on);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_terminal_escapes),
	    cmocka_unit_test(test_widths),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_empty_and_totals),
	    cmocka_unit_test(test_machines),
	    cmocka_unit_test(test_formulas_stay_texts),
	    cmocka_unit_test(test_hostile_everywhere),
	    cmocka_unit_test(test_json_of_anything),
	    cmocka_unit_test(test_colour),
	    cmocka_unit_test(test_progress),
	};
	struct terminal t;

	terminal_detect(&t);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
