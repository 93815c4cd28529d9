/* XML and JSON through profile, walk and assemble, fed whole and byte by byte: the same records either way.
 */
#include "tests/unit/check.h"

#include <stdarg.h>

#include "lib/base/codes.h"
#include "lib/profile/profile.h"
#include "parsers/assemble/assemble.h"

static const char xml_profile[] = "profile: nest\npartner: NEST\nprogramme: NS\nformat: xml\nzone: UTC\n"
                                  "xml:\n  namespace: [urn:a, urn:b]\n  namespaces: {o: urn:other}\n"
                                  "records:\n"
                                  "  batch:\n    role: level\n    path: /File/Batch\n    fields:\n"
                                  "      batch_id: {at: \"@id\", type: id}\n"
                                  "      date: {at: Head/Day, format: YYYY-MM-DD}\n"
                                  "  item:\n    role: entry\n    path: /File/Batch/Items/Item\n    fields:\n"
                                  "      partner_reference: {at: \"@ref\", type: id}\n"
                                  "      member: {at: \"Party[@kind='member']/Id\", type: id}\n"
                                  "      merchant: {at: \"Party[@kind='shop']/Id\", optional: yes}\n"
                                  "      points: {at: Points}\n"
                                  "      status: {at: \"*/Status/@code\", type: id}\n"
                                  "      reason: {at: o:Why, many: yes, optional: yes}\n"
                                  "      reason_text: {at: o:Why/@text, many: yes, optional: yes}\n"
                                  "verdict:\n  field: status\n  words: {OK: accepted, NO: rejected}\n"
                                  "match: [partner_reference]\ncheck: none\n"
                                  "reasons:\n  R1: {means: not_available, action: reverse}\n";

static const char xml_file[] =
    "<?xml version='1.0' encoding='utf-8'?>\n"
    "<!-- a comment --><f:File xmlns:f='urn:b' xmlns:o='urn:other'>\n"
    " <f:Batch id='B1'><f:Head><f:Day>2026-11-18</f:Day></f:Head><f:Items>\n"
    "  <f:Item ref='P1'><f:Party kind='shop'><f:Id>S&amp;Z</f:Id></f:Party>"
    "<f:Party kind='member'><f:Id>M1</f:Id></f:Party><Id>x</Id>"
    "<f:Points>1<![CDATA[2]]>&#x33;</f:Points><f:Any><f:Status code='OK'/></f:Any></f:Item>\n"
    "  <f:Item ref='P2'><f:Party kind='member'><f:Id>M2</f:Id></f:Party><f:Points>7</f:Points>"
    "<f:Other><f:Status code='NO'/></f:Other><o:Why text='full'>R1</o:Why><o:Why>R2</o:Why><f:Why>no</f:Why>"
    "</f:Item>\n"
    " </f:Items></f:Batch>\n"
    "</f:File>\n";

static const char json_profile[] =
    "profile: nest\npartner: NEST\nprogramme: NS\nformat: json\nzone: UTC\n"
    "records:\n"
    "  file:\n    role: level\n    path: /\n    fields:\n"
    "      file_id: {at: header/id, type: id}\n"
    "  item:\n    role: entry\n    path: /items[]\n    fields:\n"
    "      partner_reference: {at: ref, type: id}\n"
    "      member: {at: who/member, type: id}\n"
    "      points: {at: points}\n"
    "      status: {at: ok, type: id}\n"
    "      reason: {at: \"why[]\", many: yes, optional: yes}\n"
    "verdict:\n  field: status\n  words: {\"true\": accepted, \"false\": rejected}\n"
    "match: [partner_reference]\ncheck: none\n"
    "reasons:\n  R1: {means: not_available, action: reverse}\n";

static const char json_file[] =
    "{\"header\": {\"id\": \"F-1\", \"more\": [1, [2], {\"id\": 3}]},\n"
    " \"items\": [\n"
    "  {\"ref\": \"P1\", \"who\": {\"member\": \"M1\"}, \"points\": 123, \"ok\": true, \"why\": null},\n"
    "  {\"ok\": false, \"ref\": \"P\\u0032\", \"who\": {\"x\": {\"member\": \"no\"}, \"member\": \"M2\"},"
    " \"points\": 7, \"why\": [\"R1\", \"R2\"]}\n"
    " ], \"tail\": {\"items\": [{\"ref\": \"none\"}]}}\n";

/* Results as text, one line each, and where each record lies. */
struct results {
	char text[4096];
	size_t len;
	uint64_t offset[8];
	uint32_t length[8];
	size_t records;
};

static int
add(struct results *r, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	r->len += (size_t) vsnprintf(r->text + r->len, sizeof(r->text) - r->len, format, args);
	va_end(args);
	assert_true(r->len < sizeof(r->text));
	return 0;
}

