#include "lib/finance/view/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/finance/output/memory.h"

#define SHOWN_BYTES (8 << 10) /* of one record; what is longer is cut, and says so */

/* Byte ranges are those of the unpacked content, and of UTF-16 those of the text as UTF-8: they say nothing
 * about the file itself. */
static const char *
why_not_as_it_is(int fd)
{
	uint8_t magic[4] = {0};
	bool mark, low, high;

	if (pread(fd, magic, sizeof(magic), 0) < 4)
		return NULL;
	if ((magic[0] == 0x1f && magic[1] == 0x8b) || memcmp(magic, "PK\3\4", 4) == 0)
		return "the kept file is packed; the byte range is that of its content";
	mark = (magic[0] ^ magic[1]) == 1 && magic[0] >= 0xfe;
	low = magic[0] != 0 && magic[1] == 0 && magic[2] != 0 && magic[3] == 0;
	high = magic[0] == 0 && magic[1] != 0 && magic[2] == 0 && magic[3] != 0;
	return mark || low || high ? "the kept file is in UTF-16; the byte range is that of it as UTF-8" : NULL;
}

static char *
read_range(int fd, int64_t offset, int64_t length, const char **ret_why)
{
	size_t want = length > SHOWN_BYTES ? SHOWN_BYTES : (size_t) length, have = 0;
	char *bytes = mem_new(want + 1, 1);

	while (have < want) {
		ssize_t n = pread(fd, bytes + have, want - have, offset + (int64_t) have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t) n;
	}
	if (have < want) {
		*ret_why = "the kept file ends before the record";
		free(bytes);
		return NULL;
	}
	size_t size = TEXT_ESCAPED_SIZE(want);
	char *shown = mem_new(size + 4, 1);
	size_t len = text_display(shown, size, bytes, want);
	if ((int64_t) want < length)
		memcpy(shown + len, "…", sizeof("…"));
	free(bytes);
	return shown;
}

char *
archive_bytes(int fd, int64_t offset, int64_t length, const char **ret_why)
{
	*ret_why = offset < 0 || length < 0 ? "the record has no byte range" : why_not_as_it_is(fd);
	if (*ret_why == NULL)
		return read_range(fd, offset, length, ret_why);
	return NULL;
}

/* The copy, open; -1 and the reason. */
static int
open_copy(int spool, const char *archived_as, const char **ret_why)
{
	int fd = spool < 0 ? -1 : openat(spool, archived_as, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (spool < 0)
		*ret_why = "the spool cannot be read";
	else if (fd < 0)
		*ret_why = errno == ENOENT ? "the kept file is not there" : "the kept file cannot be read";
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		*ret_why = "what is kept is no file";
		close(fd);
		fd = -1;
	}
	return fd;
}

char *
archive_record(int spool, const char *archived_as, const char *purged, int64_t offset, int64_t length)
{
	const char *why = NULL;
	int fd = open_copy(spool, archived_as, &why);
	char *shown = fd < 0 ? NULL : archive_bytes(fd, offset, length, &why);

	if (fd >= 0)
		close(fd);
	if (shown != NULL)
		return shown;
	return purged != NULL ? mem_format("(purged by retention on %.10s)", purged) : mem_format("(%s)", why);
}
