/* Transactional reports by schedule: each period's is written once, whatever is killed in between. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/sheet/sheet.h"
#include "lib/finance/view/transactions.h"
#include "lib/hash/sha256.h"
#include "lib/protocol/notification.h"
#include "nightly/night.h"
#include "nightly/nightly_sql.h"

/* A report that is complete has its hash for a name until the database has noted it, and its own from then
 * on. */
#define PENDING ".pending-"
#define PENDING_SIZE (sizeof(PENDING) + TEXT_HEX_SIZE(SHA256_BYTES))
#define DAY_S (24 * 60 * 60)
#define KEPT_MODE 0440

const struct column night_scheduled_columns[NIGHT_SCHEDULED_COLUMNS] = {
    {"schedule", "Schedule", COLUMN_TEXT, 8, 0, NULL},
    {"first_day", "From", COLUMN_TEXT, 0, 0, NULL},
    {"last_day", "To", COLUMN_TEXT, 0, 0, NULL},
    {"format", "As", COLUMN_TEXT, 0, 0, NULL},
};

static void
ask(const struct pg_result *r, int row, struct transactions_asked *ret)
{
#define TEXT_OF(key) (pg_null_of(r, row, key) ? NULL : pg_text_of(r, row, key))
	*ret = (struct transactions_asked){.programme = TEXT_OF("programme"),
	                                   .categories = TEXT_OF("categories"),
	                                   .partner = TEXT_OF("partner"),
	                                   .member = TEXT_OF("member"),
	                                   .type = TEXT_OF("type"),
	                                   .merchant = TEXT_OF("merchant"),
	                                   .state = TEXT_OF("state"),
	                                   .fewest = TEXT_OF("fewest"),
	                                   .most = TEXT_OF("most"),
	                                   .columns = TEXT_OF("columns")};
#undef TEXT_OF
}

static bool
open_sink(const struct night *n, const struct transactions_asked *asked, const char *format, FILE *out,
          struct sink *ret)
{
	enum format as = (enum format) format_from_name(format);

	if (as != FORMAT_XLSX) {
		sink_open(ret, as, out);
		return true;
	}
	char *words = transactions_words(asked);
	bool opened = sheet_sink(ret, out, n->batch->query.company, "Transactions", words);
	free(words);
	return opened;
}

/* The SHA-256 of what a descriptor has; false with errno. */
static bool
hash_of(int fd, char ret_hex[TEXT_HEX_SIZE(SHA256_BYTES)])
{
	struct sha256 *h = sha256_new();
	uint8_t hash[SHA256_BYTES];
	char buffer[65536];
	ssize_t len;

	if (h == NULL)
		mem_none();
	for (off_t at = 0; (len = pread(fd, buffer, sizeof(buffer), at)) > 0; at += len)
		sha256_add(h, buffer, (size_t) len);
	sha256_end(h, hash);
	sha256_free(h);
	text_hex(ret_hex, hash, sizeof(hash));
	return len == 0;
}

static char *
pending_name(const char *own, const char *hex)
{
	return mem_format(PENDING "%s-%s", own, hex);
}

/* Complete and durable in the directory under its hash: the exit code, after why was said. */
static int
write_pending(struct night *n, const struct transactions_asked *asked, const char *format, int dir,
              const char *own, char hex[TEXT_HEX_SIZE(SHA256_BYTES)], struct transactions_found *ret)
{
	char link[32];
	struct sink sink;
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, KEPT_MODE), code = EXIT_UNAVAILABLE;
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (out != NULL && open_sink(n, asked, format, out, &sink))
		code = transactions_write(&n->batch->query, asked, &sink, ret);
	else
		complain("a report cannot be written: %s", strerrordesc_np(errno));
	if (code == EXIT_CLEAN) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		bool kept = fchmod(fd, KEPT_MODE) == 0 && fsync(fd) == 0 && hash_of(fd, hex);
		char *name = pending_name(own, hex);
		/* of the same bytes it is there already where the night was killed */
		if (!kept || (linkat(AT_FDCWD, link, dir, name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST) ||
		    fsync(dir) < 0) {
			complain("a report cannot be kept: %s", strerrordesc_np(errno));
			code = EXIT_UNAVAILABLE;
		}
		free(name);
	}
	if (out != NULL)
		fclose(out);
	else if (fd >= 0)
		close(fd);
	return code;
}

