/*
 * The layer between the formats and the world: rows of fields in, normalised
 * records, facts, controls and refusals out.
 *
 * A format finds the type of a record and hands over its fields as slices, as
 * they are written; everything that is the same for all formats happens here:
 * values by their types, what is inherited from headers, addenda, verdicts,
 * running numbers, control totals in 128 bits, and how much may go wrong
 * before it is enough.
 *
 * Calls return 0 to go on and -1 to stop: the sink is gone, the refusals are as
 * many as are reported of one file, or memory is out.  After a refusal no more
 * records go out, but the file is read on to report what else is wrong.
 */
#ifndef HANDBACK_PARSERS_ASSEMBLE_ASSEMBLE_H
#define HANDBACK_PARSERS_ASSEMBLE_ASSEMBLE_H

#include "lib/profile/layout.h"
#include "lib/protocol/record.h"
#include "parsers/assemble/input.h"

/* Who takes the results.  Slices live until the function returns.  Non-zero stops the file. */
struct sink {
	int (*record)(void *context, const struct record *r);
	int (*facts)(void *context, const struct file_facts *f);
	int (*control)(void *context, const struct control *c);
	int (*refusal)(void *context, const struct refusal *r);
	void *context;
};

struct assemble;

/* NULL when memory is out.  layout and sink must outlive it.  Opens all that a lock-down would forbid. */
struct assemble *assemble_new(const struct layout *layout, const struct sink *sink);
void assemble_free(struct assemble *a); /* NULL is fine */

/* The file's name, before anything else: its fields are those of a level around the file.  A name that does
 * not fit the pattern refuses the file. */
int assemble_name(struct assemble *a, const char *name, size_t len);

/*
 * Of a container of several data files, before each: it is a file of its own, and the one before it must have
 * had all that a file has.  What files say of themselves must be the same in all.  bytes: of content that
 * were read before it. name is the container's word, shown and not used.
 */
int assemble_file(struct assemble *a, const char *name, uint64_t bytes);

/* Where the data file that is read now begins in all that is read: formats count from here. */
struct assemble_start {
	uint64_t number, offset;
};
struct assemble_start assemble_start(const struct assemble *a);

/*
 * A physical record of a line-based format.  value[i] belongs to field i of the
 * type; data NULL: the record does not have it.  Slices that lie within bytes
 * are reported with their own offset when they are bad, others with what locate says.
 */
struct row {
	uint16_t type;
	uint32_t length;    /* bytes in the file */
	uint64_t number;    /* physical record, from 1 */
	uint64_t offset;    /* of its first byte in the file */
	const char *bytes;  /* the record in memory, as it is in the file */
	uint32_t in_memory; /* bytes of it; may be less than length where bytes were cut (newline) */
	bool plain;         /* bytes are ASCII without NUL: nothing needs decoding */
	const struct slice *value;
	/* Where the value of a field begins in the file, when it does not lie within bytes; asked for refusals
	 * only. NULL: the record's offset is reported. */
	uint64_t (*locate)(const struct row *row, uint16_t field);
	const void *context; /* locate's */
};
int assemble_row(struct assemble *a, const struct row *row);

/*
 * The same for nested formats: open at the start of an element or object that
 * is a record type, field for each of its fields as they come (the slice is
 * copied), close at its end.  field is an index into the innermost open type's
 * fields; offset is of the value's first byte.  Types open within others that
 * are their levels, or within an entry whose addenda they are.
 */
int assemble_open(struct assemble *a, uint16_t type, uint64_t number, uint64_t offset);
int assemble_field(struct assemble *a, uint16_t field, struct slice value, uint64_t offset);
/* Where a value of up to len bytes may be written that goes to assemble_field next: it saves a copy.  NULL
 * when memory is out. */
char *assemble_room(struct assemble *a, size_t len);
int assemble_close(struct assemble *a, uint64_t end);

/* The layout's encoding, opened before the lock-down; assemble's own. */
struct charset;
struct charset *assemble_charset(struct assemble *a);

/* How many physical records there were, where the format counts some that no row was made of. */
void assemble_count(struct assemble *a, uint64_t physical);

/*
 * The file is refused: rule is a word, the sentence is format's; field may be
 * NULL; the value is bounded and escaped here.  record 0: the whole file.
 * Returns 0 while more may be reported, else -1.
 */
int assemble_refuse(struct assemble *a, const char *rule, const char *field, struct slice value,
                    uint64_t record, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 7, 8)));
bool assemble_refused(const struct assemble *a);
/* The file, refused already, is not read to its end: what is missing at the end says nothing. */
void assemble_break(struct assemble *a);

/* The values of a record that are needed to know its type (IF_FIELD): true when all conditions hold. */
bool assemble_conditions(struct assemble *a, const struct conditions *c);

/* The format's own proof that nothing was cut (the root element's end tag, the closing brace). */
void assemble_whole(struct assemble *a);

/* At the end of the file, once: closes levels, compares controls, reports facts.  bytes: of the content that
 * were read. 0 and *ret, or -1 when the sink is gone or memory is out. */
int assemble_finish(struct assemble *a, uint64_t bytes, struct parse_end *ret);

/*
 * A format: reads all of an input and hands its rows over.  0 at the end of the
 * input (refused or not: assemble knows), -1 when assemble said stop or the
 * input failed (the caller then refuses by its rule and why, unless failed).
 * One const struct at the end of each file.
 */
struct format {
	const char *name;
	int (*parse)(const struct layout *layout, struct input *in, struct assemble *a, uint64_t *ret_bytes);
	/* before the lock-down, NULL for nothing: what needs no job yet; what the layout will need (tables of
	 * encodings): 0, or -1 and *ret_why, static text, when the layout cannot be read in this format */
	void (*start)(void);
	int (*prepare)(const struct layout *layout, const char **ret_why);
};
extern const struct format delimited_format, fixed_format, xml_format, json_format;
/* NULL where this program does not have it: profile_program says which one does. */
const struct format *format_of(const struct layout *layout);
/*
 * All of in, by the layout's format, which must be here; where it stops, or is content before in is at its
 * end, the file is refused.  0, or -1 where the fault is ours (in->why): nothing may be concluded then.
 */
int formats_read(const struct layout *layout, struct input *in, struct assemble *a, uint64_t *ret_bytes);
/* Calls the start of every format. */
void formats_start(void);

#endif
