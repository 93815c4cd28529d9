#include "parsers/assemble/texts.h"

#define BLOCK 8192

struct texts_block {
	struct texts_block *next;
	size_t size;
	char bytes[];
};

char *
texts_room(struct texts *t, size_t len)
{
	if (t->first == NULL || len > t->first->size - t->used) {
		/* twice what is asked for: room that is mostly not used would take a block of its own each time */
		size_t size = len > BLOCK / 2 ? 2 * len : BLOCK;
		struct texts_block *block = malloc(sizeof(*block) + size);

		if (block == NULL)
			return NULL;
		block->next = t->first;
		block->size = size;
		t->first = block;
		t->used = 0;
	}
	return t->first->bytes + t->used;
}

static char *
take(struct texts *t, size_t len)
{
	char *p = texts_room(t, len);

	if (p != NULL)
		t->used += len;
	return p;
}

struct slice
texts_keep(struct texts *t, struct slice s)
{
	char *copy;

	if (s.len == 0)
		return s;
	copy = take(t, s.len);
	if (copy != NULL && copy != s.data)
		memcpy(copy, s.data, s.len);
	return (struct slice){copy, copy == NULL ? 0 : s.len};
}

struct slice
texts_join(struct texts *t, struct slice a, char separator, struct slice b)
{
	size_t len = (size_t) a.len + 1 + b.len;
	char *copy;

	if (a.len == 0 || b.len == 0)
		return texts_keep(t, a.len == 0 ? b : a);
	copy = len > UINT32_MAX ? NULL : take(t, len);
	if (copy == NULL)
		return (struct slice){NULL, 0};
	memmove(copy + a.len + 1, b.data, b.len); /* first: it may lie in the room that was taken */
	memcpy(copy, a.data, a.len);
	copy[a.len] = separator;
	return (struct slice){copy, (uint32_t) len};
}

void
texts_reset(struct texts *t)
{
	struct texts_block *keep = t->first;

	if (keep == NULL)
		return;
	for (struct texts_block *b = keep->next, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	keep->next = NULL;
	t->used = 0;
}

void
texts_free(struct texts *t)
{
	texts_reset(t);
	free(t->first);
	t->first = NULL;
}
