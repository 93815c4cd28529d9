#include "parsers/container/container.h"

#include <strings.h>

#include "lib/base/limits.h"
#include "parsers/assemble/assemble.h"
#include "parsers/container/container_internal.h"

#define LAYERS 4

struct contents {
	const struct layout *layout;
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

/* Around the innermost layer, again for each data file. */
static bool
begin_content(struct contents *c, struct input *below)
{
	const uint8_t utf16 = c->layout->utf16;

	content_init(&c->content, below);
	utf16_free(c->utf16);
	c->utf16 = NULL;
	if (utf16 == UTF16_NO)
		return true;
	c->utf16 = utf16_new(&c->content.input, utf16 == UTF16_BY_MARK, utf16 == UTF16_BE);
	return c->utf16 != NULL;
}

struct contents *
contents_new(const struct layout *layout, struct input *in, int64_t packed, const char *name, size_t name_len)
{
	const struct container_rule *rule = &layout->container;
	const int64_t limit = layout_content_most(layout, packed);
	struct contents *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->layout = layout;
	make_pattern(c, rule->member, name, name_len);
	for (size_t i = 0; i < rule->count && i < LAYERS; i++) {
		struct input *below = i == 0 ? in : c->layer[i - 1];
		c->kind[c->layers] = rule->kind[i];
		c->layer[c->layers] = rule->kind[i] == CONTAINER_ZIP
		                          ? unzip_new(below, limit, c->pattern, rule->ignore, rule->several)
		                          : gunzip_new(below, limit);
		if (c->layer[c->layers] == NULL) {
			contents_free(c);
			return NULL;
		}
		c->layers++;
	}
	c->looked_at = begins_with_text(layout);
	if (!begin_content(c, c->layers > 0 ? c->layer[c->layers - 1] : in)) {
		contents_free(c);
		return NULL;
	}
	return c;
}

int
contents_next(struct contents *c, const char **ret_name)
{
	struct input *zip = c->layer[c->layers - 1], *top;
	int rc = unzip_next(zip, ret_name);

	if (rc == 1 && !begin_content(c, zip))
		rc = input_no_memory(zip);
	top = contents_input(c);
	if (rc < 0 && top != zip)
		(void) input_pass_failure(top, zip);
	return rc;
}

/* 1 with one more data file read, 0 when there is none or it was refused, -1. */
static int
read_next(struct contents *c, struct assemble *a, uint64_t *ret_bytes)
{
	const char *name;
	int rc = contents_next(c, &name);

	if (rc == 1 && assemble_file(a, name, *ret_bytes) == 0 &&
	    formats_read(c->layout, contents_input(c), a, ret_bytes) != 0)
		return -1;
	if (rc < 0 && contents_input(c)->failed)
		return -1;
	if (rc < 0)
		(void) assemble_refuse(a, contents_input(c)->rule, NULL, (struct slice){NULL, 0}, 0, *ret_bytes, "%s",
		                       contents_input(c)->why);
	return rc == 1 && !assemble_refused(a);
}

int
contents_read(struct contents *c, struct assemble *a, uint64_t *ret_bytes)
{
	int rc;

	if (!c->layout->container.several)
		return formats_read(c->layout, contents_input(c), a, ret_bytes);
	while ((rc = read_next(c, a, ret_bytes)) == 1)
		continue;
	return rc;
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
