/* What the proof costs by itself: a file's hash, a leaf and its hash for each record, the tree.  proof
 * RECORDS FILE */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/proof/leaf.h"
#include "lib/proof/merkle.h"

static int
hash_file(const char *path, uint8_t ret_hash[SHA256_BYTES])
{
	static char buffer[1 << 20];
	struct sha256 *hash = sha256_new();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0)
		sha256_add(hash, buffer, (size_t) n);
	sha256_end(hash, ret_hash);
	sha256_free(hash);
	if (fd >= 0)
		close(fd);
	return n == 0 ? 0 : -1;
}

#define TEXT(s) ((struct leaf_text){s, sizeof(s) - 1})

/* As the bench's records become: nineteen of twenty confirmed, the rest reversed. */
static struct leaf
leaf_of(int64_t n, const char *file_sha256)
{
	struct leaf leaf = {.file_sha256 = file_sha256,
	                    .record_no = n,
	                    .byte_offset = n * 84,
	                    .byte_length = 84,
	                    .verdict = n % 20 == 0 ? 4 : 1,
	                    .outcome = n % 20 == 0 ? 2 : 1,
	                    .has_points = true,
	                    .points = 100 + n * 37 % 900,
	                    .decided_at = INT64_C(1795226400000000),
	                    .has_redemption = true};

	leaf.redemption.id = 1000000000 + n;
	for (int i = 0; i < 16; i++)
		leaf.redemption.external_reference[i] = (uint8_t) (n >> (i % 8));
	leaf.redemption.programme_id = 1;
	leaf.redemption.member_id = n / 10;
	leaf.redemption.points = leaf.redemption.amount = leaf.points;
	leaf.redemption.has_amount = leaf.redemption.has_transaction_type = true;
	leaf.redemption.transaction_type = 6;
	leaf.redemption.currency = TEXT("EUR");
	leaf.redemption.merchant = TEXT("Bench Air");
	leaf.redemption.partner = TEXT("BENCH");
	leaf.redemption.redeemed_at = INT64_C(1793491200000000) + n * 500000;
	if (leaf.outcome == 2) {
		leaf.reasons = TEXT("R03");
		leaf.has_reversal = true;
		leaf.reversal.id = 2000000000 + n;
		leaf.reversal.programme_id = 1;
		leaf.reversal.member_id = n / 10;
		leaf.reversal.points = leaf.points;
		leaf.reversal.redemption_id = leaf.redemption.id;
		leaf.reversal.posted_at = leaf.decided_at;
		leaf.reversal.posted_by = TEXT("handback_daemon");
	}
	return leaf;
}

int
main(int argc, char **argv)
{
	int64_t records = argc == 3 ? strtoll(argv[1], NULL, 10) : 0;
	uint8_t hash[SHA256_BYTES];
	char file[TEXT_HEX_SIZE(SHA256_BYTES)];
	struct leaf_writer writer;
	struct merkle tree;

	if (records <= 0 || hash_file(argv[2], hash) < 0)
		return 2;
	text_hex(file, hash, sizeof(hash));
	leaf_writer_open(&writer);
	merkle_open(&tree);
	for (int64_t n = 1; n <= records; n++) {
		struct leaf leaf = leaf_of(n, file);

		if (!leaf_write(&writer, &leaf))
			return 1;
		merkle_leaf_hash(&tree, writer.text, writer.len, hash);
		merkle_add(&tree, hash);
	}
	merkle_root(&tree, hash);
	printf("%s\n", text_hex(file, hash, sizeof(hash)));
	merkle_close(&tree);
	leaf_writer_close(&writer);
	return 0;
}
