#include "nightly/checkpoints.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"

#define MOST_BYTES (256 << 20)

static const struct column line_columns[] = {
    {"line", "Signed, to be kept elsewhere", COLUMN_TEXT, 0, 0, NULL},
};

/* The key that signs, from the unit's credential; "none" stands there for none. */
static int
read_own(struct checkpoints *c)
{
	const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
	char *text;
	size_t len;

	if (directory == NULL)
		return EXIT_CLEAN;
	char *path = mem_format("%s/" CHECKPOINTS_CREDENTIAL, directory);
	int got = io_read_file(AT_FDCWD, path, 4096, &text, &len);
	free(path);
	if (got < 0 && errno == ENOENT)
		return EXIT_CLEAN;
	if (got < 0) {
		complain("the credential " CHECKPOINTS_CREDENTIAL ": %s", strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	bool none = strcmp(text, "none") == 0 || strcmp(text, "none\n") == 0;
	c->signs = !none && checkpoint_key_private(text, &c->own);
	explicit_bzero(text, len);
	free(text);
	if (none || c->signs)
		return EXIT_CLEAN;
	complain("the credential " CHECKPOINTS_CREDENTIAL
	         " is no private key: make one with handbackctl audit key NAME FILE");
	return EXIT_USAGE;
}

static bool
is_known(const struct checkpoints *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->keys[i].name, c->own.name) == 0 &&
		    memcmp(c->keys[i].key, c->own.key, sizeof(c->own.key)) == 0)
			return true;
	return false;
}

int
checkpoints_open(const struct batch *b, bool signs, struct checkpoints *ret)
{
	char verifier[CHECKPOINT_KEY_SIZE];

	*ret = (struct checkpoints){.file = b->config != NULL ? b->config->checkpoints : NULL};
	if (b->config == NULL)
		return EXIT_CLEAN;
	for (const char *const *text = b->config->verifiers; text != NULL && *text != NULL; text++) {
		if (ret->count == CHECKPOINTS_KEYS || !checkpoint_key_verifier(*text, &ret->keys[ret->count])) {
			complain("checkpoints.verifiers: %s is no key, or one too many; handbackctl audit key says how "
			         "one looks",
			         *text);
			return EXIT_USAGE;
		}
		ret->count++;
	}
	if (ret->file != NULL && ret->count == 0) {
		complain("checkpoints.file needs checkpoints.verifiers: who may have signed what is in it");
		return EXIT_USAGE;
	}
	int code = signs && ret->file != NULL ? read_own(ret) : EXIT_CLEAN;
	if (code != EXIT_CLEAN || !ret->signs || is_known(ret))
		return code;
	checkpoint_verifier_text(&ret->own, verifier);
	complain("the credential " CHECKPOINTS_CREDENTIAL " is of none of checkpoints.verifiers; add %s",
	         verifier);
	return EXIT_USAGE;
}

bool
checkpoints_newest(const struct checkpoints *c, char ret_text[CHECKPOINT_SIZE])
{
	bool found = false;
	char *text;
	size_t len;

	if (c->file == NULL || io_read_file(AT_FDCWD, c->file, MOST_BYTES, &text, &len) < 0)
		return false;
	for (size_t at = 0, used; at < len; at += used) {
		struct checkpoint one;
		if (checkpoint_read(c->keys, c->count, text + at, len - at, &one, &used) != CHECKPOINT_GOOD ||
		    used >= CHECKPOINT_SIZE)
			continue;
		memcpy(ret_text, text + at, used);
		ret_text[used] = '\0';
		found = true;
	}
	free(text);
	return found;
}

int
checkpoints_append(const struct checkpoints *c, const struct checkpoint *checkpoint,
                   char ret_text[CHECKPOINT_SIZE])
{
	/* the system may let us append and nothing else */
	int fd = open(c->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	int code = EXIT_CLEAN;

	checkpoint_sign(&c->own, checkpoint, ret_text);
	if (fd < 0 || io_write_all(fd, ret_text, strlen(ret_text)) < 0 || fsync(fd) < 0) {
		complain("a checkpoint cannot be written: %s: %s", c->file, strerror(errno));
		code = EXIT_UNAVAILABLE;
	}
	if (fd >= 0)
		close(fd);
	return code;
}

void
checkpoints_show(struct document *d, const char *text)
{
	struct table *t = document_add(d, "checkpoint", "Checkpoint", TABLE_ROWS, COLUMNS(line_columns));

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		char *line = mem_part(text, len);
		if (len > 0)
			table_row(t, (const char *[]){line});
		free(line);
		text += len + (text[len] == '\n');
	}
}
