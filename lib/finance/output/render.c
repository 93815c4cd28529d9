/* What the formats share. */
#include "lib/finance/output/render.h"

#include "lib/finance/output/memory.h"
#include "lib/finance/output/number.h"

static const char *const names[] = {[FORMAT_TEXT] = "text",
                                    [FORMAT_JSON] = "json",
                                    [FORMAT_CSV] = "csv",
                                    [FORMAT_HTML] = "html",
                                    [FORMAT_XLSX] = "xlsx"};

int
format_from_name(const char *name)
{
	for (int i = 0; i < (int) (sizeof(names) / sizeof(names[0])); i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

const char *
format_name(enum format format)
{
	return names[format];
}

bool
format_is_for_machines(enum format format)
{
	return format == FORMAT_JSON || format == FORMAT_CSV || format == FORMAT_XLSX;
}

/* "2026-01-31 23:59:59.123+00" to "2026-01-31T23:59:59.123Z"; connections have the time zone UTC. */
static char *
iso_time(const char *cell)
{
	size_t len = strlen(cell);

	if (len < 19 || cell[10] != ' ' || strcmp(cell + len - 3, "+00") != 0)
		return mem_text(cell);
	return mem_format("%.10sT%.*sZ", cell, (int) (len - 14), cell + 11);
}

char *
cell_exact(enum column_kind kind, const char *cell)
{
	return kind == COLUMN_TIME ? iso_time(cell) : mem_text(cell);
}

char *
cell_shown(enum column_kind kind, const char *cell)
{
	switch (kind) {
	case COLUMN_NUMBER:
	case COLUMN_ZERO:
	case COLUMN_DECIMAL:
		return number_shown(cell);
	case COLUMN_TIME:
		return mem_part(cell, strnlen(cell, 19));
	case COLUMN_BOOL:
		return mem_text(strcmp(cell, "t") == 0 ? "yes" : "no");
	case COLUMN_TEXT:
	case COLUMN_SENTENCE:
	case COLUMN_NAME:
	case COLUMN_WORD:
		break;
	}
	return mem_text(cell);
}

static enum ink
word_ink(const char *word)
{
	static const struct {
		const char *word;
		enum ink ink;
	} inks[] = {
	    {"posted", INK_GOOD},         {"confirmed", INK_GOOD},    {"ok", INK_GOOD},
	    {"approved", INK_GOOD},       {"reversed", INK_ACCENT},   {"reinstated", INK_ACCENT},
	    {"credited", INK_ACCENT},     {"held", INK_WAIT},         {"proposed", INK_WAIT},
	    {"warning", INK_WAIT},        {"duplicate", INK_DIM},     {"duplicate_record", INK_DIM},
	    {"already_applied", INK_DIM}, {"informational", INK_DIM}, {"closed", INK_DIM},
	    {"missing", INK_BAD},         {"failed", INK_BAD},        {"differs", INK_BAD},
	    {"error", INK_BAD},           {"overdue", INK_WAIT},      {"late", INK_WAIT},
	    {"refused", INK_BAD},
	};

	for (size_t i = 0; i < sizeof(inks) / sizeof(inks[0]); i++)
		if (strcmp(inks[i].word, word) == 0)
			return inks[i].ink;
	return INK_PLAIN;
}

enum ink
cell_ink(enum column_kind kind, const char *cell)
{
	if (cell != NULL && kind == COLUMN_ZERO)
		return strcmp(cell, "0") == 0 ? INK_GOOD : INK_BAD;
	return cell != NULL && kind == COLUMN_WORD ? word_ink(cell) : INK_PLAIN;
}
