/* audit head, audit key. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"
#include "lib/base/io.h"
#include "lib/proof/checkpoint.h"

static const struct column head_columns[] = {
    {"head_no", "Head", COLUMN_NUMBER, 0, 0, NULL},
    {"made", "Made (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"file", "Of file", COLUMN_NUMBER, 0, 0, NULL},
    {"tree_size", "Records in its tree", COLUMN_NUMBER, 0, 0, NULL},
    {"root", "Root", COLUMN_TEXT, 0, 0, NULL},
    {"head_hash", "Hash", COLUMN_TEXT, 0, 0, NULL},
    {"previous", "Hash before", COLUMN_TEXT, 0, 0, NULL},
};

int
run_audit_head(struct session *s)
{
	int code = session_open(s, SESSION_READS);

	if (code != EXIT_CLEAN)
		return code;
	struct document *d = document_new("head", NULL);
	struct table *t = document_add(d, "head", NULL, TABLE_FACTS, COLUMNS(head_columns));
	table_empty(t, "no head yet: nothing was ever decided");
	code = query_fill(&s->query, t, sql_head, 0, NULL);
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	return code;
}

static const struct column key_columns[] = {
    {"verifier", "For checkpoints.verifiers", COLUMN_TEXT, 0, 0, NULL},
    {"file", "The private key, for handback-verify's unit alone", COLUMN_TEXT, 0, 0, NULL},
};

int
run_audit_key(struct session *s)
{
	const char *name = s->arguments[0], *file = s->arguments[1];
	char text[CHECKPOINT_KEY_SIZE + 1];
	struct checkpoint_key key;

	if (!checkpoint_key_make(name, &key)) {
		complain("%s is no name of a key: at most %d bytes, no blank and no \"+\", as example.org/handback",
		         name, CHECKPOINT_NAME);
		return EXIT_USAGE;
	}
	checkpoint_private_text(&key, text);
	memcpy(text + strlen(text), "\n", 2);
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int put = fd < 0 || io_write_all(fd, text, strlen(text)) < 0 || fsync(fd) < 0 ? -1 : 0, error = errno;
	if (fd >= 0)
		close(fd);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(key.seed, sizeof(key.seed));
	if (put < 0) {
		complain("%s: %s", file, strerror(error));
		return EXIT_USAGE;
	}
	checkpoint_verifier_text(&key, text);
	struct document *d = document_new("key", NULL);
	table_row(document_add(d, "key", NULL, TABLE_FACTS, COLUMNS(key_columns)), (const char *[]){text, file});
	int code = session_show(s, d);
	document_free(d);
	return code;
}