static int
on_record(void *context, const struct record *r)
{
	struct results *to = context;

	if (to->records < 8) {
		to->offset[to->records] = r->offset;
		to->length[to->records] = r->length;
	}
	to->records++;
	add(to, "%s %lld", verdict_name(r->verdict), (long long) r->points);
	for (size_t i = 0; i < RECORD_TEXTS; i++)
		if (r->text[i].len > 0)
			add(to, " %zu=%.*s", i, (int) r->text[i].len, r->text[i].data);
	return add(to, "\n");
}

static int
on_facts(void *context, const struct file_facts *f)
{
	return f->partner_file_id.len == 0
	           ? 0
	           : add(context, "file %.*s\n", (int) f->partner_file_id.len, f->partner_file_id.data);
}

static int
on_control(void *context, const struct control *c)
{
	return add(context, "control %d\n", c->agrees);
}

static int
on_refusal(void *context, const struct refusal *r)
{
	return add(context, "!%.*s@%u\n", (int) r->rule.len, r->rule.data, (unsigned) r->offset);
}

static void
run(const char *profile_text, const char *file, size_t len, size_t step, struct results *ret)
{
	struct problems *problems = problems_new("test");
	struct profile *profile = profile_compile(profile_text, strlen(profile_text), problems);
	const struct sink sink = {on_record, on_facts, on_control, on_refusal, ret};
	const struct format *format;
	struct assemble *a;
	struct input_memory in;
	struct parse_end end;
	uint64_t bytes = 0;
	const char *why;

	for (size_t i = 0; profile == NULL && problems_line(problems, i) != NULL; i++)
		print_message("%s\n", problems_line(problems, i));
	assert_non_null(profile);
	format = format_of(profile->layout);
	ret->len = ret->records = 0;
	if (format->start != NULL)
		format->start();
	if (format->prepare != NULL)
		assert_int_equal(format->prepare(profile->layout, &why), 0);
	input_memory_init(&in, file, len, step);
	a = assemble_new(profile->layout, &sink);
	assert_int_equal(assemble_name(a, "f", 1), 0);
	(void) format->parse(profile->layout, &in.input, a, &bytes);
	assert_int_equal(assemble_finish(a, bytes, &end), 0);
	add(ret, "%s %s\n", end.refused ? "refused" : "taken", end.whole ? "whole" : "open");
	assemble_free(a);
	profile_free(profile);
	problems_free(problems);
}

static const size_t steps[] = {0, 1, 2, 5, 64};

static void
test_xml(void **state)
{
	struct results r;

	(void) state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		run(xml_profile, xml_file, strlen(xml_file), steps[i], &r);
		assert_string_equal(r.text, "accepted 123 1=P1 3=M1 5=S&Z\n"
		                            "rejected 7 1=P2 3=M2 7=R1\x1FR2 8=full\n"
		                            "taken whole\n");
		assert_memory_equal(xml_file + r.offset[0], "<f:Item ref='P1'>", 17);
		assert_memory_equal(xml_file + r.offset[1] + r.length[1] - 9, "</f:Item>", 9);
		/* with the NUL at its end: libxml2 stops there, content with what it has seen */
		run(xml_profile, xml_file, sizeof(xml_file), steps[i], &r);
		assert_non_null(strstr(r.text, "!trailing_bytes@"));
		assert_null(strstr(r.text, "whole"));
	}
}

/* A character of several bytes may be cut anywhere by a read. */
static void
test_xml_encoding(void **state)
{
	static const char item[] = "<Item ref='P1'><Party kind='member'><Id>M1</Id></Party><Party "
	                           "kind='shop'><Id>\x93\x8C\x95\x5C</Id></Party>"
	                           "<Points>5</Points><Any><Status code='OK'/></Any></Item>";
	char profile[sizeof(xml_profile) + 32], file[1024];
	struct results r;

	(void) state;
	snprintf(profile, sizeof(profile), "encoding: shift_jis\n%s", xml_profile);
	snprintf(file, sizeof(file),
	         "<?xml version='1.0' encoding='SJIS'?><!-- \x93\x8C --><File xmlns='urn:a'><Batch id='B'>"
	         "<Head><Day>2026-11-18</Day></Head><Items>\x93\x8C%s</Items></Batch></File>",
	         item);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		run(profile, file, strlen(file), steps[i], &r);
		assert_string_equal(r.text, "accepted 5 1=P1 3=M1 5=\xE6\x9D\xB1\xE8\xA1\xA8\ntaken whole\n");
		assert_memory_equal(file + r.offset[0], item, strlen(item));
		assert_int_equal(r.length[0], strlen(item));
	}
}

static void
test_json(void **state)
{
	struct results r;

	(void) state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		run(json_profile, json_file, strlen(json_file), steps[i], &r);
		assert_string_equal(r.text, "accepted 123 1=P1 3=M1\n"
		                            "rejected 7 1=P2 3=M2 7=R1\x1FR2\n"
		                            "file F-1\n"
		                            "taken whole\n");
		assert_memory_equal(json_file + r.offset[0], "{\"ref\": \"P1\"", 12);
		assert_memory_equal(json_file + r.offset[1] + r.length[1] - 3, "\"]}", 3);
	}
}

