/* A .sql file that was compiled in (tools/embed_sql.py). */
#ifndef HANDBACK_BASE_SQL_FILE_H
#define HANDBACK_BASE_SQL_FILE_H

struct sql_file {
	const char *name; /* "0002_ledger.sql" */
	const char *text;
};

#endif
