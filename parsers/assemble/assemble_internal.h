/*
 * What the files of assemble share: private to assemble*.c.
 *
 *     assemble.c         rows and nested events; values; what stands where
 *     assemble_level.c   levels open and close
 *     assemble_entry.c   one normalised record, its addenda and its verdict
 *     assemble_piece.c   values that are cut out of others
 *     assemble_total.c   counts, sums, controls
 *     assemble_each.c    sums for each value, and the notes that state them
 *     assemble_tell.c    refusals and facts
 */
#ifndef HANDBACK_PARSERS_ASSEMBLE_ASSEMBLE_INTERNAL_H
#define HANDBACK_PARSERS_ASSEMBLE_ASSEMBLE_INTERNAL_H

#include "lib/base/sum.h"
#include "lib/base/text.h"
#include "lib/profile/values.h"
#include "parsers/assemble/assemble.h"
#include "parsers/assemble/texts.h"

/* A record type at work. */
struct type_state {
	struct value *value;     /* of its last record, by field */
	struct slice *raw;       /* nested formats: as collected until its end */
	uint64_t *raw_at;        /* offsets of these */
	struct slice *piece;     /* values that were cut out of others; NULL where no field is cut */
	int64_t *run;            /* by field: how many running numbers there were in the level */
	uint32_t count;          /* records in this instance of its level (an addendum: of its entry) */
	bool seen;               /* in this instance of its level */
	uint64_t number, offset; /* of its last record */
	uint32_t length;
	struct texts texts;    /* what raw points to */
	struct stated *stated; /* of a note that states_each: all of them in the level */
	uint32_t stated_count;
};

/* What one note states, and of what. */
struct stated {
	uint64_t number, offset;
	struct value *value; /* by field */
};

/* A sum of the records that have one value. */
struct group {
	struct slice key;
	sum_t sum;
	bool stated;
};

struct groups {
	struct group *list;
	uint32_t count;
};

struct level_state {
	bool open, closing; /* closing: a trailer was seen */
	bool settled;       /* its headers were looked for */
	uint64_t instance;  /* from 1 within the file */
	uint64_t first_number, last_number;
	uint64_t named;            /* records that were reported from within it */
	uint64_t records;          /* records of whatever type below its header */
	const struct value **slot; /* what its header says, by slot; NULL: nothing */
	struct texts texts;
};

struct inherited {
	uint16_t slot;
	uint8_t target;
};

struct entry {
	bool pending;  /* waits for addenda */
	bool ignored;  /* ignore_when */
	uint16_t type; /* of the entry */
	struct record record;
	uint32_t given;    /* targets that addenda have set, as bits */
	uint8_t verdict;   /* of an addendum; VERDICT_NONE: none */
	uint64_t addenda;  /* types that were seen with it, as bits */
	uint64_t physical; /* record number in the file */
	bool bad;
	char why[512]; /* what is bad */
	struct texts texts, reasons;
	bool appended; /* the record's reasons lie there */
};

/* A record type that is open in a nested format. */
struct open_type {
	const struct record_type *rule;
	struct type_state *state;
	uint16_t type; /* its number */
	uint64_t number, offset;
};

struct assemble {
	const struct layout *layout;
	const struct sink *sink;
	struct value_reader reader;
	struct charset *charset;
	struct type_state *type;
	uint16_t current; /* type whose values are being read */
	bool outside;     /* look at levels only */
	struct level_state level[LAYOUT_LEVELS];
	int depth; /* innermost open level, -1 none */
	const struct value **name_slot;
	struct texts name_texts;
	struct entry entry;
	bool addenda; /* some type is one: entries wait */
	uint16_t inherits;
	struct inherited *inherited;
	struct open_type open[LAYOUT_LEVELS + 3];
	int opened;
	sum_t *total;
	sum_t *waiting;        /* by total: of the addenda of an entry whose verdict is not known yet */
	struct groups *groups; /* by total: those that are for each value */

