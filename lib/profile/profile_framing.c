/* format, encoding, container, framing and what belongs to each format. */
#include <ctype.h>
#include <limits.h>

#include "lib/base/limits.h"
#include "lib/profile/charset.h"
#include "lib/profile/profile_internal.h"

static const char *const formats[] = {"delimited", "fixed", "xml", "json", "json_lines", NULL};

/* A list of texts, or one text, NULL-ended; NULL when it is absent. */
static const char *const *
text_list(struct compile *c, struct yaml_node *n)
{
	size_t count = n == NULL ? 0 : n->kind == YAML_SCALAR ? 1 : compile_count(n);
	struct yaml_node *at = compile_first(n);
	const char **list;
	size_t i = 0;

	if (n == NULL)
		return NULL;
	list = compile_alloc(c, count + 1, sizeof(*list));
	if (n->kind == YAML_MAP || list == NULL) {
		yaml_error(c->problems, n, "must be one text or a list of texts");
		return NULL;
	}
	for (; at != NULL; at = compile_next(n, at)) {
		const char *text;

		if (yaml_text(c->problems, at, &text))
			list[i++] = compile_copy(c, text);
	}
	return list;
}

static void
compile_encoding(struct compile *c)
{
	struct yaml_node *n = compile_child(c, c->root, "encoding", YAML_SCALAR);
	struct charset *charset;
	char *name;

	c->layout->encoding = "UTF-8";
	if (n == NULL)
		return;
	name = compile_alloc(c, 1, strlen(n->text) + 1);
	if (name == NULL)
		return;
	for (size_t i = 0; n->text[i] != '\0'; i++)
		name[i] = (char) toupper((unsigned char) n->text[i]);
	if (strcmp(name, "UTF8") == 0)
		name = (char *) (uintptr_t) "UTF-8";
	if (strcmp(name, "US-ASCII") == 0)
		name = (char *) (uintptr_t) "ASCII";
	c->layout->utf16 = strcmp(name, "UTF-16") == 0     ? UTF16_BY_MARK
	                   : strcmp(name, "UTF-16LE") == 0 ? UTF16_LE
	                   : strcmp(name, "UTF-16BE") == 0 ? UTF16_BE
	                                                   : UTF16_NO;
	if (c->layout->utf16 != UTF16_NO)
		name = (char *) (uintptr_t) "UTF-8";
	charset = charset_new(name);
	if (charset == NULL)
		yaml_error(c->problems, n,
		           "no encoding of one or two bytes that this machine knows, such as utf-8, ascii, "
		           "iso-8859-15, windows-1252, shift_jis or ibm037");
	charset_free(charset);
	c->layout->encoding = name;
}

/* Bytes, or {declared_at: N}: the file's own byte N says it. */
static size_t
bytes_or_place(struct compile *c, struct yaml_node *n, const char *where, char *buf, size_t size,
               int32_t *place)
{
	*place = -1;
	if (n == NULL)
		return 0;
	if (n->kind == YAML_MAP) {
		*place = (int32_t) compile_int(c, n, "declared_at", 1, 4096, 1) - 1;
		compile_known(c, n, where);
		return 0;
	}
	return compile_bytes(c, n, buf, size);
}

static void
newline_rule(struct compile *c, struct yaml_node *map, struct framing_rule *r)
{
	static const char *const words[] = {"lf", "crlf", "cr", "none", NULL};
	struct yaml_node *n = yaml_get(map, "newline");
	struct yaml_node *at = compile_first(n);

	r->newlines = n == NULL ? NEWLINE_LF | NEWLINE_CRLF : 0;
	for (; at != NULL; at = compile_next(n, at)) {
		int word;

		if (!yaml_word(c->problems, at, words, &word))
			continue;
		if (word < 3)
			r->newlines = (uint8_t) (r->newlines | 1 << word);
		else if (n->kind == YAML_LIST)
			yaml_error(c->problems, at,
			           "none stands alone: a file's records end in a newline, or by their length");
	}
}

static void
prefix_rule(struct compile *c, struct yaml_node *map, struct framing_rule *r)
{
	static const char *const words[] = {"u16be", "u16le", "u32be", "u32le", "rdw", "rdw_blocks", NULL};
	int word = compile_word(c, map, "prefix", words, -1);

	if (word < 0)
		return;
	r->kind = FRAME_PREFIX;
	r->prefix_bytes = word == 2 || word == 3 ? 4 : 2;
	r->prefix_little = word == 1 || word == 3;
	r->rdw = word >= 4;
	r->blocks = word == 5;
	r->prefix_counts_itself = compile_bool(c, map, "prefix_counts_itself", r->rdw);
}

