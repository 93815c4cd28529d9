/* The wrapper of libxlsxwriter. */
#include "lib/finance/sheet/sheet.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "lib/base/text.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/output/number.h"
#include "lib/finance/output/render.h"
#include "lib/finance/sheet/name.h"
#include "lib/finance/sheet/whole.h"

#define ABOUT "about"
#define SOURCE "source" /* the last table of reports of one snapshot */
/* A number of a cell is a binary one of 53 bits: of so many digits it keeps each. */
#define EXACT_DIGITS 15
#define MOST_COLUMNS 64
#define NARROW 10
#define WIDE 44

/* How a cell looks. */
enum look { LOOK_TEXT, LOOK_HEAD, LOOK_TITLE, LOOK_NUMBER, LOOK_DECIMAL, LOOK_TIME, LOOK_COUNT };
#define LOOK_PLACES 4 /* LOOK_DECIMAL with 1, 2, 3 and 4 places follow */

struct sheet_book {
	FILE *file; /* where the library puts the workbook */
	lxw_workbook *book;
	lxw_format *looks[LOOK_COUNT + LOOK_PLACES];
	lxw_worksheet *about, *sheet;
	lxw_row_t about_row, row;
	char *name; /* of the newest sheet, without its number */
	unsigned part;
	const struct column *columns; /* its table's */
	int column_count;
};

static void
make_looks(struct sheet_book *b)
{
	static const char *const forms[LOOK_COUNT + LOOK_PLACES] = {[LOOK_TEXT] = "@",
	                                                            [LOOK_NUMBER] = "#,##0",
	                                                            [LOOK_DECIMAL] = "#,##0",
	                                                            [LOOK_TIME] = "yyyy-mm-dd hh:mm:ss",
	                                                            [LOOK_COUNT] = "#,##0.0",
	                                                            [LOOK_COUNT + 1] = "#,##0.00",
	                                                            [LOOK_COUNT + 2] = "#,##0.000",
	                                                            [LOOK_COUNT + 3] = "#,##0.0000"};

	for (int i = 0; i < LOOK_COUNT + LOOK_PLACES; i++) {
		b->looks[i] = workbook_add_format(b->book);
		if (b->looks[i] == NULL)
			mem_none();
		if (forms[i] != NULL)
			format_set_num_format(b->looks[i], forms[i]);
		if (i == LOOK_HEAD || i == LOOK_TITLE)
			format_set_bold(b->looks[i]);
	}
	format_set_bottom(b->looks[LOOK_HEAD], LXW_BORDER_THIN);
	format_set_font_size(b->looks[LOOK_TITLE], 14);
}

static bool
done(lxw_error error)
{
	if (error == LXW_NO_ERROR)
		return true;
	if (errno == 0 || error != LXW_ERROR_CREATING_TMPFILE)
		errno = error == LXW_ERROR_MEMORY_MALLOC_FAILED ? ENOMEM : EIO;
	return false;
}

struct sheet_book *
sheet_new(const char *company)
{
	struct sheet_book *b = mem_new(1, sizeof(*b));
	lxw_workbook_options options = {.constant_memory = LXW_TRUE};
	char path[32];

	b->file = tmpfile();
	if (b->file == NULL) {
		free(b);
		return NULL;
	}
	/* it wants a name; this one is nobody else's, and gone when we are */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(b->file));
	b->book = workbook_new_opt(path, &options);
	if (b->book == NULL)
		mem_none();
	make_looks(b);
	b->about = workbook_add_worksheet(b->book, ABOUT);
	if (b->about == NULL) {
		sheet_free(b);
		errno = EIO;
		return NULL;
	}
	worksheet_set_column(b->about, 0, 0, WIDE * 2, NULL);
	if (company != NULL) {
		char *text = sheet_text(company);
		lxw_doc_properties properties = {.company = text};

		workbook_set_properties(b->book, &properties);
		free(text);
		if (!sheet_about(b, company)) {
			sheet_free(b);
			return NULL;
		}
	}
	return b;
}

void
sheet_free(struct sheet_book *b)
{
	if (b == NULL)
		return;
	/* a workbook that was not closed cannot be freed by the library's contract but this way */
	if (b->book != NULL)
		lxw_workbook_free(b->book);
	if (b->file != NULL)
		fclose(b->file);
	free(b->name);
	free(b);
}

/* ---- cells ---- */

