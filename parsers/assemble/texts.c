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

	if (p == NULL)
		return NULL;
	t->used += len;
	t->total += len;
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

/* What lies behind a text of this length that was appended to: room to the next power of two. */
static size_t
capacity(size_t len)
{
	size_t size = 64;

	while (len > 0 && size < len)
		size *= 2;
	return len > 0 ? size : 0;
}

struct slice
texts_append(struct texts *t, struct slice a, char separator, struct slice b)
{
	size_t at = a.len > 0 ? (size_t) a.len + 1 : 0, len = at + b.len;
	char *copy = (char *) (uintptr_t) a.data;

	if (len > capacity(a.len))
		copy = len > UINT32_MAX / 2 ? NULL : take(t, capacity(len));
	if (copy == NULL)
		return (struct slice){NULL, 0};
	memmove(copy + at, b.data, b.len); /* first: it may lie in the room that was taken */
	if (at > 0 && copy != a.data)
		memcpy(copy, a.data, a.len);
	if (at > 0)
		copy[a.len] = separator;
	return (struct slice){copy, (uint32_t) len};
}

void
texts_reset(struct texts *t)
{
	struct texts_block *keep = t->first;

	t->total = 0;
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
