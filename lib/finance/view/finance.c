#include "lib/finance/view/finance.h"

#include <string.h>

#include "lib/finance/output/memory.h"
#include "lib/finance/view/view_sql.h"

#define VALUES 5

const struct finance_report *const finance_reports[] = {&report_roll_forward,
                                                        &report_ageing,
                                                        &report_reasons,
                                                        &report_deliveries,
                                                        &report_decisions,
                                                        &report_trend,
                                                        &report_points,
                                                        NULL};

const struct finance_report *
finance_find(const char *name)
{
	for (int i = 0; finance_reports[i] != NULL; i++)
		if (strcmp(finance_reports[i]->name, name) == 0)
			return finance_reports[i];
	return NULL;
}

static char *
scope_words(const struct finance_report *report, const struct finance_asked *asked)
{
	const struct period *period = &asked->period;
	const char *partner = asked->partner != NULL ? asked->partner : "";
	const char *comma = asked->partner != NULL ? ", partner " : "";

	if (report->of_a_moment)
		return mem_format("%s%s%s%s. Days and times are UTC.", *period->last ? "At the end of " : "Now",
		                  period->last, comma, partner);
	return mem_format("From %.10s to %s%s%s. Days and times are UTC.",
	                  *period->from ? period->from : "the first", *period->last ? period->last : "now", comma,
	                  partner);
}

static int
fill_table(const struct query *q, struct document *d, const struct report_table *part,
           const char *const *values)
{
	struct table *t = document_add(d, part->key, part->title, part->shape, part->columns, part->column_count);

	if (part->empty != NULL)
		table_empty(t, part->empty);
	int code = query_fill(q, t, part->sql, part->params, values);
	if (code != EXIT_CLEAN)
		return code;
	t->series = part->series;
	if (part->note != NULL)
		table_note(t, mem_text(part->note));
	if (part->params == VALUES && query_is_cut(q, t))
		query_note_cut(q, t, "the first", "--all shows every one");
	return code;
}

static int
fill(const struct query *q, struct document *d, const struct finance_report *report,
     const struct finance_asked *asked)
{
	const char *by = asked->by != NULL ? asked->by : report->by != NULL ? report->by[0] : NULL;
	const char *values[VALUES] = {asked->partner, text_or_null(asked->period.from),
	                              text_or_null(asked->period.to), asked->rows != NULL ? asked->rows : by,
	                              q->limit};
	int code = EXIT_CLEAN;

	if (asked->rows != NULL && code == EXIT_CLEAN)
		return fill_table(q, d, report->rows, values);
	for (size_t i = 0; code == EXIT_CLEAN && i < report->table_count; i++)
		code = fill_table(q, d, &report->tables[i], values);
	return code;
}

int
finance_source(const struct query *q, struct document *d)
{
	const struct report_table *source = &report_tables[report_table_count - 1];
	const char *none[VALUES] = {NULL};
	struct table *t =
	    document_add(d, source->key, source->title, source->shape, source->columns, source->column_count);

	return query_fill(q, t, source->sql, source->params, none);
}

int
finance_take_here(const struct query *q, const struct finance_report *report,
                  const struct finance_asked *asked, struct document **ret)
{
	struct document *d = document_new(report->name, report->title);
	int code = fill(q, d, report, asked);

	document_subtitle(d, scope_words(report, asked));
	if (code == EXIT_CLEAN)
		code = finance_source(q, d);
	if (code != EXIT_CLEAN || asked->rows != NULL || report->prove == NULL)
		return query_end(d, code, ret);
	*ret = d;
	return report->prove(q, d);
}

int
finance_take(const struct query *q, const struct finance_report *report, const struct finance_asked *asked,
             struct document **ret)
{
	enum pg_status status = pg_begin_snapshot(q->pg);
	int code = status == PG_OK ? finance_take_here(q, report, asked, ret) : query_failed(q, status);

	pg_rollback(q->pg);
	return code;
}
