/* A profile from its text to its two halves; the memory that they share. */
#include "lib/profile/profile.h"

#include <stdalign.h>

#include "lib/base/limits.h"
#include "lib/base/zone.h"
#include "lib/profile/profile_internal.h"

#define CHUNK (64 << 10)

/* Chunks that are freed together. */
struct profile_memory {
	struct chunk {
		struct chunk *next;
		size_t size;
		alignas(max_align_t) char bytes[];
	} * first;
	size_t used; /* of the first chunk */
};

void *
compile_alloc(struct compile *c, size_t count, size_t size)
{
	struct profile_memory *m = c->memory;
	size_t align = alignof(max_align_t), wanted;
	void *p;

	if (__builtin_mul_overflow(count, size, &wanted) || wanted > SIZE_MAX - CHUNK)
		wanted = SIZE_MAX - CHUNK;
	wanted = (wanted + align - 1) / align * align;
	if (m->first == NULL || wanted > m->first->size - m->used) {
		size_t chunk_size = wanted > CHUNK ? wanted : CHUNK;
		struct chunk *chunk = calloc(1, sizeof(*chunk) + chunk_size);

		if (chunk == NULL) {
			yaml_error(c->problems, c->root, "out of memory");
			return NULL;
		}
		chunk->next = m->first;
		chunk->size = chunk_size;
		m->first = chunk;
		m->used = 0;
	}
	p = m->first->bytes + m->used;
	m->used += wanted;
	return p;
}

static void
memory_free(struct profile_memory *m)
{
	if (m == NULL)
		return;
	while (m->first != NULL) {
		struct chunk *next = m->first->next;

		free(m->first);
		m->first = next;
	}
	free(m);
}

const char *
compile_copy(struct compile *c, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = compile_alloc(c, 1, size);

	if (copy == NULL)
		return "";
	memcpy(copy, text, size);
	return copy;
}

struct slice
compile_slice(struct compile *c, const char *text)
{
	const char *copy = compile_copy(c, text);

	return (struct slice){copy, (uint32_t) strlen(copy)};
}

/* "xml, json and json_lines" */
static void
formats_text(uint8_t formats, char *buf, size_t size)
{
	static const char *const names[] = {"delimited", "fixed", "xml", "json", "json_lines"};
	size_t len = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if ((formats & 1 << i) != 0)
			len += (size_t) snprintf(buf + len, size - len, "%s%s",
			                         len == 0            ? ""
			                         : formats >> i == 1 ? " and "
			                                             : ", ",
			                         names[i]);
}

/* A key that would do nothing does not compile: whoever wrote it relies on it. */
static void
refuse_idle(struct compile *c, struct yaml_node *map, const struct profile_option *o, int kind)
{
	char formats[64];
	struct yaml_node *n;

	for (n = map->first; n != NULL && strcmp(n->key, o->key) != 0;)
		n = n->next;
	if (n == NULL)
		return;
	if (o->formats != 0 && (o->formats & 1 << c->layout->format) == 0) {
		formats_text(o->formats, formats, sizeof(formats));
		yaml_error(c->problems, n, "%s is for %s files", n->path, formats);
	} else if (o->kinds != 0 && kind >= 0 && (o->kinds & 1 << kind) == 0)
		yaml_error(c->problems, n, "%s does nothing %s", o->key,
		           strcmp(o->where, "framing") == 0     ? "where records have a length"
		           : strcmp(o->where, "records.*") == 0 ? "in a record of this role"
		                                                : "in a field of this type");
	else if (o->with != NULL && yaml_get(map, o->with) == NULL)
		yaml_error(c->problems, n, "%s does nothing without %s", o->key, o->with);
	else
		return;
	n->used = true; /* known, so that it is reported once */
}

void
compile_known_of(struct compile *c, struct yaml_node *map, const char *where, int kind)
{
	const char *known[80];
	size_t count = 0;

	for (const struct profile_option *o = profile_options; o->where != NULL; o++) {
		if (strcmp(o->where, where) != 0)
			continue;
		if (count + 1 < sizeof(known) / sizeof(*known))
			known[count++] = o->key;
		if (map != NULL && map->kind == YAML_MAP)
			refuse_idle(c, map, o, kind);
	}
	known[count] = NULL;
	yaml_unknown_keys(c->problems, map, known);
}

