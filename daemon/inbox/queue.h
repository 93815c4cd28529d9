/*
 * Files that are due, lowest name first (numbers in names by their value): a
 * partner's names usually count up, and an older file should go before a newer.
 * A pairing heap inside the files themselves: no memory, nothing that can fail.
 */
#ifndef HANDBACK_DAEMON_INBOX_QUEUE_H
#define HANDBACK_DAEMON_INBOX_QUEUE_H

#include <stddef.h>

struct queue_node {
	const char *name;                           /* set by the owner before queue_add */
	struct queue_node *child, *next, *previous; /* previous: sibling, or the parent of a first child */
};

struct queue {
	struct queue_node *root;
	size_t length;
};

void queue_add(struct queue *q, struct queue_node *n);
/* The first, which stays; NULL when there is none. */
struct queue_node *queue_first(const struct queue *q);
/* Takes any node out that is in. */
void queue_remove(struct queue *q, struct queue_node *n);

#endif
