/*
 * A record of an outbound message: its fields, as the CRM names them, and the points request that they are.
 */
#ifndef HANDBACK_GATE_OUTBOUND_RECORD_H
#define HANDBACK_GATE_OUTBOUND_RECORD_H

#include <stdbool.h>

#include "gate/points.h"

#define OUTBOUND_FIELDS 9

/* {0}: nothing of it came. */
struct outbound_record {
	char *value[OUTBOUND_FIELDS];
	const char *wrong; /* NULL: nothing is */
};

/* The number of a field that is wanted, or -1. */
int outbound_record_field(const char *name);

/* A field's whole text.  An empty one is none, as a field that has none is sent; one that came before is
 * wrong. */
void outbound_record_set(struct outbound_record *r, int field, const char *text);

/* All of it came: it is a row, of which is said what is wrong with it.  The record is empty afterwards.
 * False: there is no room for another row. */
bool outbound_record_end(struct outbound_record *r, struct points_rows *rows);

void outbound_record_forget(struct outbound_record *r);

#endif
