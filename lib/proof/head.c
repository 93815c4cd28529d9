#include "lib/proof/head.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/params.h"
#include "lib/proof/proof_sql.h"

char *
head_text(const struct head *head, const char *body)
{
	size_t size = 512 + strlen(body);
	char *text = malloc(size);

	if (text != NULL)
		snprintf(text, size,
		         "handback-head-1\n"
		         "previous\t%s\n"
		         "head_no\t%" PRId64 "\n"
		         "made_at\t%" PRId64 "\n"
		         "tree_size\t%" PRIu64 "\n"
		         "root\t%s\n"
		         "%s",
		         head->previous, head->head_no, head->made_at, head->tree_size, head->root, body);
	return text;
}

static enum pg_status
look_at_last(struct pg *pg, struct head *head)
{
	struct pg_result *r;
	enum pg_status status = pg_defer(pg, sql_head_lock, 0, NULL);

	if (status == PG_OK)
		status = pg_run_prepared(pg, sql_head_last, 0, NULL, &r);
	if (status != PG_OK)
		return status;
	head->head_no = pg_int_of(r, 0, "head_no");
	snprintf(head->previous, sizeof(head->previous), "%s", pg_text_of(r, 0, "previous"));
	head->made_at = pg_int_of(r, 0, "made_at");
	pg_result_free(r);
	return PG_OK;
}

static enum pg_status
insert(struct pg *pg, const struct head *head, bool of_file, int64_t file_id, const char *body)
{
	struct params p = {0};
	uint8_t hash[SHA256_BYTES];
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)];
	char *text = head_text(head, body);
	enum pg_status status;

	if (text == NULL)
		return PG_LOST;
	sha256_of(text, strlen(text), hash);
	param_int(&p, head->head_no);
	param_optional(&p, of_file, file_id);
	param_int(&p, (int64_t) head->tree_size);
	param_text(&p, head->root);
	param_text(&p, text);
	param_text(&p, text_hex(hex, hash, sizeof(hash)));
	param_text(&p, head->previous);
	param_int(&p, head->made_at);
	status = pg_defer(pg, sql_head_insert, p.n, p.value);
	free(text);
	return status;
}

enum pg_status
head_add_file(struct pg *pg, int64_t file_id, const struct merkle *tree)
{
	struct head head = {.tree_size = tree->size};
	struct params p = {0};
	struct pg_result *body;
	uint8_t root[SHA256_BYTES];
	enum pg_status status;

	merkle_root(tree, root);
	text_hex(head.root, root, sizeof(root));
	param_int(&p, file_id);
	param_int(&p, file_id);
	status = pg_run_prepared(pg, sql_head_files, p.n, p.value, &body);
	if (status != PG_OK)
		return status;
	status = look_at_last(pg, &head);
	if (status == PG_OK)
		status = insert(pg, &head, true, file_id, pg_text_of(body, 0, "text"));
	pg_result_free(body);
	return status;
}
