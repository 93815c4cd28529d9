#include "web/desk/choose.h"

#include "lib/finance/output/memory.h"
#include "web/desk/desk_sql.h"
#include "web/desk/settings_sql.h"

static void
choose(const struct page_of *p, const char *sql, const char *name, const char *label, const char *chosen,
       const char *none)
{
	struct pg_result *r = NULL;

	if (pg_run(p->desk->query.pg, sql, 0, NULL, &r) != PG_OK)
		return;
	const char **words = mem_new((size_t) pg_rows(r) + 1, sizeof(*words));
	for (int i = 0; i < pg_rows(r); i++)
		words[i] = pg_text(r, i, 0);
	page_select(p->reply->out, name, label, words, chosen, none);
	free(words);
	pg_result_free(r);
}

void
choose_partner(const struct page_of *p, const char *chosen)
{
	choose(p, desk_partners, "partner", "Partner", chosen, "any");
}

void
choose_category(const struct page_of *p, const char *chosen)
{
	choose(p, desk_categories, "category", "Transaction category", chosen, "any");
}

void
choose_reason(const struct page_of *p, const char *chosen)
{
	choose(p, desk_reasons, "reason", "Reason", chosen, "any");
}

void
choose_programme(const struct page_of *p)
{
	choose(p, settings_programmes, "programme", "Programme", NULL, NULL);
}
