/* The chain against the checkpoints that were signed of it and are kept outside of the database. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/proof/verify/verify_internal.h"

#define MOST_BYTES (256 << 20) /* some three hundred thousand days */

static const char *
fault_text(enum checkpoint_fault fault)
{
	switch (fault) {
	case CHECKPOINT_CUT:
		return "the file was cut off within it";
	case CHECKPOINT_SHAPE:
		return "it is not one";
	case CHECKPOINT_KEY:
		return "it is signed by none of the keys of checkpoints.verifiers";
	case CHECKPOINT_SIGNATURE:
		return "its signature is wrong: it is not what the key signed";
	case CHECKPOINT_GOOD:
		break;
	}
	return "it is good";
}

/* One that is good, behind those before it. */
static enum verify_end
keep(struct verify *v, int64_t number, const struct checkpoint *c)
{
	struct verify_checkpoints *all = &v->signed_before;
	const struct checkpoint *last = all->count > 0 ? &all->list[all->count - 1] : NULL;

	if (last != NULL && c->heads < last->heads)
		return verify_differs(v, "checkpoint", NULL,
		                      "checkpoint %" PRId64 " is of an older tree: it has %" PRId64
		                      " heads, the one before it %" PRId64,
		                      number, c->heads, last->heads);
	if (last != NULL && c->heads == last->heads) {
		if (memcmp(c->root, last->root, sizeof(c->root)) == 0)
			return VERIFY_EQUAL;
		return verify_differs(v, "checkpoint", NULL,
		                      "checkpoint %" PRId64 " and the one before it are of %" PRId64
		                      " heads, and have unlike roots: two chains were signed",
		                      number, c->heads);
	}
	if (all->count % 64 == 0) {
		struct checkpoint *grown = reallocarray(all->list, all->count + 64, sizeof(*grown));
		if (grown == NULL)
			return VERIFY_MEMORY;
		all->list = grown;
	}
	all->list[all->count++] = *c;
	return VERIFY_EQUAL;
}

static enum verify_end
read_file(struct verify *v, const char *text, size_t len)
{
	enum verify_end end = VERIFY_EQUAL;
	int64_t number = 0;

	for (size_t at = 0, used; end == VERIFY_EQUAL && at < len; at += used) {
		struct checkpoint c;
		enum checkpoint_fault fault = checkpoint_read(v->keys, v->key_count, text + at, len - at, &c, &used);
		number++;
		end = fault == CHECKPOINT_GOOD ? keep(v, number, &c)
		                               : verify_differs(v, "checkpoint", NULL, "checkpoint %" PRId64 ": %s",
		                                                number, fault_text(fault));
	}
	return end;
}

enum verify_end
verify_checkpoints_open(struct verify *v)
{
	enum verify_end end;
	char *text;
	size_t len;

	merkle_open(&v->signed_before.tree);
	v->signed_before.open = true;
	if (v->checkpoints == NULL)
		return VERIFY_EQUAL;
	if (io_read_file(AT_FDCWD, v->checkpoints, MOST_BYTES, &text, &len) < 0) {
		if (errno == ENOENT && v->checkpoints_may_be_missing)
			return VERIFY_EQUAL;
		return verify_differs(v, "checkpoint", NULL, "%s: %s", v->checkpoints, strerror(errno));
	}
	end = read_file(v, text, len);
	free(text);
	return end;
}

enum verify_end
verify_checkpoints_head(struct verify *v, const struct verify_head *h)
{
	struct verify_checkpoints *all = &v->signed_before;
	uint8_t head[SHA256_BYTES], hash[SHA256_BYTES], root[SHA256_BYTES];
	size_t len = 0;

	if (!text_unhex(head, sizeof(head), h->hash, &len))
		return verify_differs(v, "head", h, "its head_hash is none");
	merkle_leaf_hash(&all->tree, head, len, hash);
	merkle_add(&all->tree, hash);
	if (all->at == all->count || (uint64_t) all->list[all->at].heads != all->tree.size)
		return VERIFY_EQUAL;
	merkle_root(&all->tree, root);
	const struct checkpoint *c = &all->list[all->at++];
	if (memcmp(root, c->root, sizeof(root)) == 0) {
		v->counts.checkpoints++;
		v->counts.checkpoint_heads = c->heads;
		return VERIFY_EQUAL;
	}
	if (all->differs) /* the first one says where; all that were signed after it differ, too */
		return VERIFY_EQUAL;
	all->differs = true;
	enum verify_end end =
	    verify_differs(v, "checkpoint", h,
	                   "the first %" PRId64 " heads are not those that were signed: the chain was rewritten "
	                   "somewhere after head %" PRId64,
	                   c->heads, v->counts.checkpoint_heads);
	return end;
}

enum verify_end
verify_checkpoints_end(struct verify *v)
{
	struct verify_checkpoints *all = &v->signed_before;

	v->now.heads = (int64_t) all->tree.size;
	merkle_root(&all->tree, v->now.root);
	if (all->at == all->count)
		return VERIFY_EQUAL;
	return verify_differs(v, "checkpoint", NULL,
	                      "%" PRId64 " heads were signed, %" PRId64
	                      " are there: the end of the chain was cut off",
	                      all->list[all->count - 1].heads, v->now.heads);
}

void
verify_checkpoints_close(struct verify *v)
{
	free(v->signed_before.list);
	if (v->signed_before.open)
		merkle_close(&v->signed_before.tree);
	v->signed_before = (struct verify_checkpoints){.open = false};
}