/* UTF-16 is UTF-8 before anything is cut: what counts bytes of the file has none to count. */
static void
check_utf16(struct compile *c, struct yaml_node *map)
{
	static const char *const bytes[] = {"record_length", "prefix"};
	struct yaml_node *fixed = yaml_get(c->root, "fixed"), *bom = yaml_get(map, "bom");
	const struct yaml_node *count = yaml_get(fixed, "count");

	if (c->layout->utf16 == UTF16_NO)
		return;
	for (size_t i = 0; i < sizeof(bytes) / sizeof(*bytes); i++)
		if (yaml_get(map, bytes[i]) != NULL)
			yaml_error(c->problems, yaml_get(map, bytes[i]),
			           "counts bytes, and a file in UTF-16 is cut as text: newline, or a terminator");
	if (c->layout->format == FORMAT_FIXED &&
	    (count == NULL || count->kind != YAML_SCALAR || strcmp(count->text, "characters") != 0))
		yaml_error(c->problems, fixed != NULL ? fixed : c->root,
		           "positions in UTF-16 are characters: say fixed: {count: characters}");
	if (c->layout->utf16 == UTF16_BY_MARK && bom != NULL)
		yaml_error(c->problems, bom,
		           "does nothing: the byte order mark of utf-16 has to be there, since it says the order");
}

static void
compile_framing(struct compile *c)
{
	static const char *const last[] = {"required", "optional", "forbidden", NULL};
	static const char *const boms[] = {"refuse", "allow", "require", NULL};
	struct framing_rule *r = &c->layout->framing;
	struct yaml_node *map = compile_child(c, c->root, "framing", YAML_MAP), *n;
	char byte;
	int word;

	r->end_declared_at = -1;
	r->padding = -1;
	r->newlines = NEWLINE_LF | NEWLINE_CRLF;
	r->last_newline_required = true;
	r->bom = 1;
	check_utf16(c, map);
	if (map == NULL)
		return;
	newline_rule(c, map, r);
	n = yaml_get(map, "terminator");
	r->end_count = (uint8_t) bytes_or_place(c, n, "framing.terminator", (char *) r->ends, sizeof(r->ends),
	                                        &r->end_declared_at);
	if (r->end_count > 0 || r->end_declared_at >= 0)
		r->newlines = 0;
	r->newline_after = compile_bool(c, map, "newline_after", false);
	r->record_length = (uint32_t) compile_int(c, map, "record_length", 1, 1 << 20, 0);
	if (r->record_length > 0)
		r->kind = FRAME_LENGTH;
	prefix_rule(c, map, r);
	word = compile_word(c, map, "last_newline", last, 0);
	r->last_newline_required = word == 0;
	r->last_newline_forbidden = word == 2;
	r->end_mark = compile_bool(c, map, "end_mark", false);
	r->bom = (uint8_t) compile_word(c, map, "bom", boms, 1);
	r->skip = (uint32_t) compile_int(c, map, "skip", 0, 1000, 0);
	r->comment = compile_text(c, map, "comment", NULL);
	r->blank_lines =
	    compile_word(c, map, "blank_lines", (const char *const[]){"refuse", "skip", NULL}, 0) == 1;
	n = yaml_get(map, "padding");
	if (n != NULL && compile_bytes(c, n, &byte, 1) == 1)
		r->padding = (unsigned char) byte;
	r->multiple = (uint32_t) compile_int(c, map, "multiple", 2, 100000, 0);
	if (yaml_get(map, "newline") != NULL && r->kind != FRAME_LINES && r->newlines != 0)
		yaml_error(c->problems, yaml_get(map, "newline"),
		           "does nothing where records have a length: count it in, or say fixed: {length: ...}");
	if (r->kind == FRAME_LINES && r->newlines == 0 && r->end_count == 0 && r->end_declared_at < 0)
		yaml_error(c->problems, map, "needs newline, terminator, record_length or prefix");
	compile_known_of(c, map, "framing", r->kind);
}

