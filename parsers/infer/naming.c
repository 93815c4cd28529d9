/* What a column is for: a name of ours where its heading or its values say so, else a free one. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "parsers/infer/infer_internal.h"

static bool
heading_has(const struct column *c, const char *const *words)
{
	char lower[SAMPLE_NAME_BYTES];
	uint32_t n = c->heading.len < sizeof(lower) - 1 ? c->heading.len : (uint32_t) sizeof(lower) - 1;

	for (uint32_t i = 0; i < n; i++)
		lower[i] = (char) tolower((unsigned char) c->heading.data[i]);
	lower[n] = '\0';
	for (; *words != NULL; words++)
		if (strstr(lower, *words) != NULL)
			return true;
	return false;
}

static bool
taken(const struct sample_type *t, const char *name)
{
	for (uint32_t c = 0; c < t->columns; c++)
		if (strcmp(t->column[c].name, name) == 0)
			return true;
	return false;
}

/* The first column that nobody has named and that fits gets the name. */
static void
name_one(struct sample_type *t, const char *name,
         bool (*fits)(const struct sample_type *, const struct column *), const char *const *headings)
{
	for (uint32_t c = 0; c < t->columns; c++)
		if (t->column[c].name[0] == '\0' && t->column[c].filled > 0 && fits(t, &t->column[c]) &&
		    (headings == NULL || heading_has(&t->column[c], headings))) {
			snprintf(t->column[c].name, SAMPLE_NAME_BYTES, "%s", name);
			return;
		}
}

/* Parts of words for a reference, in the languages of the headings below. */
static const char *const reference[] = {"ref",     "rif",   "rence",   "auftrag", "buchung",
                                        "booking", "order", "reserva", "pedido",  NULL};

static bool
every_row(const struct sample_type *t, const struct column *c)
{
	return c->filled == t->rows;
}

static bool
is_key(const struct sample_type *t, const struct column *c)
{
	return every_row(t, c) && c->different == t->rows && (c->longest >= 4 || heading_has(c, reference)) &&
	       !c->runs && (c->holds == HOLDS_ID || c->holds == HOLDS_INTEGER || c->holds == HOLDS_UUID);
}

static bool
is_uuid_key(const struct sample_type *t, const struct column *c)
{
	return every_row(t, c) && c->holds == HOLDS_UUID;
}

static bool
is_whole(const struct sample_type *t, const struct column *c)
{
	(void) t;
	return c->holds == HOLDS_INTEGER && c->longest <= 15 && !c->runs;
}

static bool
is_large(const struct sample_type *t, const struct column *c)
{
	/* without a heading a number may be anything */
	return c->heading.len > 0 && is_whole(t, c) && every_row(t, c) && c->different > 1 && c->longest >= 3;
}

static bool
is_status(const struct sample_type *t, const struct column *c)
{
	return every_row(t, c) && c->words > 0 && c->holds != HOLDS_DATE && c->longest <= 40;
}

static bool
is_small_set(const struct sample_type *t, const struct column *c)
{
	return is_status(t, c) && c->words > 1 && c->different < t->rows;
}

static bool
is_text(const struct sample_type *t, const struct column *c)
{
	(void) t;
	return c->holds == HOLDS_ID || c->holds == HOLDS_INTEGER || c->holds == HOLDS_TEXT;
}

static bool
is_sometimes(const struct sample_type *t, const struct column *c)
{
	return c->holds == HOLDS_ID && c->filled < t->rows && c->longest <= 12;
}

static bool
is_currency(const struct sample_type *t, const struct column *c)
{
	(void) t;
	if (c->holds != HOLDS_ID || c->shortest != 3 || c->longest != 3 || c->words == 0)
		return false;
	for (uint32_t w = 0; w < c->words; w++)
		for (int i = 0; i < 3; i++)
			if (!isupper((unsigned char) c->word[w].text.data[i]))
				return false;
	return true;
}

static bool
is_date(const struct sample_type *t, const struct column *c)
{
	(void) t;
	return c->holds == HOLDS_DATE && c->longest > 5;
}

static bool
is_decimal(const struct sample_type *t, const struct column *c)
{
	(void) t;
	return c->holds == HOLDS_DECIMAL;
}

/* Headings in English, German, French, Spanish, Italian, Portuguese and Dutch: parts of words, in ASCII,
 * since an accent may be written in any encoding. */
static const char *const status[] = {"status",  "result", "outcome",  "verdict",   "state",
                                     "esito",   "stato",  "estado",   "statut",    "ergebnis",
                                     "antwort", "sultat", "resposta", "respuesta", NULL};
static const char *const reason[] = {"reason", "error", "code",  "grund",  "motif", "motiv",
                                     "raison", "causa", "reden", "fehler", NULL};