/* A document that is cut anywhere is refused. */
static void
cut(const char *profile, const char *file)
{
	struct results r;
	size_t len = strlen(file) - 1; /* without the last newline it is whole still */

	for (size_t n = 0; n < len; n++) {
		run(profile, file, n, 0, &r);
		assert_non_null(strstr(r.text, "refused"));
		assert_null(strstr(r.text, "whole"));
	}
}

static void
test_cut(void **state)
{
	(void) state;
	cut(xml_profile, xml_file);
	cut(json_profile, json_file);
}

/* Shapes that are not the profile's. */
static void
test_json_shapes(void **state)
{
	static const char *const cases[] = {
	    "{\"header\": {\"id\": \"F\"}, \"items\": {\"ref\": \"P\"}}",
	    "{\"header\": {\"id\": \"F\"}, \"items\": \"x\"}",
	    "{\"header\": {\"id\": \"F\"}, \"items\": [[]]}",
	    "{\"header\": {\"id\": \"F\"}, \"items\": [1]}",
	    "{\"header\": [{\"id\": \"F\"}], \"items\": []}",
	    "{\"header\": {\"id\": {\"a\": 1}}, \"items\": []}",
	    "{\"header\": {\"id\": [\"F\"]}, \"items\": []}",
	    "\"x\"",
	    "17",
	};
	struct results r;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run(json_profile, cases[i], strlen(cases[i]), 0, &r);
		assert_non_null(strstr(r.text, "!wrong_type@"));
		assert_int_equal(r.records, 0);
	}
}

static void
test_xml_shapes(void **state)
{
	static const char *const cases[][2] = {
	    {"<File/>", "!wrong_root@0"},
	    {"<File xmlns='urn:c'/>", "!wrong_root@0"},
	    {"<Batch xmlns='urn:a'/>", "!wrong_root@0"},
	    {"<!DOCTYPE File><File xmlns='urn:a'/>", "!doctype@"},
	    {"<File xmlns='urn:a'><Batch id='1'><Head><Day>2026-<b/>11-18</Day></Head></Batch></File>",
	     "!wrong_type@"},
	    {"<File xmlns='urn:a'/> x", "!not_xml@"},
	    {"<File xmlns='urn:a'/><File xmlns='urn:a'/>", "!not_xml@"},
	    {"<?xml version='1.0' encoding='latin1'?><File xmlns='urn:a'/>", "!encoding@"},
	};
	struct results r;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run(xml_profile, cases[i][0], strlen(cases[i][0]), 0, &r);
		if (strstr(r.text, cases[i][1]) == NULL)
			print_message("%s: %s", cases[i][0], r.text);
		assert_non_null(strstr(r.text, cases[i][1]));
		assert_int_equal(r.records, 0);
	}
}

/* Bytes, an end, and then there is more: a format that stops too soon stands before the same. */
struct twice {
	struct input input;
	const char *first, *second;
};

static ssize_t
twice_read(struct input *in, char *buf, size_t size)
{
	struct twice *t = (struct twice *) (void *) in;
	size_t len = t->first == NULL ? 0 : strlen(t->first);

	assert_true(len <= size);
	memcpy(buf, t->first == NULL ? "" : t->first, len);
	t->first = t->first != NULL ? NULL : t->second;
	return (ssize_t) len;
}

static void
test_more_behind_the_end(void **state)
{
	struct problems *problems = problems_new("test");
	struct profile *profile = profile_compile(json_profile, strlen(json_profile), problems);
	const char *const behind[] = {NULL, " "};

	(void) state;
	assert_non_null(profile);
	for (size_t i = 0; i < 2; i++) {
		struct results r = {0};
		const struct sink sink = {on_record, on_facts, on_control, on_refusal, &r};
		struct twice in = {{.read = twice_read}, json_file, behind[i]};
		struct assemble *a = assemble_new(profile->layout, &sink);
		struct parse_end end;
		uint64_t bytes = 0;

		assert_int_equal(assemble_name(a, "f", 1), 0);
		assert_int_equal(formats_read(profile->layout, &in.input, a, &bytes), 0);
		assert_int_equal(assemble_finish(a, bytes, &end), 0);
		assert_int_equal(end.refused, i == 1);
		assert_true((strstr(r.text, "!trailing_bytes") != NULL) == (i == 1));
		assemble_free(a);
	}
	profile_free(profile);
	problems_free(problems);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_xml),
	    cmocka_unit_test(test_xml_encoding),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_json_shapes),
	    cmocka_unit_test(test_xml_shapes),
	    cmocka_unit_test(test_more_behind_the_end),
	};
	return cmocka_run_group_tests_name("nested", tests, NULL, NULL);
}
