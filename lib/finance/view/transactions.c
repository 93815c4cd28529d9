#include "lib/finance/view/transactions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/nearest.h"
#include "lib/base/sum.h"
#include "lib/base/text.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/view/view_sql.h"

#define FILTERS 11
#define PAGE "2000" /* what a page costs beside its rows is nothing then, and memory is bounded */

static const struct column all_columns[] = {
    {"entry", "Entry", COLUMN_NUMBER, 0, 5, NULL},
    {"at", "Posted (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 3, NULL},
    {"member", "Member", COLUMN_TEXT, 8, 0, NULL},
    {"category", "Transaction category", COLUMN_TEXT, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"change", "Balance by", COLUMN_NUMBER, 0, 6, NULL},
    {"merchant", "Merchant", COLUMN_TEXT, 8, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 4, NULL},
    {"type", "Type", COLUMN_NUMBER, 0, 4, NULL},
    {"amount", "Amount", COLUMN_DECIMAL, 0, 2, NULL},
    {"minor_units", "Minor units", COLUMN_NUMBER, 0, FOR_MACHINES, NULL},
    {"currency", "of", COLUMN_TEXT, 0, 2, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"reference", "Reference", COLUMN_TEXT, 36, 1, NULL},
    {"redemption", "of the redemption", COLUMN_TEXT, 36, 7, NULL},
    {"order", "Order", COLUMN_TEXT, 8, 6, NULL},
};
#define ALL ((int) (sizeof(all_columns) / sizeof(all_columns[0])))

static const struct column sum_columns[] = {
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"category", "Transaction category", COLUMN_TEXT, 0, 0, NULL},
    {"entries", "Entries", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"change", "Balances by", COLUMN_NUMBER, 0, 0, NULL},
};

const char *const transactions_states[] = {"open", "confirmed", "reversed", "reinstated", NULL};

/* What was asked, as the statements take it, and which columns are shown. */
struct asking {
	const struct query *q;
	const char *values[FILTERS + 2]; /* and after which entry, so many */
	const char *programme;
	struct column columns[ALL];
	int from[ALL]; /* which of all a column is */
	int count;
	char after[24];
	/* of what was shown, to compare with what is counted in another way */
	int64_t entries;
	sum_t change;
};

/* ---- what was asked ---- */

static bool
is_one_of(const char *word, size_t len, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strlen(*words) == len && strncmp(*words, word, len) == 0)
			return true;
	return false;
}

/* Every word of a list with commas is one of these, or it is said which is none. */
static int
check_words(const struct query *q, const char *what, const char *list, const char *const *words)
{
	for (size_t len; list != NULL && *list != '\0'; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (is_one_of(list, len, words))
			continue;
		char *word = mem_part(list, len);
		const char *near = nearest_word(word, words);
		q->say("%s %s: not known%s%s", what, word, near != NULL ? "; did you mean " : "",
		       near != NULL ? near : "");
		free(word);
		return EXIT_USAGE;
	}
	return EXIT_CLEAN;
}

static int
check_categories(const struct query *q, const char *list)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(q->pg, sql_transaction_categories, 0, NULL, &r);

	if (status != PG_OK)
		return query_failed(q, status);
	const char **words = mem_new((size_t) pg_rows(r) + 1, sizeof(char *));
	for (int i = 0; i < pg_rows(r); i++)
		words[i] = pg_text_of(r, i, "category");
	int code = check_words(q, "--category", list, words);
	free(words);
	pg_result_free(r);
	return code;
}

int
transactions_check(const struct query *q, const struct transactions_asked *asked)
{
	const char *keys[ALL + 1] = {NULL};
	int code;

	for (int i = 0; i < ALL; i++)
		keys[i] = all_columns[i].key;
	code = check_words(q, "--columns", asked->columns, keys);
	if (code == EXIT_CLEAN && asked->state != NULL &&
	    !is_one_of(asked->state, strlen(asked->state), transactions_states)) {
		q->say("--state %s: not known; use open, confirmed, reversed or reinstated", asked->state);
		code = EXIT_USAGE;
	}
	return code == EXIT_CLEAN && asked->categories != NULL ? check_categories(q, asked->categories) : code;
}

