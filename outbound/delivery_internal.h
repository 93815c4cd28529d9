/* What cutting a delivery up and sending it share. */
#ifndef HANDBACK_OUTBOUND_DELIVERY_INTERNAL_H
#define HANDBACK_OUTBOUND_DELIVERY_INTERNAL_H

#include "outbound/delivery.h"

/* A part of these objects, before another or (NULL) at the end.  NULL: no memory. */
struct part *delivery_add_part(struct delivery *d, struct part *before, size_t first, size_t count,
                               int64_t *next_number);
bool delivery_same_parent(const struct object *one, const struct object *other);
/* All of its objects into parts, in the order that they are sent.  False: no memory. */
bool delivery_cut_up(struct delivery *d, const struct connector *c, int64_t *next_number);

#endif
