/* A report as files that stay: complete, under their own names, with their hashes beside them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/output/render.h"
#include "lib/finance/view/report.h"
#include "lib/hash/sha256.h"

#define KEPT_MODE 0440
#define DIRECTORY_MODE 0750
#define SAME_MOMENT 100 /* reports of one second and one audit head */

/* "report-20260131T235959Z-head12": when, and how far the audit trail was. */
static char *
kept_name(const struct document *d, int again)
{
	const struct table *source = d->tables[d->table_count - 1];
	const char *as_of = table_cell(source, 0, table_column(source, "as_of"));
	const char *head = table_cell(source, 0, table_column(source, "head_no"));
	char *name = mem_format("%s-%.4s%.2s%.2sT%.2s%.2s%.2sZ-head%s", d->key, as_of, as_of + 5, as_of + 8,
	                        as_of + 11, as_of + 14, as_of + 17, head != NULL ? head : "0");

	if (again > 1) {
		char *numbered = mem_format("%s-%d", name, again);
		free(name);
		return numbered;
	}
	return name;
}

struct kept {
	const char *directory;
	int dir; /* open */
	const char *name;
	FILE *hashes; /* sha256sum's format */
	FILE *out;    /* for the names; NULL: nowhere */
};

/* One file; 0, or -1 with errno. */
static int
keep(struct kept *k, const char *suffix, const char *text, size_t len)
{
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)];
	uint8_t hash[SHA256_BYTES];
	char *name = mem_format("%s%s", k->name, suffix);

	if (io_put_file(k->dir, name, KEPT_MODE, text, len) < 0) {
		free(name);
		return -1;
	}
	sha256_of(text, len, hash);
	if (k->hashes != NULL)
		fprintf(k->hashes, "%s  %s\n", text_hex(hex, hash, sizeof(hash)), name);
	if (k->out != NULL)
		fprintf(k->out, "%s/%s\n", k->directory, name);
	free(name);
	return 0;
}

/* One table as CSV, or the documents as a page; the first alone as JSON. */
static int
keep_rendered(struct kept *k, struct document *const *documents, size_t count, const struct table *t,
              enum format format)
{
	char *text = NULL, *suffix = t != NULL ? mem_format("-%s.csv", t->key)
	                                       : mem_text(format == FORMAT_HTML ? ".html" : ".json");
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int result = -1;

	if (out != NULL) {
		if (t != NULL)
			render_csv(out, t);
		else if (format == FORMAT_HTML)
			render_html_all(out, documents, count);
		else
			render_json(out, documents[0]);
		if (fclose(out) == 0)
			result = keep(k, suffix, text, len);
	}
	free(text);
	free(suffix);
	return result;
}

/* Of the first of these; the page, of all of them, comes first, since its name says whether the moment is
 * taken. */
static int
keep_formats(struct kept *k, struct document *const *documents, size_t count)
{
	const struct document *d = documents[0];
	int result = keep_rendered(k, documents, count, NULL, FORMAT_HTML);

	if (result == 0)
		result = keep_rendered(k, documents, 1, NULL, FORMAT_JSON);
	for (size_t i = 0; result == 0 && count == 1 && i < d->table_count; i++)
		if (d->tables[i]->shape == TABLE_ROWS && d->tables[i]->rows)
			result = keep_rendered(k, documents, 1, d->tables[i], FORMAT_CSV);
	return result;
}

/* All files of one report. */
static int
keep_all(struct kept *k, const struct document *d)
{
	char *text = NULL;
	size_t len = 0;

	k->hashes = open_memstream(&text, &len);
	if (k->hashes == NULL)
		return -1;
	struct document *const one[] = {(struct document *) (uintptr_t) d};
	int result = keep_formats(k, one, 1);
	fclose(k->hashes);
	k->hashes = NULL;
	if (result == 0)
		result = keep(k, ".sha256", text, len);
	free(text);
	return result;
}

int
report_keep(const struct query *q, const char *directory, const struct document *d, const char *name,
            FILE *out)
{
	struct kept k = {.directory = directory, .out = out};
	int code = EXIT_UNAVAILABLE;

	k.dir = io_make_dirs(AT_FDCWD, directory, DIRECTORY_MODE);
	if (k.dir < 0) {
		q->say("%s: %s", directory, strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	for (int again = 1; again <= SAME_MOMENT && code != EXIT_CLEAN; again++) {
		char *own = name != NULL && again == 1 ? mem_text(name)
		            : name != NULL             ? mem_format("%s-%d", name, again)
		                                       : kept_name(d, again);
		k.name = own;
		int result = keep_all(&k, d);
		free(own);
		if (result == 0)
			code = EXIT_CLEAN;
		else if (errno != EEXIST)
			break;
	}
	if (code != EXIT_CLEAN)
		q->say("%s: the report cannot be written: %s", directory, strerror(errno));
	close(k.dir);
	return code;
}

static int
keep_head(struct kept *k, const struct document *d)
{
	const struct table *source = d->tables[d->table_count - 1];
	const char *no = table_cell(source, 0, table_column(source, "head_no"));
	char *line = no == NULL
	                 ? mem_text("0\n")
	                 : mem_format("%s:%s\n", no, table_cell(source, 0, table_column(source, "head_hash")));

	k->name = "HEAD";
	int result = keep(k, "", line, strlen(line));
	free(line);
	return result;
}

/* All documents in one. */
static int
keep_workbook(struct kept *k, const struct query *q, struct document *const *documents, size_t count)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int result = out != NULL ? q->book(out, q->company, documents, count) : -1;

	if (out != NULL && fclose(out) != 0)
		result = -1;
	if (result == 0)
		result = keep(k, ".xlsx", text, len);
	free(text);
	return result;
}

static int
keep_pack(struct kept *k, const struct query *q, struct document *const *documents, size_t count)
{
	char *text = NULL;
	size_t len = 0;
	int result = 0;

	k->hashes = open_memstream(&text, &len);
	if (k->hashes == NULL)
		return -1;
	for (size_t i = 0; result == 0 && i < count; i++) {
		k->name = documents[i]->key;
		/* the title page has all that follows it, so that one print is the whole */
		result = keep_formats(k, documents + i, i == 0 ? count : 1);
	}
	k->name = documents[0]->key;
	if (result == 0 && q->book != NULL)
		result = keep_workbook(k, q, documents, count);
	if (result == 0)
		result = keep_head(k, documents[0]);
	fclose(k->hashes);
	k->hashes = NULL;
	k->name = "MANIFEST";
	if (result == 0)
		result = keep(k, ".sha256", text, len);
	free(text);
	return result;
}

int
report_keep_pack(const struct query *q, const char *directory, const char *name,
                 struct document *const *documents, size_t count, FILE *out)
{
	char *moment = kept_name(documents[0], 1);
	/* the moment stands behind the document's own name */
	char *path = mem_format("%s/%s%s", directory, name, moment + strlen(documents[0]->key));
	struct kept k = {.directory = path, .out = out, .dir = io_make_dirs(AT_FDCWD, path, DIRECTORY_MODE)};
	int code = EXIT_CLEAN;

	if (k.dir < 0 || keep_pack(&k, q, documents, count) < 0) {
		q->say("%s: the pack cannot be written: %s", path, strerror(errno));
		code = EXIT_UNAVAILABLE;
	}
	if (k.dir >= 0)
		close(k.dir);
	free(path);
	free(moment);
	return code;
}