static const char *const points[] = {"point",  "mile",  "avios", "punkt",  "meil",   "puntos", "punti",
                                     "pontos", "milha", "milla", "miglia", "punten", "mijl",   NULL};
static const char *const member[] = {"member",  "relation",  "card",  "account",   "loyalty", "flyer",
                                     "flieger", "mitglied",  "karte", "konto",     "kunde",   "membre",
                                     "client",  "carte",     "socio", "tarjeta",   "titular", "cart",
                                     "tessera", "lidnummer", "klant", "pasnummer", NULL};
static const char *const amount[] = {"amount", "betrag", "montant", "importe", "importo",
                                     "valor",  "bedrag", "summe",   NULL};

bool
named_as_points(const struct column *c)
{
	return c->heading.len > 0 && heading_has(c, points) && !heading_has(c, amount);
}

/* Names of ours for what seems to be that; first where the partner's heading says so. */
static void
name_answer(struct sample_type *t)
{
	name_one(t, "external_reference", is_uuid_key, NULL);
	name_one(t, "status", is_status, status);
	name_one(t, "points", is_whole, points);
	name_one(t, "member", is_text, member);
	name_one(t, "currency", is_currency, NULL);
	name_one(t, "reason", is_text, reason);
	name_one(t, "date", is_date, NULL);
	name_one(t, "amount", is_decimal, amount);
	if (!taken(t, "amount"))
		name_one(t, "amount", is_decimal, NULL);
	if (!taken(t, "external_reference"))
		name_one(t, "outbound_reference", is_key, NULL);
	if (!taken(t, "status"))
		name_one(t, "status", is_small_set, NULL);
	if (!taken(t, "points"))
		name_one(t, "points", is_large, NULL);
	if (!taken(t, "reason"))
		name_one(t, "reason", is_sometimes, NULL);
}

/* Also of one behind it, which has a name of ours. */
static bool
is_anothers(const struct sample_type *t, uint32_t number)
{
	for (uint32_t k = 0; k < t->columns; k++)
		if (k != number && strcmp(t->column[k].name, t->column[number].name) == 0)
			return true;
	return false;
}

/* A free name from the heading: a letter, then letters, digits and '_'. */
static void
name_freely(struct sample_type *t, uint32_t number)
{
	static const char *const ours[] = {"external_reference",
	                                   "outbound_reference",
	                                   "outbound_line",
	                                   "partner_reference",
	                                   "member",
	                                   "programme",
	                                   "merchant",
	                                   "points",
	                                   "amount",
	                                   "currency",
	                                   "transaction_type",
	                                   "date",
	                                   "reason",
	                                   "reason_text",
	                                   "change",
	                                   "sequence",
	                                   "business_date",
	                                   "file_id",
	                                   "partner_id",
	                                   "original_message",
	                                   "test",
	                                   "lists",
	                                   "lines",
	                                   NULL};
	struct column *c = &t->column[number];
	char name[SAMPLE_NAME_BYTES - 12];
	size_t n = 0;

	for (uint32_t i = 0; i < c->heading.len && n + 1 < sizeof(name); i++) {
		unsigned char byte = (unsigned char) c->heading.data[i];

		if (byte < 0x80 && isalnum(byte) && (n > 0 || isalpha(byte)))
			name[n++] = (char) tolower(byte);
		else if (n > 0 && name[n - 1] != '_')
			name[n++] = '_';
	}
	while (n > 0 && name[n - 1] == '_')
		n--;
	name[n] = '\0';
	if (n == 0)
		snprintf(c->name, sizeof(c->name), "column_%u", number + 1);
	else
		snprintf(c->name, sizeof(c->name), "%s", name);
	for (const char *const *o = ours; *o != NULL; o++)
		if (strcmp(c->name, *o) == 0)
			snprintf(c->name, sizeof(c->name), "their_%s", name);
	if (is_anothers(t, number))
		snprintf(c->name, sizeof(c->name), "column_%u", number + 1);
	for (uint32_t again = 2; is_anothers(t, number); again++)
		snprintf(c->name, sizeof(c->name), "column_%u_%u", number + 1, again);
}

struct column *
column_named(struct sample_type *t, const char *name)
{
	for (uint32_t c = 0; c < t->columns; c++)
		if (strcmp(t->column[c].name, name) == 0)
			return &t->column[c];
	return NULL;
}

void
name_columns(struct sample_type *t)
{
	if (t->role == SAMPLE_ENTRY)
		name_answer(t);
	for (uint32_t c = 0; c < t->columns; c++)
		if (t->column[c].name[0] == '\0')
			name_freely(t, c);
}
