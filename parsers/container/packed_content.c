/* A file that is packed where its profile says nothing of it: told as what it is, instead of by its first odd
 * byte. */
#include <string.h>

#include "parsers/container/container_internal.h"

static const struct {
	const char *bytes;
	size_t len;
	const char *why;
} packed[] = {
    {"\x1f\x8b\x08", 3,
     "the file is packed by gzip: say container: {kind: gzip} in the profile, or ask the partner for it "
     "unpacked"},
    {"PK\3\4", 4,
     "the file is a zip, as a workbook of Excel is, too: say container: {kind: zip} in the profile, or ask "
     "the "
     "partner for the plain text (of a workbook: saved as CSV)"},
    {"PK\5\6", 4, "the file is a zip with nothing in it: ask the partner to send it again"},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8,
     "the file is a workbook of Excel: ask the partner to save it as CSV"},
    {"\xfd"
     "7zXZ",
     6, "the file is packed by xz, which is not read: ask the partner for it unpacked, by gzip or as a zip"},
    {"\x28\xb5\x2f\xfd", 4,
     "the file is packed by zstd, which is not read: ask the partner for it unpacked, by gzip or as a zip"},
    {"7z\xbc\xaf\x27\x1c", 6,
     "the file is packed by 7-Zip, which is not read: ask the partner for it unpacked, by gzip or as a zip"},
};

static ssize_t
read_content(struct input *in, char *buf, size_t size)
{
	struct content *c = (struct content *) (void *) in;
	ssize_t n = c->below->read(c->below, buf, size);
	size_t more = sizeof(c->first) - c->have;

	if (n < 0)
		return input_pass_failure(in, c->below);
	if (n == 0 || more == 0)
		return n;
	if ((size_t) n < more)
		more = (size_t) n;
	memcpy(c->first + c->have, buf, more);
	c->have += more;
	for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++)
		if (c->have >= packed[i].len && memcmp(c->first, packed[i].bytes, packed[i].len) == 0)
			return unpack_refuse(in, packed[i].why);
	return n;
}

void
content_init(struct content *c, struct input *below)
{
	*c = (struct content){.input = {.read = read_content}, .below = below};
}