static void
compile_delimited(struct compile *c)
{
	static const char *const headers[] = {"none", "names", NULL};
	static const char *const extra[] = {"refuse", "allow", NULL};
	static const char *const escapes[] = {"doubled", "none", "backslash", NULL};
	struct delimited_rule *r = &c->layout->delimited;
	struct yaml_node *map = compile_child(c, c->root, "delimited", YAML_MAP), *escape;
	size_t len;
	int word;

	r->delimiter_declared_at = r->inner_declared_at = -1;
	if (c->layout->format != FORMAT_DELIMITED)
		return;
	if (map == NULL || yaml_get(map, "delimiter") == NULL) {
		yaml_error(c->problems, map == NULL ? c->root : map,
		           "a delimited file needs delimited: {delimiter: ...}");
		return;
	}
	r->delimiter_len =
	    (uint8_t) bytes_or_place(c, yaml_get(map, "delimiter"), "delimited.delimiter", r->delimiter,
	                             sizeof(r->delimiter) - 1, &r->delimiter_declared_at);
	r->inner_len = (uint8_t) bytes_or_place(c, yaml_get(map, "inner"), "delimited.inner", r->inner,
	                                        sizeof(r->inner) - 1, &r->inner_declared_at);
	if (r->delimiter_len == 0 && r->delimiter_declared_at < 0)
		yaml_error(c->problems, yaml_get(map, "delimiter"), "must be 1 to 8 bytes");
	r->quote = r->quote_in_file = compile_byte(c, map, "quote", 0);
	if (r->quote != 0 && strcmp(c->layout->encoding, "UTF-8") != 0 &&
	    strcmp(c->layout->encoding, "ASCII") != 0 &&
	    !charset_encode(c->layout->encoding, &r->quote, 1, &r->quote_in_file, 1, &len))
		yaml_error(c->problems, yaml_get(map, "quote"), "cannot be written in %s", c->layout->encoding);
	escape = compile_child(c, map, "escape", YAML_SCALAR);
	r->escape = r->quote;
	if (escape != NULL && strlen(escape->text) == 1)
		r->escape = *escape->text;
	else {
		word = compile_word(c, map, "escape", escapes, 0);
		r->escape = word == 0 ? r->quote : word == 1 ? 0 : '\\';
	}
	r->quoted_newlines = compile_bool(c, map, "quoted_newlines", true);
	r->header = compile_word(c, map, "header", headers, 0) == 1;
	r->extra_columns = compile_word(c, map, "extra_columns", extra, 0) == 1;
	r->extra_trailing = compile_word(c, map, "missing_columns", extra, 0) == 1;
	r->trim = compile_bool(c, map, "trim", false);
	r->ends_with_delimiter = compile_bool(c, map, "ends_with_delimiter", false);
	if (yaml_get(map, "record_end") != NULL)
		compile_bytes(c, yaml_get(map, "record_end"), r->record_end, sizeof(r->record_end) - 1);
	if (r->delimiter_len == 1 &&
	    (r->delimiter[0] == r->quote || r->delimiter[0] == '\n' || r->delimiter[0] == '\r'))
		yaml_error(c->problems, map, "delimiter, quote and newline must be different");
	compile_known(c, map, "delimited");
}

static void
compile_fixed(struct compile *c)
{
	struct fixed_rule *r = &c->layout->fixed;
	struct yaml_node *map = compile_child(c, c->root, "fixed", YAML_MAP);
	size_t len;

	r->blank = ' ';
	if (strcmp(c->layout->encoding, "UTF-8") != 0 && strcmp(c->layout->encoding, "ASCII") != 0)
		(void) charset_encode(c->layout->encoding, " ", 1, &r->blank, 1, &len);
	if (c->layout->format != FORMAT_FIXED || map == NULL)
		return;
	r->length = (uint32_t) compile_int(c, map, "length", 1, 1 << 20, 0);
	r->trimmed = compile_bool(c, map, "trimmed", false);
	r->by_characters =
	    compile_word(c, map, "count", (const char *const[]){"bytes", "characters", NULL}, 0) == 1;
	compile_known(c, map, "fixed");
}

static void
compile_xml(struct compile *c)
{
	struct xml_rule *r = &c->layout->xml;
	struct yaml_node *map = compile_child(c, c->root, "xml", YAML_MAP), *prefixes;

	if (c->layout->format != FORMAT_XML || map == NULL)
		return;
	r->spaces = text_list(c, yaml_get(map, "namespace"));
	prefixes = compile_child(c, map, "namespaces", YAML_MAP);
	r->prefix = compile_alloc(c, compile_count(prefixes) + 1, sizeof(*r->prefix));
	for (struct yaml_node *n = prefixes == NULL ? NULL : prefixes->first; r->prefix != NULL && n != NULL;
	     n = n->next) {
		n->used = true;
		r->prefix[r->prefixes].name = compile_copy(c, n->key);
		r->prefix[r->prefixes++].spaces = text_list(c, n);
	}
	compile_known(c, map, "xml");
}

