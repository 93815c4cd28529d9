/* transactions: the ledger's entries, by what finance filters for. */
#include "ctl/catalogue/transactions.h"

#include "ctl/ask.h"
#include "ctl/handlers.h"
#include "lib/base/text.h"
#include "lib/finance/sheet/sheet.h"

#define SHOWN "100"
#define DAYS_BEFORE 6

static int
ask_points(const struct session *s, enum option_id option, const char *name)
{
	int64_t number;

	if (s->value[option] == NULL || text_int(s->value[option], 1, INT64_MAX, &number))
		return EXIT_CLEAN;
	complain("--%s %s: a number above 0 is required", name, s->value[option]);
	return EXIT_USAGE;
}

int
ask_transactions(const struct session *s, struct transactions_asked *ret)
{
	int64_t type;
	int code;

	*ret = (struct transactions_asked){.programme = s->value[OPT_PROGRAMME],
	                                   .categories = s->value[OPT_CATEGORY],
	                                   .partner = s->value[OPT_PARTNER],
	                                   .member = s->value[OPT_MEMBER],
	                                   .type = s->value[OPT_TYPE],
	                                   .merchant = s->value[OPT_MERCHANT],
	                                   .state = s->value[OPT_STATE],
	                                   .fewest = s->value[OPT_POINTS_FROM],
	                                   .most = s->value[OPT_POINTS_TO],
	                                   .columns = s->value[OPT_COLUMNS]};
	code = ask_period(s, &ret->period);
	if (code == EXIT_CLEAN && ret->type != NULL && !text_int(ret->type, 1, INT32_MAX, &type)) {
		complain("--type %s: a transaction type is a number", ret->type);
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN)
		code = ask_points(s, OPT_POINTS_FROM, "points-from");
	return code == EXIT_CLEAN ? ask_points(s, OPT_POINTS_TO, "points-to") : code;
}

static int
write_all(const struct session *s, const struct transactions_asked *asked)
{
	struct sink sink;

	if (s->format == FORMAT_XLSX) {
		char *words = transactions_words(asked);
		bool begun = sheet_sink(&sink, stdout, s->query.company, "Transactions", words);

		free(words);
		if (!begun)
			return session_written(false);
	} else
		sink_open(&sink, s->format, stdout);
	return transactions_write(&s->query, asked, &sink, NULL);
}

int
run_transactions(struct session *s)
{
	struct transactions_asked asked;
	struct document *d = NULL;
	char buf[24];
	int code = ask_transactions(s, &asked);

	if (s->value[OPT_FROM] == NULL && s->value[OPT_TO] == NULL)
		period_of_days(DAYS_BEFORE, &asked.period);

	if (code == EXIT_CLEAN)
		code = ask_limit(s, SHOWN, buf, &s->query.limit);
	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code == EXIT_CLEAN)
		code = ask_names(s);
	if (code == EXIT_CLEAN)
		code = transactions_check(&s->query, &asked);
	if (code != EXIT_CLEAN)
		return code;
	if (format_is_for_machines(s->format) && s->value[OPT_TABLE] == NULL)
		return write_all(s, &asked);
	code = transactions_take(&s->query, &asked, &d);
	if (d != NULL) {
		int shown = session_show(s, d);

		document_free(d);
		code = code == EXIT_CLEAN ? shown : code;
	}
	return code;
}
