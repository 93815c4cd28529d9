/* Paths through XML and JSON: /Document/p:Entry[@kind='x']/@id, contracts[]/name, "." for the text itself. */
#include "lib/profile/profile_internal.h"

/* The namespaces of a step: those of its prefix, else those of the root; NULL for JSON and for none. */
static const char *const *
spaces_of(struct compile *c, const struct yaml_node *at, const char *prefix, size_t len)
{
	const struct xml_rule *xml = &c->layout->xml;

	if (len == 0)
		return xml->spaces;
	for (uint16_t i = 0; i < xml->prefixes; i++)
		if (strlen(xml->prefix[i].name) == len && memcmp(xml->prefix[i].name, prefix, len) == 0)
			return xml->prefix[i].spaces;
	yaml_error(c->problems, at, "%.*s: is a prefix that xml: namespaces: does not have", (int) len, prefix);
	return NULL;
}

static char *
copy_part(struct compile *c, const char *text, size_t len)
{
	char *copy = compile_alloc(c, 1, len + 1);

	if (copy != NULL)
		memcpy(copy, text, len);
	return copy;
}

/* [@name='value'] at text; returns what follows it, NULL when it is not that. */
static const char *
predicate(struct compile *c, const char *text, struct path_step *step)
{
	size_t name = strcspn(text + 2, "=]"), value;

	if (text[1] != '@' || name == 0 || text[2 + name] != '=' || text[3 + name] != '\'')
		return NULL;
	value = strcspn(text + 4 + name, "'");
	if (strncmp(text + 4 + name + value, "']", 2) != 0)
		return NULL;
	step->attribute_name = copy_part(c, text + 2, name);
	step->attribute_value = copy_part(c, text + 4 + name, value);
	return text + 6 + name + value;
}

/* One step; returns what follows it, NULL when it is no step. */
static const char *
one_step(struct compile *c, const struct yaml_node *at, const char *text, struct path_step *step)
{
	bool xml = c->layout->format == FORMAT_XML;
	size_t len = strcspn(text, xml ? "/[" : "/["), prefix = xml ? strcspn(text, ":/[") : len;

	if (xml && prefix < len) {
		step->spaces = spaces_of(c, at, text, prefix);
		text += prefix + 1;
		len -= prefix + 1;
	} else if (xml)
		step->spaces = spaces_of(c, at, "", 0);
	if (len == 0)
		return NULL;
	step->name = len == 1 && *text == '*' ? "" : copy_part(c, text, len);
	text += len;
	if (!xml && strncmp(text, "[]", 2) == 0) {
		step->array = true;
		text += 2;
	} else if (xml && *text == '[')
		text = predicate(c, text, step);
	return text;
}

void
compile_path(struct compile *c, const struct yaml_node *at, const char *text, struct path *ret)
{
	const char *p = text;
	size_t most = 1;

	for (const char *slash = text; (slash = strchr(slash, '/')) != NULL; slash++)
		most++;
	ret->steps = 0;
	ret->attribute = NULL;
	if (most > 64) {
		yaml_error(c->problems, at, "has more than 64 steps");
		return;
	}
	ret->step = compile_alloc(c, most, sizeof(*ret->step));
	if (ret->step == NULL || strcmp(text, ".") == 0 || strcmp(text, "/") == 0)
		return;
	if (*p == '/')
		p++;
	while (p != NULL && *p != '\0') {
		if (*p == '@' && c->layout->format == FORMAT_XML && p[1] != '\0' && strpbrk(p, "/[") == NULL) {
			ret->attribute = compile_copy(c, p + 1);
			return;
		}
		p = one_step(c, at, p, &ret->step[ret->steps]);
		if (p == NULL || (*p != '/' && *p != '\0') || (*p == '/' && p[1] == '\0'))
			break;
		ret->steps++;
		if (*p == '\0')
			return;
		p++;
	}
	yaml_error(c->problems, at,
	           "must be a path, as in Header/@number, Entry[@kind='x']/Points or contracts[]/status");
}
