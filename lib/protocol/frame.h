/*
 * The typed frames that handback-parse writes and handback-reconcile reads.
 *
 * Frame: u32 length of what follows, u8 kind, body.  Little endian, packed,
 * texts as u32 length + bytes; of a record only what its `has`, and its u16 of
 * texts that are there, say that it has.  The reader trusts nothing: every length is
 * checked against its frame and limits.h, every kind against what may come now (frame_contract)
 *
 *     SANDBOX  (FACTS | CONTROL | REFUSAL | RECORD)*  END
 *
 * where FACTS comes exactly once, record numbers are 1, 2, 3 ..., END counts the records
 * that came (of a refused file also those that were not sent any more) and says
 * refused exactly when a REFUSAL came (LIMIT_REFUSALS at most).  A frame that breaks this ends the file's
 * job, never the reader.
 */
#ifndef HANDBACK_PROTOCOL_FRAME_H
#define HANDBACK_PROTOCOL_FRAME_H

#include "lib/protocol/contract.h"
#include "lib/protocol/record.h"

enum frame_kind {
	FRAME_SANDBOX = 1, /* what lock-down was reached: first, always */
	FRAME_RECORD = 2,
	FRAME_FACTS = 3,
	FRAME_CONTROL = 4,
	FRAME_REFUSAL = 5,
	FRAME_END = 6, /* last, always */
};

enum frame_turn { FRAME_TURN_NEW, FRAME_TURN_OPEN, FRAME_TURN_FACTS, FRAME_TURN_ENDED };

/* Message n is the frame of kind n + 1; what is in a frame only its fields in this file show. */
extern const struct contract frame_contract;

struct sandbox_report {
	int32_t landlock_abi; /* 0: not locked */
	uint8_t seccomp;      /* 1: filter in force */
	uint8_t no_new_privs;
};

struct frame {
	enum frame_kind kind;
	union {
		struct sandbox_report sandbox;
		struct record record;
		struct file_facts facts;
		struct control control;
		struct refusal refusal;
		struct parse_end end;
	};
};

/*
 * Writer: buffers and writes to a pipe.  All return 0, or -1 once the pipe is
 * broken or a body passes LIMIT_FRAME_BYTES (then the writer stays broken).
 */
struct frame_writer;
struct frame_writer *frame_writer_new(int fd);  /* fd stays the caller's */
void frame_writer_free(struct frame_writer *w); /* NULL is fine; flushes nothing */
int frame_put(struct frame_writer *w, const struct frame *f);
int frame_put_record(struct frame_writer *w, const struct record *r); /* the same without a copy of it */
int frame_flush(struct frame_writer *w);

/*
 * Reader: blocking reads from a pipe through one bounded buffer.
 * frame_next: 1 and *ret_frame; 0 at a proper end (END seen, then end of
 * file); -1 with *ret_why (static text) when the peer broke the protocol, cut
 * off, or the read failed.
 */
struct frame_reader;
struct frame_reader *frame_reader_new(int fd);
void frame_reader_free(struct frame_reader *r);
int frame_next(struct frame_reader *r, struct frame *ret_frame, const char **ret_why);
/* After -1: was it our own read that failed, which says nothing of the peer? */
bool frame_reader_failed(const struct frame_reader *r);

#endif