void
compile_known(struct compile *c, struct yaml_node *map, const char *where)
{
	compile_known_of(c, map, where, -1);
}

struct yaml_node *
compile_child(struct compile *c, struct yaml_node *map, const char *key, enum yaml_kind kind)
{
	static const char *const kinds[] = {"one value", "a list", "a map"};
	struct yaml_node *n = yaml_get(map, key);

	if (n == NULL || n->kind == kind)
		return n;
	yaml_error(c->problems, n, "must be %s", kinds[kind]);
	return NULL;
}

bool
compile_bool(struct compile *c, struct yaml_node *map, const char *key, bool absent)
{
	struct yaml_node *n = yaml_get(map, key);

	if (n != NULL)
		yaml_bool(c->problems, n, &absent);
	return absent;
}

int64_t
compile_int(struct compile *c, struct yaml_node *map, const char *key, int64_t min, int64_t max,
            int64_t absent)
{
	struct yaml_node *n = yaml_get(map, key);

	if (n != NULL)
		yaml_int(c->problems, n, min, max, &absent);
	return absent;
}

const char *
compile_text(struct compile *c, struct yaml_node *map, const char *key, const char *absent)
{
	struct yaml_node *n = yaml_get(map, key);
	const char *text;

	if (n == NULL || !yaml_text(c->problems, n, &text))
		return absent;
	return compile_copy(c, text);
}

int
compile_word(struct compile *c, struct yaml_node *map, const char *key, const char *const *words, int absent)
{
	struct yaml_node *n = yaml_get(map, key);

	if (n != NULL)
		yaml_word(c->problems, n, words, &absent);
	return absent;
}

/* Two hexadecimal digits, or -1. */
static int
hex_byte(const char *s)
{
	int value = 0;

	for (int i = 0; i < 2; i++) {
		static const char digits[] = "0123456789abcdefABCDEF";
		const char *at = s[i] == '\0' ? NULL : strchr(digits, s[i]);

		if (at == NULL)
			return -1;
		value = value * 16 + (int) (at - digits > 15 ? at - digits - 6 : at - digits);
	}
	return value;
}

size_t
compile_bytes(struct compile *c, const struct yaml_node *n, char *buf, size_t size)
{
	static const struct {
		const char *name, *bytes;
	} names[] = {{"none", ""}, {"tab", "\t"}, {"blank", " "}, {"lf", "\n"}, {"cr", "\r"}, {"crlf", "\r\n"}};
	const char *text;
	size_t len = 0;

	if (!yaml_text(c->problems, n, &text))
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(text, names[i].name) == 0) {
			len = strlen(names[i].bytes);
			memcpy(buf, names[i].bytes, len);
			return len;
		}
	if (strncmp(text, "0x", 2) == 0 && strlen(text) % 2 == 0 && strlen(text) > 2) {
		for (text += 2; *text != '\0' && len < size; text += 2) {
			int byte = hex_byte(text);

			if (byte < 0)
				break;
			buf[len++] = (char) byte;
		}
	} else if (strlen(text) <= size) {
		len = strlen(text);
		memcpy(buf, text, len);
		return len;
	}
	if (*text != '\0')
		yaml_error(c->problems, n,
		           "must be at most %zu bytes: characters, 0x and hexadecimal, tab, blank or none", size);
	return len;
}

char
compile_byte(struct compile *c, struct yaml_node *map, const char *key, char absent)
{
	struct yaml_node *n = yaml_get(map, key);
	char byte = 0;

	if (n == NULL)
		return absent;
	return compile_bytes(c, n, &byte, 1) == 1 ? byte : 0;
}

struct yaml_node *
compile_first(struct yaml_node *n)
{
	return n == NULL || n->kind == YAML_SCALAR ? n : n->first;
}

struct yaml_node *
compile_next(const struct yaml_node *n, struct yaml_node *at)
{
	return at == n ? NULL : at->next;
}

size_t
compile_count(const struct yaml_node *list_or_map)
{
	size_t count = 0;

	if (list_or_map != NULL && list_or_map->kind != YAML_SCALAR)
		for (const struct yaml_node *n = list_or_map->first; n != NULL; n = n->next)
			count++;
	return count;
}

