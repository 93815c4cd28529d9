#include "outbound/requests.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/hash/sha256.h"
#include "outbound/compose/compose.h"
#include "outbound/outbox_sql.h"
#include "outbound/place.h"

#define PROFILE_BYTES (1 << 20)
#define AGAIN_S 60

/* What files there are: of batches, and of questions. */
struct kind {
	const char *profile;
	const char *next, *rows, *note;
	const char *known[16]; /* what a row has; NULL-ended */
};
static const struct kind batches = {.profile = "profile.yaml",
                                    .next = sql_outbox_next_batch,
                                    .rows = sql_outbox_batch_rows,
                                    .note = sql_outbox_note_batch,
                                    .known = {"external_reference", "outbound_reference", "member", "account",
                                              "programme", "merchant", "points", "amount", "currency",
                                              "transaction_type", "request_key", "note"}};
static const struct kind questions = {.profile = "questions.yaml",
                                      .next = sql_outbox_next_questions,
                                      .rows = sql_outbox_question_rows,
                                      .note = sql_outbox_note_questions,
                                      .known = {"question_no", "question", "external_reference",
                                                "outbound_reference", "partner_reference", "member",
                                                "account", "programme", "points", "stated_points", "codes",
                                                "file_name", "record_no", "note"}};

/* A partner's batch that is on its way. */
struct job {
	struct pg *pg;
	const struct kind *kind;
	const char *programme, *partner;
	int dir, out; /* -1: not open */
	bool by_sftp; /* handback-fetch uploads what is in out, and says so */
	char batch[24], name[PLACE_NAME_SIZE], temporary[PLACE_NAME_SIZE + 8], sent[PLACE_NAME_SIZE + 8];
	struct compose_facts facts;
	int32_t answer_days; /* of questions */
};
struct source {
	const struct kind *kind;
	const struct pg_result *rows;
};

/* What stays wrong is said once in a minute. */
static enum pg_status
complain(const struct job *j, const char *what, const char *why)
{
	static char last[512];
	static time_t said;
	char this[sizeof(last)];
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(this, sizeof(this), "%s %s %s %s", j->programme, j->partner, what, why);
	if (strcmp(this, last) == 0 && now.tv_sec < said + AGAIN_S)
		return PG_OK;
	snprintf(last, sizeof(last), "%s", this);
	said = now.tv_sec;
	log_write(LOG_ERR, what,
	          LOG_FIELDS(log_text("programme", j->programme), log_text("partner", j->partner),
	                     log_text("why", why)));
	return PG_OK;
}

/* ---- composing ---- */

static const char *
value_of(void *context, size_t row, const char *name)
{
	const struct source *source = context;

	for (size_t i = 0; source->kind->known[i] != NULL; i++)
		if (strcmp(source->kind->known[i], name) == 0)
			return pg_text_of(source->rows, (int) row, name);
	return NULL;
}

static struct profile *
load_profile(const struct job *j)
{
	struct problems *p = problems_new(j->kind->profile);
	struct profile *profile = NULL;
	char *text = NULL;
	size_t len;

	if (io_read_file(j->dir, j->kind->profile, PROFILE_BYTES, &text, &len) < 0)
		complain(j, "cannot read the profile of request files", strerror(errno));
	else
		profile = profile_compile(text, len, p);
	if (text != NULL && profile == NULL)
		complain(j, "the profile of request files does not compile", problems_line(p, 0));
	free(text);
	problems_free(p);
	return profile;
}

