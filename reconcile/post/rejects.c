#include "reconcile/post/rejects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/csv.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/base/text.h"
#include "lib/db/params.h"
#include "reconcile/post/post_sql.h"

#define NAME_SIZE (LIMIT_NAME_BYTES + 1)
#define SHA256_SHOWN 6 /* bytes of the hash in a name that would be taken */
#define FILE_MODE 0640

/* Do all match keys have our own reference, so that a match without another one was by it? */
static bool
all_by_reference(const struct policy *policy)
{
	for (int i = 0; i < policy->keys; i++)
		if ((policy->key[i] & KEY_EXTERNAL_REFERENCE) == 0)
			return false;
	return policy->keys > 0;
}

static void
put_header(FILE *out, const struct policy_rejects *rule)
{
	for (size_t i = 0; i < rule->columns; i++) {
		if (i > 0)
			putc(rule->delimiter, out);
		csv_field(out, rule->title[i], rule->delimiter, rule->for_spreadsheet);
	}
	fputs(rule->newline, out);
}

/* The columns of rejects.sql are those of enum reject_column, in its order. */
static void
put_line(FILE *out, const struct policy_rejects *rule, const struct pg_result *rows, int row)
{
	for (size_t i = 0; i < rule->columns; i++) {
		int column = (int) rule->column[i];

		if (i > 0)
			putc(rule->delimiter, out);
		if (!pg_null(rows, row, column))
			csv_field(out, pg_text(rows, row, column), rule->delimiter, rule->for_spreadsheet);
	}
	fputs(rule->newline, out);
}

/* Instead of what is too much for one file. */
static void
put_more(FILE *out, const struct policy_rejects *rule)
{
	for (size_t i = 0; i < rule->columns; i++) {
		if (i > 0)
			putc(rule->delimiter, out);
		if (rule->column[i] == REJECT_REASON)
			fputs("and_more", out);
	}
	fputs(rule->newline, out);
}

enum pg_status
rejects_text(struct pg *pg, const struct policy *policy, int64_t file_id, char **ret_text, size_t *ret_len,
             int64_t *ret_lines)
{
	const struct policy_rejects *rule = &policy->rejects;
	struct pg_result *rows;
	struct params p = {0};
	enum pg_status status;
	char *text = NULL;
	int row = 0;
	FILE *out;

	param_int(&p, file_id);
	param_bool(&p, all_by_reference(policy));
	param_int(&p, LIMIT_REJECTS + 1);
	status = pg_run_prepared(pg, sql_rejects, p.n, p.value, &rows);
	if (status != PG_OK)
		return status;
	out = open_memstream(&text, ret_len);
	if (out != NULL && rule->header)
		put_header(out, rule);
	for (; out != NULL && row < pg_rows(rows) && row < LIMIT_REJECTS && ftell(out) < LIMIT_REJECTS_BYTES;
	     row++)
		put_line(out, rule, rows, row);
	if (out != NULL && row < pg_rows(rows))
		put_more(out, rule);
	*ret_lines = pg_rows(rows);
	pg_result_free(rows);
	if (out == NULL || fclose(out) != 0) {
		free(text);
		return PG_LOST; /* no memory: as good as no database */
	}
	*ret_text = text;
	return PG_OK;
}

/* Fills the template in; false when that is too long for a name. */
static bool
name_of(char name[NAME_SIZE], const char *template, const char *file_name, const char *hex)
{
	size_t used = 0;

	while (*template != '\0') {
		const char *word = strncmp(template, "{name}", 6) == 0     ? file_name
		                   : strncmp(template, "{sha256}", 8) == 0 ? hex
		                                                           : NULL;
		size_t len = word != NULL ? strlen(word) : 1;

		if (used + len >= NAME_SIZE)
			return false;
		memcpy(name + used, word != NULL ? word : template, len);
		used += len;
		template += word != NULL ? strcspn(template, "}") + 1 : 1;
	}
	name[used] = '\0';
	return true;
}

/* Puts it under one name; EEXIST when other bytes have that. */
static int
put_as(int dir, const char *name, const char *text, size_t len)
{
	char *there;
	size_t there_len;
	bool same;

	if (io_put_file(dir, name, FILE_MODE, text, len) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	/* from an attempt that broke off */
	if (io_read_file(dir, name, len, &there, &there_len) < 0)
		return errno == EFBIG || errno == ENOTSUP ? (errno = EEXIST, -1) : -1;
	same = there_len == len && memcmp(there, text, len) == 0;
	free(there);
	errno = EEXIST;
	return same ? 0 : -1;
}

int
rejects_put(int dir, const char *suffix, const struct policy_rejects *rule, const char *file_name,
            const uint8_t sha256[SHA256_BYTES], const char *text, size_t len)
{
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)], short_hex[TEXT_HEX_SIZE(SHA256_SHOWN)];
	char name[NAME_SIZE], whole[2 * NAME_SIZE];

	errno = ENAMETOOLONG;
	if (!name_of(name, rule->name, file_name, text_hex(hex, sha256, SHA256_BYTES)))
		return -1;
	snprintf(whole, sizeof(whole), "%s%s", name, suffix);
	if (put_as(dir, whole, text, len) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	snprintf(whole, sizeof(whole), "%s.%s%s", name, text_hex(short_hex, sha256, SHA256_SHOWN), suffix);
	return put_as(dir, whole, text, len);
}