static bool
put_text(lxw_worksheet *sheet, lxw_row_t row, lxw_col_t column, const char *text, lxw_format *look)
{
	char *shown = sheet_text(text);
	bool put = done(worksheet_write_string(sheet, row, column, shown, look));

	free(shown);
	return put;
}

/* A number that a cell keeps exactly: *ret_places of its digits stand behind the point. */
static bool
read_number(const char *text, int64_t *ret_digits, int *ret_places)
{
	char digits[EXACT_DIGITS + 2];
	const char *point = strchr(text, '.');
	size_t places = point != NULL ? strlen(point + 1) : 0, whole = strlen(text) - places - (point != NULL);

	if (!number_is_plain(text) || whole + places > sizeof(digits) - 1 ||
	    whole + places - (*text == '-') > EXACT_DIGITS || places > LOOK_PLACES)
		return false;
	snprintf(digits, sizeof(digits), "%.*s%s", (int) whole, text, point != NULL ? point + 1 : "");
	*ret_places = (int) places;
	return text_int(digits, INT64_MIN, INT64_MAX, ret_digits);
}

static bool
put_number(struct sheet_book *b, lxw_col_t column, const char *text)
{
	static const int powers[LOOK_PLACES + 1] = {1, 10, 100, 1000, 10000};
	int64_t digits;
	int places;

	if (!read_number(text, &digits, &places))
		return put_text(b->sheet, b->row, column, text, b->looks[LOOK_TEXT]);
	/* both are whole and exact, so that this is the number nearest to what the text says, and shown as it */
	double number = (double) digits / powers[places];
	return done(worksheet_write_number(b->sheet, b->row, column, number,
	                                   b->looks[places > 0 ? LOOK_COUNT + places - 1 : LOOK_NUMBER]));
}

/* "2026-01-31 23:59:59.123456+00", to the second; false for what is none. */
static bool
read_time(const char *text, lxw_datetime *ret)
{
	struct tm at = {0};
	const char *end = strptime(text, "%Y-%m-%d %H:%M:%S", &at);

	if (end == NULL || strcmp(text + strlen(text) - 3, "+00") != 0 || at.tm_year < 0 || at.tm_sec > 59)
		return false;
	*ret = (lxw_datetime){at.tm_year + 1900, at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec};
	return true;
}

static bool
put_cell(struct sheet_book *b, int column, const char *cell)
{
	enum column_kind kind = b->columns[column].kind;
	lxw_col_t at = (lxw_col_t) column;
	lxw_datetime time;

	if (cell == NULL)
		return true;
	if (column_is_number(kind))
		return put_number(b, at, cell);
	if (kind == COLUMN_TIME && read_time(cell, &time))
		return done(worksheet_write_datetime(b->sheet, b->row, at, &time, b->looks[LOOK_TIME]));
	if (kind == COLUMN_BOOL)
		cell = strcmp(cell, "t") == 0 ? "yes" : "no";
	return put_text(b->sheet, b->row, at, cell, b->looks[LOOK_TEXT]);
}

/* ---- sheets ---- */

static int
width_of(const struct column *c)
{
	int title = (int) strlen(c->title) + 3, least = c->min_width > 0 ? c->min_width + 4 : NARROW;

	if (c->kind == COLUMN_TIME)
		least = 20;
	else if (c->kind == COLUMN_SENTENCE || c->kind == COLUMN_NAME)
		least = WIDE;
	return title > least ? title : least;
}

static bool
next_sheet(struct sheet_book *b)
{
	char name[SHEET_NAME_BYTES + 1];

	do
		sheet_name(name, b->name, ++b->part);
	while (workbook_get_worksheet_by_name(b->book, name) != NULL);
	b->sheet = workbook_add_worksheet(b->book, name);
	if (b->sheet == NULL) {
		errno = EIO;
		return false;
	}
	for (int i = 0; i < b->column_count; i++) {
		const struct column *c = &b->columns[i];
		lxw_col_t at = (lxw_col_t) i;

		worksheet_set_column(b->sheet, at, at, width_of(c), NULL);
		if (!put_text(b->sheet, 0, at, c->drop == FOR_MACHINES ? c->key : c->title, b->looks[LOOK_HEAD]))
			return false;
	}
	worksheet_freeze_panes(b->sheet, 1, 0);
	worksheet_repeat_rows(b->sheet, 0, 0);
	worksheet_set_landscape(b->sheet);
	worksheet_fit_to_pages(b->sheet, 1, 0);
	b->row = 1;
	return true;
}