void
compile_words(struct compile *c, struct yaml_node *n, struct words *ret)
{
	size_t count = n == NULL ? 0 : n->kind == YAML_SCALAR ? 1 : compile_count(n);
	struct yaml_node *at = compile_first(n);

	ret->count = 0;
	if (count == 0)
		return;
	if (n->kind == YAML_MAP || count > UINT16_MAX) {
		yaml_error(c->problems, n, "must be one value or a list of values");
		return;
	}
	ret->list = compile_alloc(c, count, sizeof(*ret->list));
	for (size_t i = 0; ret->list != NULL && i < count; i++, at = compile_next(n, at)) {
		if (at->kind != YAML_SCALAR) {
			yaml_error(c->problems, at, "must be one value");
			continue;
		}
		ret->list[ret->count++].word = compile_slice(c, at->text);
	}
	if (!words_sort(ret))
		yaml_error(c->problems, n, "has a value twice");
}

/* As `profile infer` writes what only a person knows. */
static void
refuse_placeholder(struct compile *c, const char *key, const char *value, const char *placeholder)
{
	if (value != NULL && strcmp(value, placeholder) == 0)
		yaml_error(c->problems, yaml_get(c->root, key), "%s is a placeholder: say which %s it is",
		           placeholder, key);
}

static void
top_level(struct compile *c)
{
	struct layout *l = c->layout;
	const char *zone;

	l->partner = c->policy->partner = compile_text(c, c->root, "partner", NULL);
	if (l->partner == NULL)
		yaml_error(c->problems, c->root, "partner is missing");
	l->programme = c->policy->programme = compile_text(c, c->root, "programme", NULL);
	refuse_placeholder(c, "partner", l->partner, "PARTNER");
	refuse_placeholder(c, "programme", l->programme, "PROGRAMME");
	zone = compile_text(c, c->root, "zone", "UTC");
	if (!zone_known(zone)) {
		yaml_error(c->problems, yaml_get(c->root, "zone") != NULL ? yaml_get(c->root, "zone") : c->root,
		           "no time zone of that name on this machine (as in Europe/Rome)");
		zone = "UTC";
	}
	l->zone = c->policy->zone = zone;
	c->hold_bad =
	    compile_word(c, c->root, "bad_value", (const char *const[]){"refuse", "hold", NULL}, 0) == 1;
}

/* What a profile of one layout says. */
static void
compile_all(struct compile *c, struct profile *profile)
{
	profile->name = compile_text(c, c->root, "profile", NULL);
	if (profile->name == NULL)
		yaml_error(c->problems, c->root, "profile (its name) is missing");
	top_level(c);
	compile_format(c);
	compile_file_name(c);
	compile_records(c);
	compile_verdict(c);
	compile_controls(c);
	compile_policy(c);
	compile_answer(c);
	(void) yaml_get(c->root, "variants"); /* known, and for compile_variants when this is right */
	compile_known(c, c->root, "");
	if (problems_errors(c->problems) == 0)
		compile_warn(c);
}

/* files: shell patterns; begins: bytes. */
static void
compile_rule(struct compile *c, struct yaml_node *map, struct variant_rule *ret)
{
	struct yaml_node *files = yaml_get(map, "files"), *begins = yaml_get(map, "begins"), *at;
	const char **pattern =
	    files == NULL ? NULL : compile_alloc(c, compile_count(files) + 2, sizeof(*pattern));
	struct variant_bytes *bytes = compile_alloc(c, compile_count(begins) + 1, sizeof(*bytes));
	size_t count = 0;

	if (files == NULL && begins == NULL)
		yaml_error(c->problems, map, "needs files or begins: by what its files are known");
	for (at = compile_first(files); pattern != NULL && at != NULL; at = compile_next(files, at)) {
		const char *text;

		if (yaml_text(c->problems, at, &text))
			pattern[count++] = compile_copy(c, text);
	}
	ret->files = pattern;
	for (at = compile_first(begins); bytes != NULL && at != NULL; at = compile_next(begins, at)) {
		struct variant_bytes *one = &bytes[ret->beginnings++];

		one->len = compile_bytes(c, at, one->bytes, sizeof(one->bytes));
		if (one->len == 0)
			yaml_error(c->problems, at, "must be 1 to %d bytes, as in UNA or 0x1f8b", VARIANT_BYTES);
	}
	ret->begins = bytes;
}

