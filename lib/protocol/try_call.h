/*
 * What a handback-desk (who asks) and handback-try send each other: dry runs, one after another, over one
 * SOCK_SEQPACKET connection.  A file comes as a descriptor, and what would become of it goes back as a part of a
 * page, a descriptor of memory.
 */
#ifndef HANDBACK_PROTOCOL_TRY_CALL_H
#define HANDBACK_PROTOCOL_TRY_CALL_H

#include "lib/base/limits.h"
#include "lib/protocol/contract.h"

#define TRY_FILE_BYTES (2 << 20) /* of a file that a page takes */
#define TRY_SOURCE_BYTES 64

enum try_turn { TRY_TURN_OPEN, TRY_TURN_ASKED };

enum try_message {
	TRY_FILE, /* with the file's descriptor */
	TRY_DONE, /* with a descriptor of what there is to see */
	TRY_MESSAGES
};

struct try_file {
	char name[LIMIT_NAME_BYTES + 1]; /* bytes: as the partner names it */
	const char *source;              /* of the configuration; NULL: whose name fits */
	const char *partner, *programme; /* codes, for a profile that is inferred; NULL: not known */
};

extern const struct contract try_contract;

/* False: a value is out of bounds, or it is not its turn. */
bool try_file_encode(struct message_line *ret, int *turn, const struct try_file *file);
bool try_done_encode(struct message_line *ret, int *turn);
/* The message, or -1 with a sentence in why[].  Texts point into the line, which is written into. */
int try_file_decode(struct try_file *ret, int *turn, char *line, bool passed, char *why, size_t why_size);
int try_done_decode(int *turn, char *line, bool passed, char *why, size_t why_size);

#endif
