/*
 * zip, read front to back: each member with its local header, then the
 * directory, which must say the same of the same members, then the end.
 *
 * zlib inflates; the frame around that is ours.  Archive libraries either read
 * only the local headers or only the directory, and a file in which the two
 * differ means different things to different readers; here it is refused, and
 * so is any byte that belongs to nothing.
 */
#include <endian.h>
#include <fnmatch.h>

#include "lib/base/limits.h"
#include "lib/base/text.h"
#include "parsers/container/inflate.h"
#include "parsers/container/container_internal.h"

enum {
	LOCAL_HEADER = 0x04034B50,
	DATA_DESCRIPTOR = 0x08074B50,
	DIRECTORY_ENTRY = 0x02014B50,
	END64 = 0x06064B50,
	END64_LOCATOR = 0x07064B50,
	END = 0x06054B50,

	FLAG_ENCRYPTED = 1 << 0,
	FLAG_DESCRIPTOR = 1 << 3,
	FLAG_PATCH = 1 << 5,
	FLAG_STRONG = 1 << 6,
	FLAG_MASKED = 1 << 13,
	FLAGS_ENCRYPTED = FLAG_ENCRYPTED | FLAG_PATCH | FLAG_STRONG | FLAG_MASKED,

	STORED = 0,
	DEFLATED = 8,
	EXTRA_ZIP64 = 1,
	MEMBERS = 1024, /* the ignored ones too */
};

struct member {
	char name[LIMIT_NAME_BYTES + 1];
	uint16_t flags, method;
	bool zip64;
	uint32_t crc;
	uint64_t packed, size, offset;
};

enum stage { STAGE_BETWEEN, STAGE_CONTENT, STAGE_ENDED };

struct unzip {
	struct input input;
	struct inflater *inflater;
	int64_t left; /* of the limit */
	const char *pattern;
	const char *const *ignored;
	bool several;
	char why[TEXT_SHOWN_SIZE + 96];
	enum stage stage;
	bool found;  /* the one that counts came */
	bool counts; /* this one does */
	size_t members;
	struct member member[MEMBERS]; /* the last one is being read */
	uint32_t crc;                  /* of its content so far */
	uint64_t packed_left;          /* stored: bytes to come */
	uint64_t size;                 /* bytes that came out */
	uint64_t start;                /* offset of its first packed byte */
	struct packed packed;
};