/* Writes the whole file under its temporary name, durably; its size and hash from what was read back. */
static bool
write_file(struct job *j, const struct profile *profile, struct pg_result *rows, int64_t *ret_bytes,
           uint8_t ret_hash[SHA256_BYTES])
{
	struct source of = {j->kind, rows};
	const struct compose_rows source = {(size_t) pg_rows(rows), value_of, &of};
	int fd = place_open(j->out, j->temporary);
	FILE *file = fd >= 0 ? fdopen(fd, "r+") : NULL;
	struct sha256 *hash = sha256_new();
	char why[LIMIT_MESSAGE_BYTES] = "", block[65536];
	struct stat st;
	size_t got;
	bool good = file != NULL && hash != NULL;

	if (file == NULL && fd >= 0)
		close(fd);
	if (good && !compose_file(profile, &source, &j->facts, file, why, sizeof(why)))
		good = false;
	good =
	    good && fsync(fd) == 0 && fsync(j->out) == 0 && fstat(fd, &st) == 0 && fseek(file, 0, SEEK_SET) == 0;
	for (*ret_bytes = 0; good && (got = fread(block, 1, sizeof(block), file)) > 0;
	     *ret_bytes += (int64_t) got)
		sha256_add(hash, block, got);
	if (good && (ferror(file) || *ret_bytes != st.st_size))
		good = false;
	if (good)
		sha256_end(hash, ret_hash);
	else
		complain(j, "a request file cannot be written", why[0] != '\0' ? why : strerror(errno));
	if (file != NULL)
		fclose(file);
	sha256_free(hash);
	return good;
}

static enum pg_status
note(struct job *j, const char *step, int64_t bytes, const char *hash)
{
	char size[24], days[24];
	const char *values[] = {j->batch, step, j->name, size, hash, days};
	struct pg_result *none = NULL;
	enum pg_status status;

	snprintf(size, sizeof(size), "%" PRId64, bytes);
	snprintf(days, sizeof(days), "%" PRId32, j->answer_days);
	status = pg_transact(j->pg, j->kind->note, j->kind == &questions ? 6 : 5, values, &none);
	pg_result_free(none);
	return status;
}

/* Makes the file; *ret_made: it is whole under its temporary name, and the database knows. */
static enum pg_status
make(struct job *j, bool *ret_made)
{
	struct profile *profile = load_profile(j);
	const char *values[] = {j->batch};
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)], why[LIMIT_MESSAGE_BYTES];
	uint8_t hash[SHA256_BYTES];
	struct pg_result *rows = NULL;
	enum pg_status status = PG_OK;
	int64_t bytes;

	if (profile == NULL)
		return PG_OK;
	j->answer_days = profile->policy.answer_within;
	if (!compose_name(profile, &j->facts, j->name, sizeof(j->name), why, sizeof(why)))
		complain(j, "a request file has no name", why);
	else
		status = pg_run_prepared(j->pg, j->kind->rows, 1, values, &rows);
	place_temporary(j->temporary, sizeof(j->temporary), j->name);
	if (rows != NULL && status == PG_OK && write_file(j, profile, rows, &bytes, hash)) {
		status = note(j, "written", bytes, text_hex(hex, hash, sizeof(hash)));
		*ret_made = status == PG_OK;
	}
	pg_result_free(rows);
	profile_free(profile);
	return status;
}

/* ---- placing ---- */

static bool
give_name(const struct job *j, int64_t bytes)
{
	const char *why = "";

	if (place_file(j->out, j->name, bytes, &why))
		return true;
	complain(j, "a request file cannot be given its name", why);
	return false;
}

