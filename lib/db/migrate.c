#include "lib/db/migrate.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/db/db_sql.h"
#include "lib/hash/sha256.h"
#include "schema/present_sql.h"
#include "schema/schema_sql.h"

struct numbered {
	int version;
	const struct sql_file *file;
	char sha256[TEXT_HEX_SIZE(SHA256_BYTES)];
};

__attribute__((format(printf, 3, 4))) static enum pg_status
refuse(char *why, size_t why_size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, why_size, format, ap);
	va_end(ap);
	return PG_ERROR;
}

/* The i-th numbered file, from 0; false past the end.  The others (bootstrap.sql) have no number. */
static bool
numbered_file(size_t i, struct numbered *ret)
{
	for (const struct sql_file *f = schema_table; f->name != NULL; f++) {
		int version = (int) strtol(f->name, NULL, 10);
		uint8_t hash[SHA256_BYTES];

		if (version == 0 || i-- > 0)
			continue;
		ret->version = version;
		ret->file = f;
		sha256_of(f->text, strlen(f->text), hash);
		text_hex(ret->sha256, hash, sizeof(hash));
		return true;
	}
	return false;
}

/* The database's list must be a beginning of ours; *ret_applied: how long it is. */
static enum pg_status
compare(const struct pg_result *had, size_t *ret_applied, char *why, size_t why_size)
{
	struct numbered ours;

	for (int row = 0; row < pg_rows(had); row++) {
		const char *name = pg_text_of(had, row, "name");

		if (!numbered_file((size_t) row, &ours))
			return refuse(
			    why, why_size,
			    "the database's schema is newer (%s) than this program: use a program of that version", name);
		if (pg_int_of(had, row, "version") != ours.version || strcmp(name, ours.file->name) != 0)
			return refuse(
			    why, why_size,
			    "the database has had the migration %s where this program has %s: they do not belong "
			    "together",
			    name, ours.file->name);
		if (strcmp(pg_text_of(had, row, "sha256"), ours.sha256) != 0)
			return refuse(
			    why, why_size,
			    "the migration %s was applied to the database with another text than this program's: "
			    "a migration never changes; use the program that it came with",
			    name);
	}
	*ret_applied = (size_t) pg_rows(had);
	return PG_OK;
}

static enum pg_status
failed(const struct pg *pg, enum pg_status status, const char *what, char *why, size_t why_size)
{
	refuse(why, why_size, "%s: %s", what, pg_why(pg));
	return status;
}

static enum pg_status
note_done(struct pg *pg, const struct numbered *n)
{
	char version[12];
	const char *values[] = {version, n->file->name, n->sha256};

	snprintf(version, sizeof(version), "%d", n->version);
	return pg_run(pg, db_migration_done, 3, values, NULL);
}

/* COMMIT, or what there is to say of what failed. */
static enum pg_status
end(struct pg *pg, enum pg_status status, const char *what, char *why, size_t why_size)
{
	if (status == PG_OK)
		status = pg_commit(pg);
	if (status == PG_OK)
		return PG_OK;
	failed(pg, status, what, why, why_size);
	if (status != PG_LOST && status != PG_DOUBT)
		pg_rollback(pg);
	return status;
}

static enum pg_status
apply_one(struct pg *pg, const struct numbered *n)
{
	enum pg_status status = pg_script(pg, n->file->text);

	return status == PG_OK ? note_done(pg, n) : status;
}

/* An empty database: the schema as it is today, and every migration noted as done. */
static enum pg_status
apply_present(struct pg *pg, const char **ret_what)
{
	enum pg_status status = PG_OK;
	struct numbered n;

	for (const struct sql_file *f = present_table; status == PG_OK && f->name != NULL; f++) {
		*ret_what = f->name;
		status = pg_script(pg, f->text);
	}
	for (size_t i = 0; status == PG_OK && numbered_file(i, &n); i++)
		status = note_done(pg, &n);
	return status;
}

/* The table that says what was applied.  Of two who make it at once one waits, and fails: then it is there.
 */
static enum pg_status
bootstrap(struct pg *pg)
{
	enum pg_status status = pg_script(pg, schema_bootstrap);

	if (status == PG_RETRY || (status == PG_ERROR && strncmp(pg_sqlstate(pg), "42P0", 4) == 0))
		status = pg_script(pg, schema_bootstrap);
	return status;
}

/* What is applied by now, kept from others who migrate until the transaction ends: *ret_had is how much. */
static enum pg_status
begin_step(struct pg *pg, size_t *ret_had, char *why, size_t why_size)
{
	struct pg_result *had;
	enum pg_status status = pg_begin(pg);

	if (status == PG_OK)
		status = pg_run(pg, db_lock_migrations, 0, NULL, NULL);
	if (status == PG_OK)
		status = pg_run(pg, db_migrations, 0, NULL, &had);
	if (status != PG_OK)
		return end(pg, status, "the list of migrations", why, why_size);
	status = compare(had, ret_had, why, why_size);
	pg_result_free(had);
	if (status != PG_OK)
		pg_rollback(pg);
	return status;
}

enum pg_status
migrate_apply(struct pg *pg, migrate_progress *progress, void *arg, int *ret_applied, char *why,
              size_t why_size)
{
	enum pg_status status = bootstrap(pg);
	int applied = 0;

	if (status != PG_OK)
		return failed(pg, status, "the list of migrations", why, why_size);
	for (;;) {
		const char *what = "an empty database";
		struct numbered n;
		size_t had = 0;

		status = begin_step(pg, &had, why, why_size);
		if (status != PG_OK)
			return status;
		if (!numbered_file(had, &n)) {
			pg_rollback(pg);
			break;
		}
		if (had > 0)
			what = n.file->name;
		status = had == 0 ? apply_present(pg, &what) : apply_one(pg, &n);
		status = end(pg, status, what, why, why_size);
		if (status != PG_OK)
			return status;
		for (size_t i = had; numbered_file(i, &n) && (had == 0 || i == had); i++) {
			applied++;
			if (progress != NULL)
				progress(arg, n.version, n.file->name);
		}
	}
	*ret_applied = applied;
	return PG_OK;
}

enum pg_status
migrate_check(struct pg *pg, char *why, size_t why_size)
{
	struct pg_result *had;
	struct numbered n;
	size_t applied = 0;
	enum pg_status status = pg_run(pg, db_migrations, 0, NULL, &had);

	if (status == PG_ERROR && strcmp(pg_sqlstate(pg), "42P01") == 0) /* undefined_table: an empty database */
		return refuse(why, why_size, "the database has no handback schema: run handbackctl migrate");
	if (status != PG_OK)
		return failed(pg, status, "the list of migrations", why, why_size);
	status = compare(had, &applied, why, why_size);
	pg_result_free(had);
	if (status == PG_OK && numbered_file(applied, &n))
		return refuse(why, why_size,
		              "the database's schema is older than this program (it lacks %s): run "
		              "handbackctl migrate",
		              n.file->name);
	return status;
}