/* One that is due; a report whose sums do not agree is none, and is tried again the next night. */
static int
write_due(struct night *n, const struct pg_result *r, int row, int dir)
{
	const char *first = pg_text_of(r, row, "first_day"), *last = pg_text_of(r, row, "last_day"),
	           *format = pg_text_of(r, row, "format");
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)], entries[24];
	struct transactions_found found = {0};
	struct transactions_asked asked;

	ask(r, row, &asked);
	if (period_read(first, last, &asked.period) != PERIOD_READ) {
		complain("%s to %s is no period", first, last);
		return EXIT_INTERNAL;
	}
	char *name = mem_format("%s-%s-to-%s.%s", pg_text_of(r, row, "schedule"), first, last, format);
	int code = write_pending(n, &asked, format, dir, name, hex, &found);
	if (code == EXIT_CLEAN) {
		const char *values[] = {
		    pg_text_of(r, row, "schedule_id"), first, last, name, hex, entries, found.lines};

		snprintf(entries, sizeof(entries), "%" PRId64, found.entries);
		enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_note_report, 7, values, NULL);
		code = status == PG_OK ? EXIT_CLEAN : query_failed(&n->batch->query, status);
	}
	free(name);
	free(found.lines);
	return code;
}

static int
write_all_due(struct night *n, int dir)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_due_reports, 0, NULL, &r);

	if (status != PG_OK)
		return query_failed(&n->batch->query, status);
	for (int i = 0; i < pg_rows(r); i++)
		night_worse(n, write_due(n, r, i, dir));
	pg_result_free(r);
	return EXIT_CLEAN;
}

/* To its own name, where it is not there already. */
static bool
name_report(int dir, const char *name, const char *hex)
{
	char *pending = pending_name(name, hex);
	int fd = openat(dir, pending, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), moved = -1;

	if (fd >= 0)
		moved = io_move_durably(fd, dir, pending, dir, name);
	int error = errno;
	if (fd >= 0)
		close(fd);
	free(pending);
	errno = error;
	return moved == 0 || errno == EEXIST || (fd < 0 && errno == ENOENT);
}

/* People hear of each once: where it lies and what its sums are, and nothing of a member. */
static void
tell_report(struct night *n, const struct pg_result *r, int row)
{
	const char *schedule = pg_text_of(r, row, "schedule"), *first = pg_text_of(r, row, "first_day"),
	           *last = pg_text_of(r, row, "last_day"), *file = pg_text_of(r, row, "file_name");
	char *subject = mem_format("%s-%s", schedule, first),
	     *path = mem_format("%s/%s", n->batch->config->reports, file),
	     *message = mem_format("report %s, %s to %s: %s entries; %s", schedule, first, last,
	                           pg_text_of(r, row, "entries"), path);
	const struct notification notification = {.kind = "report_written",
	                                          .subject = subject,
	                                          .message = message,
	                                          .fields = {{"file", path},
	                                                     {"sha256", pg_text_of(r, row, "sha256")},
	                                                     {"from", first},
	                                                     {"to", last},
	                                                     {"entries", pg_text_of(r, row, "entries")},
	                                                     {"sums", pg_text_of(r, row, "sums")},
	                                                     {NOTIFICATION_MAIL, pg_null_of(r, row, "mail") ? NULL : pg_text_of(r, row, "mail")},
	                                                     {NOTIFICATION_REPORT, file}}};

	if (notification_put(n->reconciler.spool.root, &notification) < 0)
		complain("cannot store a notification: %s", strerrordesc_np(errno));
	free(subject);
	free(path);
	free(message);
}

static int
finish_noted(struct night *n, int dir)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_noted_reports, 0, NULL, &r);

	if (status != PG_OK)
		return query_failed(&n->batch->query, status);
	for (int i = 0; i < pg_rows(r); i++) {
		const char *name = pg_text_of(r, i, "file_name");

		if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
		    !name_report(dir, name, pg_text_of(r, i, "sha256"))) {
			complain("%s/%s: %s", n->batch->config->reports, name, strerrordesc_np(errno));
			night_worse(n, EXIT_UNAVAILABLE);
		} else
			tell_report(n, r, i);
	}
	pg_result_free(r);
	return EXIT_CLEAN;
}

/* What was never noted: another night has written that period with other bytes. */
static void
sweep(int reports)
{
	DIR *dir = io_list(reports, ".");

	for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		struct stat st;

		if (strncmp(e->d_name, PENDING, strlen(PENDING)) == 0 &&
		    fstatat(reports, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime < time(NULL) - DAY_S)
			unlinkat(reports, e->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

int
night_schedules(struct night *n)
{
	const char *directory = n->batch->config->reports;
	int dir = io_make_dirs(AT_FDCWD, directory, 0750);

	if (dir < 0) {
		complain("%s: %s", directory, strerrordesc_np(errno));
		return EXIT_UNAVAILABLE;
	}
	int code = write_all_due(n, dir);
	if (code == EXIT_CLEAN)
		code = finish_noted(n, dir);
	sweep(dir);
	close(dir);
	return code;
}
