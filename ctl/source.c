/* source list: where files come from, as the daemon last saw it. */
#include "ctl/daemon_answer.h"
#include "ctl/handlers.h"

static const struct column directory_columns[] = {
    {"name", "Source", COLUMN_TEXT, 8, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 2, NULL},
    {"poll", "Last poll", COLUMN_WORD, 0, 0, NULL},
    {"last_poll_us", "At (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"directory", "Directory", COLUMN_NAME, 16, 1, NULL},
    {"error", "Error", COLUMN_SENTENCE, 16, 0, NULL},
};

static const struct column server_columns[] = {
    {"source", "Source", COLUMN_TEXT, 8, 0, NULL},
    {"host", "Server", COLUMN_TEXT, 12, 1, NULL},
    {"port", "Port", COLUMN_TEXT, 0, 5, NULL},
    {"state", "State", COLUMN_WORD, 0, 4, NULL},
    {"poll", "Last poll", COLUMN_WORD, 0, 0, NULL},
    {"last_poll_us", "At (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"success_us", "Last success (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"next_us", "Next poll (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"fetched", "Fetched", COLUMN_NUMBER, 0, 0, NULL},
    {"waiting", "Waiting", COLUMN_NUMBER, 0, 4, NULL},
    {"refused", "Not taken", COLUMN_NUMBER, 0, 4, NULL},
    {"failures", "Failures", COLUMN_NUMBER, 0, 5, NULL},
    {"stage", "At", COLUMN_WORD, 0, 5, NULL},
    {"error", "Last error", COLUMN_SENTENCE, 16, 0, NULL},
};

int
run_source_list(struct session *s)
{
	struct json *answer;
	int code = session_config(s);

	if (code == EXIT_CLEAN)
		code = daemon_status(s, &answer);
	if (code != EXIT_CLEAN)
		return code;
	struct document *d = document_new("sources", NULL);
	struct table *directories =
	    document_add(d, "directories", "Directories", TABLE_ROWS, COLUMNS(directory_columns));
	struct table *servers = document_add(d, "servers", "Servers", TABLE_ROWS, COLUMNS(server_columns));
	const struct json *list = json_get(answer, "sources");

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *n = json_item(list, i);
		const struct json *server = json_get(n, "sftp");
		if (json_is_map(server))
			daemon_row(servers, server);
		else
			daemon_row(directories, n);
	}
	if (directories->rows + servers->rows == 0)
		table_empty(directories, "the configuration has no source");
	json_free(answer);
	code = session_show(s, d);
	document_free(d);
	return code;
}
