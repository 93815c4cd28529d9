/*
 * A contract between two of our programs, as data: which messages there are, the fields of each with their
 * bounds, who may send it in which state, and the state that follows.  Encoding, decoding and the check of
 * the receiver read the same table; tests/unit/print_contracts.c prints it.
 */
#ifndef HANDBACK_PROTOCOL_CONTRACT_H
#define HANDBACK_PROTOCOL_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/protocol/message.h"

/* The C type of the member that a field fills. */
enum member_kind {
	MEMBER_TEXT,  /* const char *; decoded it points into the line; NULL: absent */
	MEMBER_ARRAY, /* char[most + 1], one of the words where there are any; "": absent where that may be */
	MEMBER_HEX,   /* the same, written as hex: bytes of any kind but NUL */
	MEMBER_INT,   /* int64_t; 0: absent where that may be */
	MEMBER_WORD,  /* an enum: the place of the word in a NULL-ended list */
	MEMBER_FLAG,  /* bool: "yes" or "no" */
};

struct contract_field {
	const char *key;
	enum member_kind kind;
	bool optional; /* may be absent: then the member stays as it was */
	size_t offset;
	int64_t least, most; /* of a number; of a text its bytes */
	const char *const *words;
};

#define CONTRACT_STATES 8
#define CONTRACT_TO(state) ((unsigned char) ((state) + 1))

struct contract_message {
	const char *verb;
	bool asks; /* sent by the one that asks; else by the one that answers */
	bool descriptor;
	const struct contract_field *fields;
	size_t field_count;
	unsigned char next[CONTRACT_STATES]; /* by state: CONTRACT_TO the following one; 0: it may not come now */
};

struct contract {
	const char *name, *asker, *answerer;
	const char *const *states; /* NULL-ended; the first is where it begins */
	const struct contract_message *messages;
	size_t count;
};

/* Does the message fit the state?  Then *state is the following one. */
bool contract_step(const struct contract *c, size_t message, int *state);

/* Writes the message with its fields from *value and takes the step.  False: it does not fit the state or
 * into a line, and nothing may be sent. */
bool contract_encode(const struct contract *c, size_t message, int *state, const void *value,
                     struct message_line *ret);

/*
 * Reads a line (NUL-ended, written into) of the other side; asks: the one that asks has sent it.  passed: it
 * came with a descriptor.  The message's number, with its fields in *value and *state stepped; or -1 with a
 * sentence in why[] and *value undefined, for a message that is unknown, out of turn, lacks a field, has one
 * too many or one out of its bounds.
 */
int contract_decode(const struct contract *c, bool asks, int *state, char *line, bool passed, void *value,
                    char *why, size_t why_size);

/* The table, for people. */
void contract_print(const struct contract *c, FILE *out);

#endif
