/* One record cut into its columns: what libcsv does not do (several bytes, no quotes, other escapes). */
#ifndef HANDBACK_PARSERS_LINES_SPLIT_H
#define HANDBACK_PARSERS_LINES_SPLIT_H

#include "lib/protocol/record.h"

struct columns {
	struct slice *at;
	uint32_t count, most;
};

/* By a delimiter of several bytes, without quotes: slices of text.  False when there are more than most. */
bool split_plain(struct slice text, const char *delimiter, size_t delimiter_len, struct columns *ret);

/*
 * By one delimiter byte, with quotes (0: without) that stand plainly around values: no copy, eight bytes at a
 * time. False when anything else is done with a quote (doubled, stray, unbalanced), or there are too many
 * columns: then libcsv is to decide.
 */
bool split_quoted(struct slice text, char delimiter, char quote, struct columns *ret);

struct split_rule {
	const char *delimiter;
	size_t delimiter_len;
	char quote;   /* 0: none */
	char escape;  /* takes the meaning of the byte after it; not the quote; 0: none */
	bool doubled; /* a quote within quotes is written twice */
};
/* The same with quotes and escapes: values are made in out, which is as large as text.
 * NULL, or what is wrong with *ret_at where. */
const char *split_escaped(struct slice text, const struct split_rule *rule, char *out, struct columns *ret,
                          uint32_t *ret_at);

/* Does the record end within quotes?  escape as above, or the quote itself for doubled ones. */
bool split_open(struct slice text, char quote, char escape);

/* Offset of the n-th column's value (after its quote) in a record as it was written. */
uint32_t split_locate(struct slice text, const struct split_rule *rule, uint32_t column);

#endif