static void
compile_container(struct compile *c)
{
	static const char *const kinds[] = {"none", "gzip", "zip", NULL};
	struct container_rule *r = &c->layout->container;
	struct yaml_node *map = compile_child(c, c->root, "container", YAML_MAP), *n, *at;
	bool zip = false;

	if (map == NULL)
		return;
	n = yaml_get(map, "kind");
	for (at = compile_first(n); at != NULL; at = compile_next(n, at)) {
		int word;

		if (r->count == sizeof(r->kind))
			yaml_error(c->problems, at, "is one container too many");
		else if (yaml_word(c->problems, at, kinds, &word) && word > 0)
			r->kind[r->count++] = (uint8_t) word;
	}
	if (n == NULL)
		yaml_error(c->problems, map, "needs kind: gzip, zip or a list of these, from the outside in");
	r->several = yaml_get(map, "files") != NULL;
	if (r->several && yaml_get(map, "member") != NULL)
		yaml_error(c->problems, yaml_get(map, "member"), "does not go with files: files may be one, too");
	r->member = compile_text(c, map, r->several ? "files" : "member", NULL);
	r->ignore = text_list(c, yaml_get(map, "ignore"));
	for (uint8_t i = 0; i < r->count; i++)
		zip |= r->kind[i] == CONTAINER_ZIP;
	n = yaml_get(map, "member") != NULL ? yaml_get(map, "member") : yaml_get(map, "ignore");
	n = r->several ? yaml_get(map, "files") : n;
	if (n != NULL && !zip)
		yaml_error(c->problems, n, "does nothing without kind: zip");
	if (r->several && zip && r->kind[r->count - 1] != CONTAINER_ZIP)
		yaml_error(c->problems, n, "needs the zip as the innermost container");
	compile_known(c, map, "container");
}

/* A limit of the profile's: at most ten times ours, so that a slip of the pen is no open door. */
static int64_t
limit(struct compile *c, struct yaml_node *map, const char *key, int64_t ours)
{
	struct yaml_node *n = yaml_get(map, key);
	int64_t value = ours;

	if (n == NULL || !yaml_size(c->problems, n, &value))
		return ours;
	if (value < 1 || value > ours * 10) {
		yaml_error(c->problems, n, "must be from 1 to %lld", (long long) (ours * 10));
		return ours;
	}
	return value;
}

static void
compile_limits(struct compile *c)
{
	struct yaml_node *map = compile_child(c, c->root, "limits", YAML_MAP);
	struct layout_limits *l = &c->layout->limits;

	l->file_bytes = limit(c, map, "file_bytes", LIMIT_FILE_BYTES);
	l->records = limit(c, map, "records", LIMIT_RECORDS);
	l->record_bytes = (uint32_t) limit(c, map, "record_bytes", LIMIT_RECORD_BYTES);
	l->field_bytes = (uint32_t) limit(c, map, "field_bytes", LIMIT_FIELD_BYTES);
	l->columns = (uint32_t) limit(c, map, "columns", LIMIT_COLUMNS);
	l->depth = (uint32_t) limit(c, map, "depth", LIMIT_XML_DEPTH);
	l->attributes = (uint32_t) limit(c, map, "attributes", LIMIT_XML_ATTRIBUTES);
	l->attribute_bytes = (uint32_t) limit(c, map, "attribute_bytes", LIMIT_XML_ATTRIBUTE_BYTES);
	l->expansion = (uint32_t) limit(c, map, "expansion", LIMIT_EXPANSION);
	if (yaml_get(map, "expansion") != NULL && c->layout->container.count == 0 &&
	    yaml_get(c->root, "openpgp") == NULL)
		yaml_error(c->problems, yaml_get(map, "expansion"), "does nothing without container or openpgp");
	compile_known(c, map, "limits");
}

void
compile_format(struct compile *c)
{
	int format = compile_word(c, c->root, "format", formats, -1);

	if (format < 0 && yaml_get(c->root, "format") == NULL)
		yaml_error(c->problems, c->root, "format is missing: delimited, fixed, xml, json or json_lines");
	c->layout->format = (uint8_t) (format < 0 ? 0 : format);
	compile_encoding(c);
	compile_container(c);
	compile_framing(c);
	compile_delimited(c);
	compile_fixed(c);
	compile_xml(c);
	compile_limits(c);
}