static void
choose(struct asking *a, const char *columns)
{
	for (int i = 0; columns == NULL && i < ALL; i++) {
		a->from[a->count] = i;
		a->columns[a->count++] = all_columns[i];
	}
	for (size_t len; columns != NULL && *columns != '\0' && a->count < ALL;
	     columns += len + (columns[len] == ',')) {
		len = strcspn(columns, ",");
		for (int i = 0; i < ALL; i++)
			if (strlen(all_columns[i].key) == len && strncmp(all_columns[i].key, columns, len) == 0) {
				a->from[a->count] = i;
				a->columns[a->count] = all_columns[i];
				/* what a person names is shown */
				a->columns[a->count++].drop = 0;
			}
	}
}

static void
prepare(struct asking *a, const struct query *q, const struct transactions_asked *asked)
{
	const char *values[FILTERS] = {asked->programme,
	                               asked->categories,
	                               asked->partner,
	                               asked->member,
	                               asked->type,
	                               asked->merchant,
	                               asked->state,
	                               text_or_null(asked->period.from),
	                               text_or_null(asked->period.to),
	                               asked->fewest,
	                               asked->most};

	*a = (struct asking){.q = q, .programme = asked->programme};
	memcpy(a->values, values, sizeof(values));
	snprintf(a->after, sizeof(a->after), "%s", asked->after != NULL ? asked->after : "");
	choose(a, asked->columns);
}

/* ---- rows ---- */

/* One page, of so many rows at most, into the table; *ret_rows: how many there were. */
static int
fill_page(struct asking *a, struct table *t, const char *most, int *ret_rows)
{
	const char *cells[ALL];
	struct pg_result *r = NULL;

	a->values[FILTERS] = text_or_null(a->after);
	a->values[FILTERS + 1] = most;
	enum pg_status status = pg_run(a->q->pg, sql_transactions, FILTERS + 2, a->values, &r);
	if (status != PG_OK)
		return query_failed(a->q, status);
	for (int row = 0; row < pg_rows(r); row++) {
		for (int i = 0; i < a->count; i++)
			cells[i] = pg_null(r, row, a->from[i]) ? NULL : pg_text(r, row, a->from[i]);
		table_row(t, cells);
		a->change += pg_int_of(r, row, "change");
	}
	*ret_rows = pg_rows(r);
	a->entries += *ret_rows;
	if (*ret_rows > 0)
		snprintf(a->after, sizeof(a->after), "%s", pg_text_of(r, *ret_rows - 1, "entry"));
	pg_result_free(r);
	return EXIT_CLEAN;
}

/* ---- sums ---- */

/* Everything there is of what was asked for was shown: is it what the other way of counting found? */
static int
compare(const struct asking *a, const struct table *sums)
{
	char shown[SUM_TEXT_SIZE], found[SUM_TEXT_SIZE];
	int64_t entries = 0, number;
	sum_t change = 0;

	for (size_t row = 0; row < sums->rows; row++) {
		if (text_int(table_cell(sums, row, table_column(sums, "entries")), 0, INT64_MAX, &number))
			entries += number;
		if (text_int(table_cell(sums, row, table_column(sums, "change")), INT64_MIN, INT64_MAX, &number))
			change += number;
	}
	if (entries == a->entries && change == a->change)
		return EXIT_CLEAN;
	a->q->say("the %" PRId64 " entries that are shown change balances by %s, the ledger counts %" PRId64
	          " by %s",
	          a->entries, sum_text(shown, a->change), entries, sum_text(found, change));
	return EXIT_PROOF;
}

/* Do members hold what all entries of the programme say? */
static int
prove_balances(const struct asking *a)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(a->q->pg, sql_transaction_balances, 1, &a->programme, &r);

	if (status != PG_OK)
		return query_failed(a->q, status);
	int code = pg_rows(r) > 0 ? EXIT_PROOF : EXIT_CLEAN;
	for (int i = 0; i < pg_rows(r); i++)
		a->q->say("programme %s: entries say %s points, balances %s; `handbackctl audit verify` shows more",
		          pg_text_of(r, i, "programme"), pg_text_of(r, i, "entries"), pg_text_of(r, i, "balances"));
	pg_result_free(r);
	return code;
}

static int
fill_sums(struct asking *a, struct document *d, bool all)
{
	struct table *t = document_add(d, "sums", "Sums", TABLE_ROWS, COLUMNS(sum_columns));
	int code = query_fill(a->q, t, sql_transaction_sums, FILTERS, a->values);

	table_empty(t, "nothing");
	if (code == EXIT_CLEAN && all)
		code = compare(a, t);
	return code == EXIT_CLEAN ? prove_balances(a) : code;
}

/* ---- for people ---- */

