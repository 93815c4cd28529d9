/* How a delivery is cut into requests: by kind, by what keeps objects apart, by the batch, or whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json/json.h"
#include "outbound/delivery_internal.h"

/* ---- what keeps parts apart ---- */

bool
delivery_same_parent(const struct object *one, const struct object *other)
{
	return one->parent != NULL && other->parent != NULL && strcmp(one->parent, other->parent) == 0;
}

static uint64_t
hash_of(const char *text, uint64_t hash)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char) *text) * 0x100000001b3;
	return hash;
}

struct placed {
	struct object object;
	uint64_t hash;
	size_t place;
};

static int
by_parent(const void *one, const void *other)
{
	const struct placed *a = one, *b = other;
	int order = (a->object.kind > b->object.kind) - (a->object.kind < b->object.kind);

	if (order == 0)
		order = (a->hash > b->hash) - (a->hash < b->hash);
	if (order == 0 && a->object.parent != NULL && b->object.parent != NULL)
		order = strcmp(a->object.parent, b->object.parent);
	return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

/* Those of one parent together; which comes first is another each time, so that one over which the target
 * fails does not always do. */
static bool
sort_by_parent(struct delivery *d, const struct connector *c)
{
	struct placed *all = calloc(d->count, sizeof(*all));
	bool any = false;

	for (size_t i = 0; all != NULL && i < d->count; i++) {
		struct object *o = &d->object[i];
		struct json *value = connector_has_parent(c, o->kind) ? json_parse(o->json) : NULL;

		o->parent = value != NULL ? connector_parent(c, o->kind, value) : NULL;
		json_free(value);
		any |= o->parent != NULL;
		all[i] = (struct placed){
		    *o, o->parent != NULL ? hash_of(o->parent, hash_of(d->number, 0xcbf29ce484222325)) : 0, i};
	}
	if (any)
		qsort(all, d->count, sizeof(*all), by_parent);
	for (size_t i = 0; any && i < d->count; i++)
		d->object[i] = all[i].object;
	free(all);
	return all != NULL;
}

/* ---- the cut ---- */

/* As many of one kind as go in bulk: where they end; 0: they do not. */
static size_t
bulk_end(const struct delivery *d, const struct connector *c, size_t first)
{
	size_t from = connector_bulk_from(c, d->object[first].kind), end = first, bytes = 2;

	while (end < d->count && d->object[end].kind == d->object[first].kind)
		bytes += strlen(d->object[end++].json) + 1;
	return !d->reads && from > 0 && end - first >= from && end - first <= CONNECTOR_BULK_MOST &&
	               bytes <= SEND_OBJECTS_BYTES
	           ? end
	           : 0;
}

/* All of one kind are a file. */
static size_t
file_end(const struct delivery *d, size_t first)
{
	size_t end = first;

	while (end < d->count && d->object[end].kind == d->object[first].kind)
		end++;
	return end;
}

/* A parent whose objects would be on both sides goes with the next part, where it has not more than fill one.
 */
static size_t
keep_together(const struct delivery *d, size_t first, size_t end)
{
	size_t begin = end;

	while (begin > first && end < d->count && d->object[begin - 1].kind == d->object[end].kind &&
	       delivery_same_parent(&d->object[begin - 1], &d->object[end]))
		begin--;
	return begin > first ? begin : end;
}

/* Requests of at most a batch of objects of one kind, and of at most so many bytes. */
bool
delivery_cut_up(struct delivery *d, const struct connector *c, int64_t *next_number)
{
	if (!d->reads && !sort_by_parent(d, c))
		return false;
	for (size_t first = 0, end; first < d->count; first = end) {
		size_t bytes = 2,
		       batch = d->reads ? connector_read_batch(c, d->object[first].kind) : connector_batch(c);

		struct part *p;

		if (batch > SEND_OBJECTS)
			batch = SEND_OBJECTS;
		end = connector_is_file(c) ? file_end(d, first) : bulk_end(d, c, first);
		if (end > 0) {
			p = delivery_add_part(d, NULL, first, end - first, next_number);
			if (p == NULL)
				return false;
			p->bulk.stage = connector_is_file(c) ? BULK_NONE : BULK_CREATE;
			continue;
		}
		for (end = first;
		     end < d->count && end - first < batch && d->object[end].kind == d->object[first].kind; end++) {
			bytes += strlen(d->object[end].json) + 1;
			if (bytes > SEND_OBJECTS_BYTES && end > first)
				break;
		}
		if (!d->reads)
			end = keep_together(d, first, end);
		if (delivery_add_part(d, NULL, first, end - first, next_number) == NULL)
			return false;
	}
	return true;
}
