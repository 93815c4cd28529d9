/*
 * Checkpoints of the proof (lib/proof/checkpoint.h), outside of the database:
 * the file that the configuration names, and the key that signs, which only
 * handback-verify's unit is given ($CREDENTIALS_DIRECTORY/checkpoint.key).
 */
#ifndef HANDBACK_NIGHTLY_CHECKPOINTS_H
#define HANDBACK_NIGHTLY_CHECKPOINTS_H

#include "lib/proof/checkpoint.h"
#include "nightly/batch.h"

#define CHECKPOINTS_KEYS 16
#define CHECKPOINTS_CREDENTIAL "checkpoint.key"

struct checkpoints {
	const char *file; /* the configuration's; NULL: none are made */
	struct checkpoint_key keys[CHECKPOINTS_KEYS];
	size_t count;
	struct checkpoint_key own; /* that signs */
	bool signs;
};

/* Which keys may have signed, by the configuration that was read; with the key that signs, where this process
 * was given it.  EXIT_USAGE for a text that is no key. */
int checkpoints_open(const struct batch *b, bool signs, struct checkpoints *ret);

/* The last one of the file that is good, as it stands there.  False: none, or the file cannot be read. */
bool checkpoints_newest(const struct checkpoints *c, char ret_text[CHECKPOINT_SIZE]);

/* Signs it and appends it to the file, durably; the text that was appended. */
int checkpoints_append(const struct checkpoints *c, const struct checkpoint *checkpoint,
                       char ret_text[CHECKPOINT_SIZE]);

/* A checkpoint's lines as a table of the document. */
void checkpoints_show(struct document *d, const char *text);

#endif