/* One layout more, of the profile with the variant's keys in it.  How answers are judged is one for all. */
static void
compile_variant(struct compile *c, struct yaml_node *map, const struct policy *policy,
                struct profile_variant *ret)
{
	struct profile scratch = {.memory = c->memory};
	struct compile own = {
	    .problems = problems_aside(c->problems), .memory = c->memory, .policy = &scratch.policy};

	ret->name = compile_copy(c, map->key);
	if (map->kind != YAML_MAP) {
		yaml_error(c->problems, map, "must be a map, as in {begins: 0x1f8b, container: {kind: gzip}}");
		return;
	}
	compile_rule(c, map, &ret->rule);
	own.root = variant_tree(c->root, map);
	ret->layout = own.layout = compile_alloc(c, 1, sizeof(*own.layout));
	if (own.root == NULL || own.problems == NULL || own.layout == NULL)
		yaml_error(c->problems, map, "out of memory");
	else {
		compile_all(&own, &scratch);
		problems_take(c->problems, own.problems);
		if (policy->corrections != scratch.policy.corrections)
			yaml_error(c->problems, map,
			           "replaces: and its like are fields of all variants of a profile, or of none");
	}
	for (const struct profile_option *o = profile_options; o->where != NULL; o++)
		if (strcmp(o->where, "variants.*") == 0)
			(void) yaml_get(map, o->key);
	compile_known(c, map, "variants.*");
	problems_free(own.problems);
	yaml_tree_free(own.root);
}

static void
compile_variants(struct compile *c, struct profile *profile)
{
	struct yaml_node *map = compile_child(c, c->root, "variants", YAML_MAP);
	size_t count = compile_count(map);

	if (count > VARIANTS)
		yaml_error(c->problems, map, "has more than %d variants", VARIANTS);
	if (map == NULL || count > VARIANTS || problems_errors(c->problems) > 0)
		return;
	profile->variant = compile_alloc(c, count + 1, sizeof(*profile->variant));
	for (struct yaml_node *n = map->first; profile->variant != NULL && n != NULL; n = n->next) {
		n->used = true;
		compile_variant(c, n, &profile->policy, &profile->variant[profile->variants++]);
	}
}

const struct layout *
profile_layout(const struct profile *profile, const char *name, const char *first, size_t len)
{
	for (size_t i = 0; i < profile->variants; i++)
		if (variant_fits(&profile->variant[i].rule, name, first, len))
			return profile->variant[i].layout;
	return profile->layout;
}

int64_t
profile_content_most(const struct profile *profile, int64_t packed)
{
	int64_t most = layout_content_most(profile->layout, packed);

	for (size_t i = 0; i < profile->variants; i++)
		if (layout_content_most(profile->variant[i].layout, packed) > most)
			most = layout_content_most(profile->variant[i].layout, packed);
	return most;
}

bool
profile_packed(const struct profile *profile)
{
	bool packed = layout_is_packed(profile->layout);

	for (size_t i = 0; i < profile->variants; i++)
		packed |= layout_is_packed(profile->variant[i].layout);
	return packed;
}

struct profile *
profile_compile(const char *text, size_t len, struct problems *p)
{
	struct compile c = {.problems = p};
	struct profile *profile;

	c.root = yaml_parse(text, len, p);
	if (c.root == NULL)
		return NULL;
	c.memory = calloc(1, sizeof(*c.memory));
	if (c.root->kind != YAML_MAP || c.memory == NULL) {
		yaml_error(p, c.root, c.memory == NULL ? "out of memory" : "must be a map of keys");
		free(c.memory);
		yaml_tree_free(c.root);
		return NULL;
	}
	profile = compile_alloc(&c, 1, sizeof(*profile));
	if (profile != NULL) {
		profile->memory = c.memory;
		profile->layout = c.layout = compile_alloc(&c, 1, sizeof(*c.layout));
		c.policy = &profile->policy;
		if (c.layout != NULL) {
			compile_all(&c, profile);
			compile_variants(&c, profile);
		}
	}
	yaml_tree_free(c.root);
	if (profile == NULL || problems_errors(p) > 0) {
		memory_free(c.memory);
		return NULL;
	}
	return profile;
}

const char *
profile_program(const struct profile *profile)
{
	return profile->layout->format == FORMAT_XML ? "handback-parse-xml" : "handback-parse";
}

void
profile_free(struct profile *profile)
{
	if (profile != NULL)
		memory_free(profile->memory);
}