bool
sheet_about(struct sheet_book *b, const char *text)
{
	lxw_row_t row = b->about_row++;

	return text == NULL || *text == '\0' ||
	       put_text(b->about, row, 0, text, row == 0 ? b->looks[LOOK_TITLE] : NULL);
}

bool
sheet_begin(struct sheet_book *b, const char *name, const struct table *t)
{
	free(b->name);
	b->name = mem_text(name);
	b->part = 0;
	b->columns = t->columns;
	b->column_count = t->column_count < MOST_COLUMNS ? t->column_count : MOST_COLUMNS;
	return next_sheet(b) && sheet_rows(b, t);
}

bool
sheet_rows(struct sheet_book *b, const struct table *t)
{
	for (size_t row = 0; row < t->rows; row++) {
		if (b->row == LXW_ROW_MAX && !next_sheet(b))
			return false;
		for (int i = 0; i < b->column_count; i++)
			if (!put_cell(b, i, table_cell(t, row, i)))
				return false;
		b->row++;
	}
	return true;
}

static bool
about_table(struct sheet_book *b, const struct table *t)
{
	if (t->rows == 0 && t->empty != NULL && !sheet_about(b, t->empty))
		return false;
	for (size_t i = 0; i < t->note_count; i++)
		if (!sheet_about(b, t->notes[i]))
			return false;
	return true;
}

bool
sheet_document(struct sheet_book *b, const struct document *d)
{
	if (!sheet_about(b, d->title) || !sheet_about(b, d->subtitle))
		return false;
	for (size_t i = 0; i < d->table_count; i++) {
		const struct table *t = d->tables[i];

		bool again = strcmp(t->key, SOURCE) == 0 && workbook_get_worksheet_by_name(b->book, SOURCE) != NULL;

		if (!about_table(b, t) || (t->rows > 0 && !again && !sheet_begin(b, t->key, t)))
			return false;
	}
	return sheet_about(b, NULL);
}

/* ---- the end ---- */

/* The library looks at none of its writes.  How many bytes of rows there are, or -1 where one was lost. */
static int64_t
bytes_of_rows(const struct sheet_book *b)
{
	lxw_worksheet *sheet;
	int64_t bytes = 0;

	STAILQ_FOREACH(sheet, b->book->worksheets, list_pointers)
	{
		FILE *rows = sheet->optimize_tmpfile;

		if (rows != NULL && (fflush(rows) != 0 || ferror(rows)))
			return -1;
		bytes += rows != NULL ? ftell(rows) : 0;
	}
	return bytes;
}

static bool
copy(FILE *from, FILE *out)
{
	char buffer[65536];

	rewind(from);
	for (size_t len; (len = fread(buffer, 1, sizeof(buffer), from)) > 0;)
		if (fwrite(buffer, 1, len, out) != len)
			return false;
	return !ferror(from);
}

bool
sheet_end(struct sheet_book *b, FILE *out)
{
	int64_t rows = bytes_of_rows(b);

	if (rows < 0)
		return false;
	lxw_workbook *book = b->book;
	b->book = NULL; /* the library frees it, whatever comes of it */
	errno = 0;
	if (!done(workbook_close(book)))
		return false;
	if (whole_sheet_bytes(b->file) < rows) {
		errno = EIO;
		return false;
	}
	return copy(b->file, out) && fflush(out) == 0;
}

int
sheet_write(FILE *out, const char *company, struct document *const *documents, size_t count)
{
	struct sheet_book *b = sheet_new(company);
	bool written = b != NULL;

	for (size_t i = 0; i < count && written; i++)
		written = sheet_document(b, documents[i]);
	written = written && sheet_end(b, out);
	int error = errno;
	sheet_free(b);
	errno = error;
	return written ? 0 : -1;
}

static bool
rows_to_sink(struct sink *s, const struct table *t, bool first)
{
	s->tables += first;
	return first ? sheet_begin(s->book, t->key, t) : sheet_rows(s->book, t);
}

static bool
end_of_sink(struct sink *s)
{
	bool ended = sheet_end(s->book, s->out);
	int error = errno;

	sheet_free(s->book);
	errno = error;
	return ended;
}

bool
sheet_sink(struct sink *ret, FILE *out, const char *company, const char *title, const char *subtitle)
{
	struct sheet_book *b = sheet_new(company);

	if (b == NULL || !sheet_about(b, title) || !sheet_about(b, subtitle)) {
		int error = errno;

		sheet_free(b);
		errno = error;
		return false;
	}
	*ret = (struct sink){.out = out, .book = b, .rows = rows_to_sink, .end = end_of_sink};
	return true;
}
