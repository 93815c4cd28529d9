/*
 * What handback-web (who asks) and a handback-desk send each other: one person's pages, over one
 * SOCK_SEQPACKET connection.  The first packet says who wants in and by which link; the desk logs in to the
 * database as that person and takes the link there.  From then on each request has one page, in its order:
 * the page's bytes come as a descriptor of memory.
 *
 * handback-web has read the browser's HTTP; what it sends is bounded, and is believed no more than a browser.
 */
#ifndef HANDBACK_PROTOCOL_DESK_CALL_H
#define HANDBACK_PROTOCOL_DESK_CALL_H

#include "lib/protocol/contract.h"

#define DESK_PERSON_BYTES 63 /* a role's name */
#define DESK_CODE_BYTES 64   /* hex */
#define DESK_PATH_BYTES 500
#define DESK_QUERY_BYTES 2000
#define DESK_FORM_BYTES 6000
#define DESK_WHY_BYTES 400
#define DESK_TYPE_BYTES 60
#define DESK_CONTENT_BYTES 200
#define DESK_PAGE_BYTES (64LL << 20)
#define DESK_BODY_BYTES ((2 << 20) + (16 << 10)) /* of a form with a file in it */

enum desk_turn { DESK_TURN_NEW, DESK_TURN_ENTERING, DESK_TURN_OPEN, DESK_TURN_ASKED, DESK_TURN_ENDED };

enum desk_message {
	/* to the desk */
	DESK_ENTER,
	DESK_ASK,
	DESK_UPLOAD, /* a form with a file in it: the socket that its body is read from goes with it */
	/* from it */
	DESK_ENTERED,
	DESK_REFUSED, /* nobody is let in: the connection ends */
	DESK_PAGE,    /* with the page's descriptor */
	DESK_MESSAGES
};

struct desk_enter {
	const char *person, *code;
};

/* Texts as the browser sent them, still percent-encoded. */
struct desk_ask {
	const char *path, *query; /* query: without "?"; NULL: none */
	const char *form;         /* of a POST; NULL: a GET, or an upload */
	const char *type;         /* of an upload: the content type, with the boundary; else NULL */
	int body;                 /* of an upload: its descriptor, beside the packet */
};

struct desk_answer {
	const char *why;      /* of DESK_REFUSED */
	int64_t status;       /* of HTTP, as the rest is of DESK_PAGE */
	const char *type;     /* of the content */
	const char *name;     /* a file to save it as; NULL: none */
	const char *location; /* a path of ours, where the browser goes on; NULL: none */
	bool ends;            /* the session is over */
};

extern const struct contract desk_contract;

/* False: a value is out of bounds. */
bool desk_enter_encode(struct message_line *ret, int *turn, const struct desk_enter *enter);
bool desk_ask_encode(struct message_line *ret, int *turn, const struct desk_ask *ask);
/* DESK_ENTER, DESK_ASK or DESK_UPLOAD, or -1 with a sentence in why[].  passed: what came with it, -1: nothing; it
 * stays the caller's.  Texts point into the line, which is written into. */
int desk_call_decode(struct desk_enter *ret_enter, struct desk_ask *ret_ask, int *turn, char *line, int passed,
                     char *why, size_t why_size);

bool desk_answer_encode(struct message_line *ret, int *turn, enum desk_message message,
                        const struct desk_answer *answer);
/* passed: it came with a descriptor.  The message, or -1 with a sentence in why[]. */
int desk_answer_decode(struct desk_answer *ret, int *turn, char *line, bool passed, char *why,
                       size_t why_size);

#endif