/* Is it at the partner's place, under its last name?  By SFTP when handback-fetch says so, by .NAME.sent. */
static bool
place(struct job *j, int64_t bytes)
{
	struct stat st;

	snprintf(j->sent, sizeof(j->sent), ".%s.sent", j->name);
	if (!j->by_sftp)
		return give_name(j, bytes);
	if (fstatat(j->out, j->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return false; /* it waits for handback-fetch */
	if (fstatat(j->out, j->sent, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	if (fstatat(j->out, j->temporary, &st, AT_SYMLINK_NOFOLLOW) == 0)
		give_name(j, bytes);
	else
		complain(j, "a request file is gone, and nobody says that it was uploaded", j->name);
	return false;
}

static enum pg_status
step_of(struct job *j, const struct pg_result *r)
{
	bool made = !pg_null_of(r, 0, "step");

	snprintf(j->batch, sizeof(j->batch), "%s", pg_text_of(r, 0, "batch"));
	j->facts = (struct compose_facts){.sequence = pg_int_of(r, 0, "sequence"),
	                                  .day = (int32_t) pg_int_of(r, 0, "day")};
	if (!made) {
		enum pg_status status = make(j, &made);

		if (status != PG_OK || !made)
			return status;
		return PG_OK; /* the next step reads what was noted */
	}
	snprintf(j->name, sizeof(j->name), "%s", pg_text_of(r, 0, "name"));
	place_temporary(j->temporary, sizeof(j->temporary), j->name);
	if (!place(j, pg_int_of(r, 0, "bytes")))
		return PG_OK;
	log_write(LOG_INFO, "a request file was placed",
	          LOG_FIELDS(log_text("programme", j->programme), log_text("partner", j->partner),
	                     log_text("file", j->name)));
	enum pg_status status = note(j, "placed", pg_int_of(r, 0, "bytes"), pg_text_of(r, 0, "sha256"));

	if (status == PG_OK && j->by_sftp)
		unlinkat(j->out, j->sent, 0);
	return status;
}

/* Makes, and places: a batch needs two steps, each with its own row. */
static enum pg_status
go_on(struct job *j)
{
	enum pg_status status = PG_OK;

	for (int i = 0; i < 2 && status == PG_OK; i++) {
		const char *values[] = {j->programme, j->partner};
		struct pg_result *r = NULL;

		status = pg_transact(j->pg, j->kind->next, 2, values, &r);
		if (status == PG_OK && pg_rows(r) == 1 && !pg_null_of(r, 0, "batch"))
			status = step_of(j, r);
		else
			i = 2;
		pg_result_free(r);
	}
	return status;
}

/* ---- the directories ---- */

static enum pg_status
partner(struct pg *pg, int programme_dir, const char *programme, const char *name, bool asks)
{
	struct job j = {.pg = pg, .kind = &batches, .programme = programme, .partner = name};
	enum pg_status status = PG_OK;

	j.dir = openat(programme_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	j.by_sftp = j.dir >= 0 && faccessat(j.dir, "sftp", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	j.out = j.dir >= 0 ? openat(j.dir, j.by_sftp ? "sftp" : "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (j.out >= 0)
		status = go_on(&j);
	if (status == PG_OK && j.out >= 0 && asks && faccessat(j.dir, questions.profile, F_OK, 0) == 0) {
		j.kind = &questions;
		status = go_on(&j);
	}
	if (j.out < 0 && j.dir >= 0)
		complain(&j, "there is no directory for request files", strerror(errno));
	if (j.out >= 0)
		close(j.out);
	if (j.dir >= 0)
		close(j.dir);
	return status;
}

static enum pg_status
programme(struct pg *pg, int root, const char *name, bool asks)
{
	int dir = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *list = dir >= 0 ? io_list(dir, ".") : NULL;
	enum pg_status status = PG_OK;
	const struct dirent *e;

	while (list != NULL && status == PG_OK && (e = readdir(list)) != NULL)
		if (e->d_name[0] != '.')
			status = partner(pg, dir, name, e->d_name, asks);
	if (list != NULL)
		closedir(list);
	if (dir >= 0)
		close(dir);
	return status;
}

enum pg_status
requests_step(struct pg *pg, const char *directory)
{
	static time_t asked;
	struct timespec now;
	int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = root >= 0 ? io_list(root, ".") : NULL;
	enum pg_status status = PG_OK;
	const struct dirent *e;

	clock_gettime(CLOCK_MONOTONIC, &now);
	const bool asks = asked == 0 || now.tv_sec >= asked + AGAIN_S;

	if (asks)
		asked = now.tv_sec;
	if (list == NULL)
		log_write(LOG_ERR, "cannot read the directory of request files", LOG_FIELDS(log_errno(errno)));
	while (list != NULL && status == PG_OK && (e = readdir(list)) != NULL)
		if (e->d_name[0] != '.')
			status = programme(pg, root, e->d_name, asks);
	if (list != NULL)
		closedir(list);
	if (root >= 0)
		close(root);
	return status;
}

enum pg_status
requests_close(struct pg *pg)
{
	struct pg_result *none = NULL;
	enum pg_status status = pg_transact(pg, sql_outbox_close_batches, 0, NULL, &none);

	pg_result_free(none);
	return status;
}
