#include "lib/finance/output/sink.h"

static bool
rows_json(struct sink *s, const struct table *t, bool first)
{
	if (first)
		fprintf(s->out, "%s\n  \"%s\": [", s->tables++ == 0 ? "{" : "],", t->key);
	render_json_rows(s->out, t, first);
	return !ferror(s->out);
}

static bool
end_json(struct sink *s)
{
	fputs(s->tables == 0 ? "{}\n" : "]\n}\n", s->out);
	return fflush(s->out) == 0 && !ferror(s->out);
}

static bool
rows_csv(struct sink *s, const struct table *t, bool first)
{
	s->tables += first;
	if (s->tables == 1)
		render_csv_rows(s->out, t, first);
	return !ferror(s->out);
}

static bool
end_csv(struct sink *s)
{
	return fflush(s->out) == 0 && !ferror(s->out);
}

void
sink_open(struct sink *ret, enum format format, FILE *out)
{
	bool json = format == FORMAT_JSON;

	*ret = (struct sink){.out = out, .rows = json ? rows_json : rows_csv, .end = json ? end_json : end_csv};
}