	struct assemble_start start;        /* of the data file that is being read */
	char of_file[TEXT_SHOWN_SIZE + 32]; /* " (in NAME)" of a container of several, for refusals */
	uint64_t files;                     /* begun, of a container of several */
	bool not_whole;                     /* one of those before */

	uint64_t records, physical;
	uint32_t refusals;
	bool refused, stopped, whole;
	bool broken;       /* the format gave up: what is missing at the end says nothing */
	bool records_lack; /* refused for more than a control: sums lack what was refused */
	struct file_facts facts;
	uint32_t facts_known; /* targets, as bits */
	struct texts fact_texts;
};

/* A place in the file for a refusal. */
struct place {
	uint64_t number, offset;
};

/* assemble.c: the value of a name, from the record that is being read outward; NULL: absent */
const struct value *find_value(void *assemble, uint16_t slot);
/* One field of the current type; a bad one is reported. */
int read_field(struct assemble *a, uint16_t field, struct slice in, struct place at);
/* Copies what the values of a type point to. -1: memory is out. */
int keep_values(struct assemble *a, uint16_t type, struct texts *texts);

/* assemble_piece.c: the fields of the current type from cut_from on, which are pieces or may need one; value
 * is by field, place tells where it stands in the file. */
typedef struct place place_of(const struct assemble *a, const void *context, uint16_t field);
int read_pieces(struct assemble *a, const struct slice *value, place_of *place, const void *context);

/* assemble_level.c: all return 0 to go on, -1 to stop */
void level_begin(struct assemble *a, struct place at); /* the file's, of which nothing was seen */
int level_header(struct assemble *a, uint16_t type, struct place at);
int level_trailer(struct assemble *a, uint16_t type, struct place at);
int level_stand(struct assemble *a, uint16_t type, struct place at); /* any other record */
int level_close(struct assemble *a, int level, struct place at);     /* it and all within it */
int level_say(struct assemble *a, uint16_t type, uint16_t field);    /* a header's field holds from now on */

/* assemble_entry.c */
void entry_begin(struct assemble *a, uint16_t type, struct place at,
                 uint32_t length); /* the one before is flushed */
int entry_fields(struct assemble *a, uint16_t type, bool addendum);
int entry_flush(struct assemble *a);
int entry_group(struct assemble *a, int level, struct place at);
/* Refuses the file for a record that is too long, and stops: -1. */
int entry_too_long(struct assemble *a, struct place at);
bool conditions_hold(struct assemble *a, const struct conditions *c, uint8_t verdict);
enum { VERDICT_LATER = 255 }; /* not known yet: tests of it hold */
bool verdict_holds(const struct conditions *c, uint8_t verdict);

/* assemble_total.c */
void totals_start(struct assemble *a, int level);
int totals_add(struct assemble *a, uint16_t type, uint8_t verdict, struct place at);
int totals_compare(struct assemble *a, int level, struct place at);
/* The verdict of the entry whose addenda were read: what they add to by it. */
int totals_settle(struct assemble *a, uint8_t verdict, struct place at);
int totals_refuse_overflow(struct assemble *a, struct place at);
int control_compare(struct assemble *a, const struct control_rule *rule, const char *of, struct place at);

/* assemble_each.c: all return 0 to go on, -1 to stop */
int each_add(struct assemble *a, uint16_t total, sum_t one, struct place at);
int each_stated(struct assemble *a, uint16_t type, struct place at); /* a note was read */
int each_compare(struct assemble *a, const struct control_rule *rule, struct place at);
void each_start(struct assemble *a, int level);
void each_free(struct assemble *a);

/* assemble_tell.c */
int tell_bad_value(struct assemble *a, const struct field *f, struct slice value,
                   const struct value_fault *fault, struct place at);
int tell_fact(struct assemble *a, const struct field *f, const struct value *v, struct place at);
bool is_fact(uint8_t target);

#endif