static uint16_t
u16(const unsigned char *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t
u32(const unsigned char *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t
u64(const unsigned char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static ssize_t
refuse(struct unzip *u, const char *why)
{
	return unpack_refuse(&u->input, why);
}

static uint64_t
offset(const struct unzip *u)
{
	return u->packed.base + u->packed.at;
}

/* Exactly n bytes, or -1: a zip never ends within a structure. */
static int
take(struct unzip *u, void *buf, size_t n)
{
	int rc = packed_take(&u->packed, &u->input, buf, n);

	if (rc == 0)
		(void) refuse(u, "the zip is cut off");
	return rc == 1 ? 0 : -1;
}

/* ---- headers ---- */

/* A name and an extra field, as they follow both kinds of header; sizes that are all ones stand in the extra.
 */
static int
take_name(struct unzip *u, struct member *m, uint16_t name_len, uint16_t extra_len)
{
	unsigned char extra[UINT16_MAX];
	uint64_t *wide[] = {&m->size, &m->packed, &m->offset};

	if (name_len == 0 || name_len > LIMIT_NAME_BYTES) {
		(void) refuse(u, "a name in the zip is empty or longer than 255 bytes");
		return -1;
	}
	if (take(u, m->name, name_len) != 0 || take(u, extra, extra_len) != 0)
		return -1;
	m->name[name_len] = '\0';
	if (strlen(m->name) != name_len) {
		(void) refuse(u, "a name in the zip holds a NUL");
		return -1;
	}
	for (size_t at = 0; at + 4 <= extra_len;) {
		size_t len = u16(extra + at + 2), used = 0;
		const unsigned char *data = extra + at + 4;
		if (len > extra_len - at - 4)
			break; /* some writers pad with less than a header */
		for (size_t i = 0; u16(extra + at) == EXTRA_ZIP64 && i < 3; i++)
			if (*wide[i] == UINT32_MAX && used + 8 <= len) {
				*wide[i] = u64(data + used);
				used += 8;
			}
		m->zip64 |= u16(extra + at) == EXTRA_ZIP64;
		at += 4 + len;
	}
	return 0;
}

static bool
is_ignored(const struct unzip *u, const char *name)
{
	for (const char *const *p = u->ignored; p != NULL && *p != NULL; p++)
		if (fnmatch(*p, name, 0) == 0)
			return true;
	return false;
}

/* By its name: a person looks for it. */
static ssize_t
refuse_member(struct unzip *u, const char *name, const char *why)
{
	char shown[TEXT_SHOWN_SIZE];

	snprintf(u->why, sizeof(u->why), "%s: %s", why, text_show(shown, name, strlen(name)));
	return refuse(u, u->why);
}

static bool
is_twice(const struct unzip *u, const char *name)
{
	for (size_t i = 0; i < u->members; i++)
		if (strcmp(u->member[i].name, name) == 0)
			return true;
	return false;
}

/* After the signature of a local header: 0 with the member begun, or -1. */
static ssize_t
begin_member(struct unzip *u, uint64_t at)
{
	struct member *m = &u->member[u->members];
	unsigned char h[26];

	if (u->members == MEMBERS)
		return refuse(u, "the zip has more than 1024 members");
	if (take(u, h, sizeof(h)) != 0)
		return -1;
	*m = (struct member){.flags = u16(h + 2),
	                     .method = u16(h + 4),
	                     .crc = u32(h + 10),
	                     .packed = u32(h + 14),
	                     .size = u32(h + 18)};
	if (take_name(u, m, u16(h + 22), u16(h + 24)) != 0)
		return -1;
	m->offset = at;
	if (m->flags & FLAGS_ENCRYPTED)
		return refuse(u, "a member of the zip is encrypted");
	if (m->method != STORED && m->method != DEFLATED)
		return refuse(u, "a member of the zip is packed in another way than deflate");
	if (m->method == STORED && (m->flags & FLAG_DESCRIPTOR) && m->name[strlen(m->name) - 1] != '/')
		return refuse(u, "a member of the zip is stored without its length");
	u->counts = !is_ignored(u, m->name);
	if (u->counts && u->found && !u->several)
		return refuse_member(u, m->name,
		                     "the zip has more than one member that counts (container: files reads several)");
	if (u->counts && fnmatch(u->pattern, m->name, 0) != 0)
		return refuse_member(u, m->name, "the zip's member has another name than the profile says");
	if (u->counts && is_twice(u, m->name))
		return refuse_member(u, m->name, "the zip has two members of one name");
	u->found |= u->counts;
	if (!inflater_reset(u->inflater))
		return refuse(u, "the unpacker cannot start over");
	u->crc = 0;
	u->size = 0;
	u->packed_left = m->packed;
	u->start = offset(u);
	u->members++;
	u->stage = STAGE_CONTENT;
	return 0;
}

/* What stands behind the content, where its length and checksum were not known before. */
static ssize_t
take_descriptor(struct unzip *u, struct member *m)
{
	unsigned char d[20];
	size_t wide = m->zip64 ? 8 : 4, at = 0;

	if (take(u, d, 4) != 0)
		return -1;
	if (u32(d) == DATA_DESCRIPTOR && take(u, d, 4) != 0) /* its signature is optional */
		return -1;
	m->crc = u32(d);
	if (take(u, d, 2 * wide) != 0)
		return -1;
	m->packed = wide == 8 ? u64(d + at) : u32(d + at);
	at += wide;
	m->size = wide == 8 ? u64(d + at) : u32(d + at);
	return 0;
}

/* The content has ended: does it agree with what was said of it? */
static ssize_t
end_member(struct unzip *u)
{
	struct member *m = &u->member[u->members - 1];
	uint64_t packed = offset(u) - u->start;

	if ((m->flags & FLAG_DESCRIPTOR) && take_descriptor(u, m) != 0)
		return -1;
	if (m->packed != packed || m->size != u->size)
		return refuse(u, "a member of the zip has another length than it says");
	if (m->crc != u->crc)
		return refuse(u, "a member of the zip has another checksum than it says");
	u->stage = STAGE_BETWEEN;
	return 0;
}

/* ---- content ---- */

/* Stored bytes are copied: at most *len. */
static enum inflate_result
copy_stored(struct unzip *u, char *buf, size_t *len)
{
	size_t n = u->packed.end - u->packed.at;

	n = n < *len ? n : *len;
	n = n < u->packed_left ? n : (size_t) u->packed_left;
	memcpy(buf, u->packed.bytes + u->packed.at, n);
	u->packed.at += n;
	u->packed_left -= n;
	*len = n;
	return u->packed_left == 0 ? INFLATE_END : INFLATE_MORE;
}

/* Bytes of the member that is open into buf: how many, 0 when it has ended (or gave none yet), -1. */
static ssize_t
read_content(struct unzip *u, char *buf, size_t size)
{
	struct member *m = &u->member[u->members - 1];
	enum inflate_result result;
	size_t in_len, n = size;
	int rc;

	if (m->method == STORED && u->packed_left == 0)
		return end_member(u);
	rc = packed_fill(&u->packed, &u->input);
	if (rc <= 0)
		return rc < 0 ? -1 : refuse(u, "the zip is cut off");
	if (m->method == STORED) {
		result = copy_stored(u, buf, &n);
	} else {
		in_len = u->packed.end - u->packed.at;
		result = inflater_run(u->inflater, u->packed.bytes + u->packed.at, &in_len, buf, &n);
		u->packed.at += in_len;
	}
	if (result == INFLATE_BAD)
		return refuse(u, "a member of the zip is damaged");
	if ((int64_t) n > u->left)
		return refuse(u, "the content is larger than limits: expansion or file_bytes");
	u->left -= (int64_t) n;
	u->size += n;
	u->crc = inflate_crc(u->crc, buf, n);
	if (result == INFLATE_END && end_member(u) != 0)
		return -1;
	return (ssize_t) n;
}

/* ---- the directory and the end ---- */

/* After the signature of a directory entry: it must be what was read. */
static ssize_t
check_entry(struct unzip *u, size_t i)
{
	const struct member *m = &u->member[i];
	struct member e;
	unsigned char h[42];
	char comment[256];

	if (i == u->members)
		return refuse(u, "the zip's directory has a member that is not there");
	if (take(u, h, sizeof(h)) != 0)
		return -1;
	e = (struct member){.flags = u16(h + 4),
	                    .method = u16(h + 6),
	                    .crc = u32(h + 12),
	                    .packed = u32(h + 16),
	                    .size = u32(h + 20),
	                    .offset = u32(h + 38)};
	if (take_name(u, &e, u16(h + 24), u16(h + 26)) != 0)
		return -1;
	if (u16(h + 28) > sizeof(comment) || take(u, comment, u16(h + 28)) != 0)
		return u->input.rule != NULL ? -1 : refuse(u, "a comment in the zip is too long");
	if (strcmp(e.name, m->name) != 0 || (e.flags & FLAGS_ENCRYPTED) || e.method != m->method ||
	    e.crc != m->crc || e.packed != m->packed || e.size != m->size || e.offset != m->offset)
		return refuse(u, "the zip's directory differs from its members");
	return 0;
}

/* After the signature of the end record: 0 when it agrees and nothing follows. */
static ssize_t
check_end(struct unzip *u, size_t entries, uint64_t directory, uint64_t directory_end)
{
	unsigned char h[18];
	int rc;

	if (take(u, h, sizeof(h)) != 0)
		return -1;
	if (u16(h) != 0 || u16(h + 2) != 0 || u16(h + 4) != entries || u16(h + 6) != entries)
		return refuse(u, "the zip's end counts other members");
	/* all ones: stated by the wide record before it, which says no more than we have seen */
	if ((u32(h + 8) != UINT32_MAX && u32(h + 8) != directory_end - directory) ||
	    (u32(h + 12) != UINT32_MAX && u32(h + 12) != directory))
		return refuse(u, "the zip's end points to another directory");
	if (u16(h + 16) != 0)
		return refuse(u, "the zip has a comment");
	rc = packed_fill(&u->packed, &u->input);
	if (rc != 0)
		return rc < 0 ? -1 : refuse(u, "more bytes after the zip's end");
	if (!u->found)
		return refuse(u, "the zip has no member that counts");
	u->stage = STAGE_ENDED;
	return 0;
}

/* The wide forms of the end, which large archives have before the plain one. */
static ssize_t
skip_wide_end(struct unzip *u, uint32_t signature)
{
	unsigned char h[52];

	if (signature == END64_LOCATOR)
		return take(u, h, 16);
	if (take(u, h, sizeof(h)) != 0)
		return -1;
	return u64(h) == 44 ? 0 : refuse(u, "the zip's end has an unknown extension");
}

static ssize_t
check_directory(struct unzip *u, uint32_t signature, uint64_t at)
{
	const uint64_t directory = at;
	unsigned char h[4];
	size_t entries = 0;

	for (;; at = offset(u)) {
		if (at != directory || entries > 0) { /* the first signature was taken already */
			at = offset(u);
			if (take(u, h, sizeof(h)) != 0)
				return -1;
			signature = u32(h);
		}
		if (signature != DIRECTORY_ENTRY)
			break;
		if (check_entry(u, entries++) != 0)
			return -1;
	}
	if (entries != u->members)
		return refuse(u, "the zip's directory lacks a member");
	const uint64_t end = at;
	while (signature == END64 || signature == END64_LOCATOR) {
		if (skip_wide_end(u, signature) != 0 || take(u, h, sizeof(h)) != 0)
			return -1;
		signature = u32(h);
	}
	if (signature != END)
		return refuse(u, "the zip has something unknown in it");
	return check_end(u, entries, directory, end);
}

/* Between members: the next one, or the directory. */
static ssize_t
go_on(struct unzip *u)
{
	uint64_t at = offset(u);
	unsigned char h[4];

	if (take(u, h, sizeof(h)) != 0)
		return -1;
	if (u32(h) == LOCAL_HEADER)
		return begin_member(u, at);
	if (u32(h) == DIRECTORY_ENTRY || u32(h) == END)
		return check_directory(u, u32(h), at);
	return refuse(u, u->members == 0 ? "the file is not a zip" : "the zip has something unknown in it");
}

static ssize_t
read_zip(struct input *in, char *buf, size_t size)
{
	struct unzip *u = (struct unzip *) (void *) in;

	if (u->input.rule != NULL)
		return -1;
	while (u->stage != STAGE_ENDED) {
		ssize_t n;
		if (u->several && !(u->stage == STAGE_CONTENT && u->counts))
			return 0; /* the data file's end */
		if (u->stage == STAGE_BETWEEN) {
			if (go_on(u) != 0)
				return -1;
			continue;
		}
		n = read_content(u, buf, size);
		if (n < 0)
			return -1;
		if (n > 0 && u->counts)
			return n;
	}
	return 0;
}

int
unzip_next(struct input *in, const char **ret_name)
{
	struct unzip *u = (struct unzip *) (void *) in;
	const size_t before = u->members;
	char skipped[4096];

	if (u->input.rule != NULL)
		return -1;
	while (u->stage != STAGE_ENDED) {
		if (u->stage == STAGE_CONTENT && u->counts && u->members != before) {
			*ret_name = u->member[u->members - 1].name;
			return 1;
		}
		if ((u->stage == STAGE_BETWEEN ? go_on(u) : read_content(u, skipped, sizeof(skipped))) < 0)
			return -1;
	}
	return 0;
}

struct input *
unzip_new(struct input *below, int64_t limit, const char *pattern, const char *const *ignored, bool several)
{
	struct unzip *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->inflater = inflater_new(false);
	if (u->inflater == NULL) {
		free(u);
		return NULL;
	}
	u->input.read = read_zip;
	u->left = limit;
	u->pattern = pattern;
	u->ignored = ignored;
	u->several = several;
	u->packed.below = below;
	return &u->input;
}

void
unzip_free(struct input *in)
{
	struct unzip *u = (struct unzip *) (void *) in;

	if (u == NULL)
		return;
	inflater_free(u->inflater);
	free(u);
}
