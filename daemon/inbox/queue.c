#include "daemon/inbox/queue.h"

/* Two heaps made one; either may be NULL. */
static struct queue_node *
merge(struct queue_node *a, struct queue_node *b)
{
	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (strverscmp(b->name, a->name) < 0) {
		struct queue_node *swap = a;

		a = b;
		b = swap;
	}
	b->next = a->child;
	b->previous = a;
	if (a->child != NULL)
		a->child->previous = b;
	a->child = b;
	a->next = a->previous = NULL;
	return a;
}

/* A list of siblings made one heap: in pairs from the left, then from the right. */
static struct queue_node *
merge_siblings(struct queue_node *first)
{
	struct queue_node *pairs = NULL, *all = NULL;

	while (first != NULL) {
		struct queue_node *a = first, *b = a->next, *pair;

		first = b != NULL ? b->next : NULL;
		a->next = a->previous = NULL;
		if (b != NULL)
			b->next = b->previous = NULL;
		pair = merge(a, b);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs != NULL) {
		struct queue_node *pair = pairs;

		pairs = pair->next;
		pair->next = NULL;
		all = merge(all, pair);
	}
	return all;
}

void
queue_add(struct queue *q, struct queue_node *n)
{
	n->child = n->next = n->previous = NULL;
	q->root = merge(q->root, n);
	q->length++;
}

struct queue_node *
queue_first(const struct queue *q)
{
	return q->root;
}

void
queue_remove(struct queue *q, struct queue_node *n)
{
	struct queue_node *children = merge_siblings(n->child);

	if (n == q->root)
		q->root = children;
	else {
		if (n->previous->child == n)
			n->previous->child = n->next;
		else
			n->previous->next = n->next;
		if (n->next != NULL)
			n->next->previous = n->previous;
		q->root = merge(q->root, children);
	}
	n->child = n->next = n->previous = NULL;
	q->length--;
}
