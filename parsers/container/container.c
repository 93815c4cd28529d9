#include "parsers/container/container.h"

#include <strings.h>

#include "lib/base/limits.h"
#include "parsers/container/container_internal.h"

#define LAYERS 4

struct contents {
	struct input *layer[LAYERS];
	uint8_t kind[LAYERS];
	size_t layers;
	struct content content;
	struct input *utf16;                      /* around it, where the profile says so */
	bool looked_at;                           /* its first bytes are text */
	char pattern[4 * LIMIT_NAME_BYTES + 256]; /* of the member of a zip */
};

/* ---- which layers ---- */

/* "{name}.csv" for SKY_17.zip: SKY_17.csv, whatever pattern characters the outer name holds. */
static void
make_pattern(struct contents *c, const char *pattern, const char *name, size_t len)
{
	size_t at = 0;

	if (len > 4 && strncasecmp(name + len - 4, ".zip", 4) == 0)
		len -= 4;
	for (const char *p = pattern == NULL ? "*" : pattern; *p != '\0';) {
		if (strncmp(p, "{name}", 6) != 0) {
			if (at + 1 < sizeof(c->pattern))
				c->pattern[at++] = *p;
			p++;
			continue;
		}
		for (size_t i = 0; i < len && at + 2 < sizeof(c->pattern); i++) {
			if (strchr("*?[\\", name[i]) != NULL)
				c->pattern[at++] = '\\';
			c->pattern[at++] = name[i];
		}
		p += 6;
	}
	c->pattern[at] = '\0';
}

/* Numbers in binary may be any bytes: prefixes, and the packed fields of EBCDIC. */
static bool
begins_with_text(const struct layout *layout)
{
	return layout->framing.kind != FRAME_PREFIX &&
	       (layout->format != FORMAT_FIXED || layout->fixed.blank == ' ');
}

struct contents *
contents_new(const struct layout *layout, struct input *in, int64_t packed, const char *name, size_t name_len)
{
	const struct container_rule *rule = &layout->container;
	const int64_t limit = layout_content_most(layout, packed);
	struct contents *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	make_pattern(c, rule->member, name, name_len);
	for (size_t i = 0; i < rule->count && i < LAYERS; i++) {
		struct input *below = i == 0 ? in : c->layer[i - 1];
		c->kind[c->layers] = rule->kind[i];
		c->layer[c->layers] = rule->kind[i] == CONTAINER_ZIP
		                          ? unzip_new(below, limit, c->pattern, rule->ignore)
		                          : gunzip_new(below, limit);
		if (c->layer[c->layers] == NULL) {
			contents_free(c);
			return NULL;
		}
		c->layers++;
	}
	content_init(&c->content, c->layers > 0 ? c->layer[c->layers - 1] : in);
	c->looked_at = begins_with_text(layout);
	if (layout->utf16 != UTF16_NO) {
		c->utf16 = utf16_new(&c->content.input, layout->utf16 == UTF16_BY_MARK, layout->utf16 == UTF16_BE);
		if (c->utf16 == NULL) {
			contents_free(c);
			return NULL;
		}
	}
	return c;
}

void
contents_free(struct contents *c)
{
	if (c == NULL)
		return;
	utf16_free(c->utf16);
	while (c->layers > 0) {
		c->layers--;
		if (c->kind[c->layers] == CONTAINER_ZIP)
			unzip_free(c->layer[c->layers]);
		else
			gunzip_free(c->layer[c->layers]);
	}
	free(c);
}

struct input *
contents_input(struct contents *c)
{
	if (c->utf16 != NULL)
		return c->utf16;
	return c->looked_at ? &c->content.input : c->content.below;
}