static struct table *
add_rows(struct asking *a, struct document *d)
{
	struct table *t = document_add(d, "transactions", NULL, TABLE_ROWS, a->columns, a->count);

	table_empty(t, "no such transaction");
	return t;
}

char *
transactions_words(const struct transactions_asked *asked)
{
	const struct period *p = &asked->period;

	return mem_format("From %.10s to %s. Days and times are UTC.", *p->from ? p->from : "the first",
	                  *p->last ? p->last : "now");
}

/* One page after another; enough: how many rows there may be, NULL for all. */
static int
fill_all(struct asking *a, struct table *t)
{
	int rows = 0, code;

	if (a->q->limit != NULL)
		return fill_page(a, t, a->q->limit, &rows);
	do
		code = fill_page(a, t, PAGE, &rows);
	while (code == EXIT_CLEAN && rows > 0);
	return code;
}

int
transactions_take(const struct query *q, const struct transactions_asked *asked, struct document **ret)
{
	static struct asking a; /* its columns outlive the document */
	struct document *d = document_new("transactions", "Transactions");

	prepare(&a, q, asked);
	document_subtitle(d, transactions_words(asked));
	struct table *t = add_rows(&a, d);
	enum pg_status status = pg_begin_snapshot(q->pg);
	int code = status == PG_OK ? fill_all(&a, t) : query_failed(q, status);
	bool cut = query_is_cut(q, t);
	if (cut)
		query_note_cut(q, t, "the first", "--all shows every one");
	if (code == EXIT_CLEAN)
		code = fill_sums(&a, d, !cut && asked->after == NULL);
	pg_rollback(q->pg);
	if (code != EXIT_PROOF)
		return query_end(d, code, ret);
	*ret = d;
	return code;
}

/* ---- for machines ---- */

static int
written(const struct query *q, bool so)
{
	if (so || errno == EPIPE)
		return EXIT_CLEAN;
	q->say("cannot write: %s", strerrordesc_np(errno));
	return EXIT_INTERNAL;
}

/* A page is a table of its own, which is gone when the next one comes. */
static int
write_pages(struct asking *a, struct sink *sink)
{
	int rows = 0, code;
	int64_t limit = 0;
	bool bounded = a->q->limit != NULL && text_int(a->q->limit, 1, INT64_MAX, &limit);

	do {
		struct document *page = document_new("transactions", NULL);
		struct table *t = add_rows(a, page);
		bool first = a->entries == 0;
		char most[24] = PAGE;

		if (bounded && limit - a->entries < (int64_t) strtol(PAGE, NULL, 10))
			snprintf(most, sizeof(most), "%" PRId64, limit - a->entries);
		code = fill_page(a, t, most, &rows);
		if (code == EXIT_CLEAN && (rows > 0 || first))
			code = written(a->q, sink->rows(sink, t, first));
		document_free(page);
	} while (code == EXIT_CLEAN && rows > 0 && !(bounded && a->entries == limit));
	return code;
}

static char *
lines_of(const struct table *sums)
{
	char *lines = mem_text("");

	for (size_t row = 0; row < sums->rows; row++) {
		char *more = mem_format("%s%s, %s: %s entries, %s points\n", lines, table_cell(sums, row, 0),
		                        table_cell(sums, row, 1), table_cell(sums, row, 2), table_cell(sums, row, 3));
		free(lines);
		lines = more;
	}
	return lines;
}

static int
write_sums(struct asking *a, struct sink *sink, struct transactions_found *ret)
{
	struct document *d = document_new("transactions", NULL);
	int code = fill_sums(a, d, a->q->limit == NULL);
	int shown = written(a->q, sink->rows(sink, d->tables[0], true));

	if (ret != NULL)
		*ret = (struct transactions_found){a->entries, lines_of(d->tables[0])};
	document_free(d);
	return code == EXIT_CLEAN ? shown : code;
}

int
transactions_write(const struct query *q, const struct transactions_asked *asked, struct sink *sink,
                   struct transactions_found *ret)
{
	struct asking a;
	enum pg_status status = pg_begin_snapshot(q->pg);

	prepare(&a, q, asked);
	int code = status == PG_OK ? write_pages(&a, sink) : query_failed(q, status);
	if (code == EXIT_CLEAN)
		code = write_sums(&a, sink, ret);
	pg_rollback(q->pg);
	int ended = written(q, sink->end(sink));
	return code == EXIT_CLEAN ? ended : code;
}
