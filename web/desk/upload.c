#include "web/desk/upload.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/finance/output/memory.h"

#define BOUNDARY_MOST 70 /* RFC 2046 */
#define BODY_S 5
#define FIELD_MOST 200   /* of what is no file */

struct part {
	const char *head, *bytes;
	size_t head_len, len;
};

/* The whole body; NULL: it is too long, or does not come. */
static char *
read_body(int fd, size_t *ret_len)
{
	const struct timeval patience = {.tv_sec = BODY_S};
	char *bytes = NULL;

	/* handback-web has all of it already */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    io_read_all(fd, DESK_BODY_BYTES, &bytes, ret_len) == 0)
		return bytes;
	return NULL;
}

/* "\r\n--BOUNDARY" of the content type. */
static bool
read_boundary(const char *type, char ret[BOUNDARY_MOST + 5])
{
	static const char key[] = "boundary=";
	const char *at = strstr(type, key);
	size_t len;

	if (at == NULL)
		return false;
	at += sizeof(key) - 1;
	len = strspn(at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'()+_,-./:=?");
	if (len == 0 || len > BOUNDARY_MOST || (at[len] != '\0' && at[len] != ';'))
		return false;
	snprintf(ret, BOUNDARY_MOST + 5, "\r\n--%.*s", (int) len, at);
	return true;
}

/* name="..." of a part's head, a copy; NULL: there is none.  Browsers write a quotation mark as %22. */
static char *
parameter(const struct part *p, const char *key)
{
	size_t key_len = strlen(key);
	const char *at = p->head, *end = p->head + p->head_len, *close;

	for (; (at = memmem(at, (size_t) (end - at), key, key_len)) != NULL; at += key_len) {
		if (at == p->head || (at[-1] != ' ' && at[-1] != ';'))
			continue;
		at += key_len;
		close = memchr(at, '"', (size_t) (end - at));
		return close != NULL && memchr(at, '\0', (size_t) (close - at)) == NULL
		           ? mem_part(at, (size_t) (close - at))
		           : NULL;
	}
	return NULL;
}

/* A file's name, without the directories that some browser may send; NULL: it cannot be one. */
static char *
plain_name(char *name)
{
	const char *slash = strrchr(name, '/'), *back = strrchr(name, '\\');
	const char *begin = slash == NULL && back == NULL ? name : (slash > back ? slash : back) + 1;
	char *plain = *begin != '\0' && strlen(begin) <= LIMIT_NAME_BYTES ? mem_text(begin) : NULL;

	free(name);
	return plain;
}

/* A field, or the file; false: it is neither, or there is no room for it. */
static bool
take(struct request *r, const struct part *p)
{
	char *name = parameter(p, "name=\""), *file = parameter(p, "filename=\"");
	bool good = name != NULL;

	if (good && file != NULL) {
		good = r->file_name == NULL;
		if (good && p->len > 0) {
			r->file_name = plain_name(file);
			file = NULL;
			r->file = p->bytes;
			r->file_len = p->len;
			good = r->file_name != NULL;
		}
	} else if (good) {
		good = r->fields < REQUEST_FIELDS && p->len <= FIELD_MOST && memchr(p->bytes, '\0', p->len) == NULL;
		if (good) {
			r->field[r->fields].name = mem_text(name);
			r->field[r->fields++].value = mem_part(p->bytes, p->len);
		}
	}
	free(name);
	free(file);
	return good;
}

/* The parts of the body, which ends with "--" behind the last boundary. */
static bool
take_parts(struct request *r, const char *boundary, const char *body, size_t len)
{
	size_t b = strlen(boundary);
	const char *at = body, *end = body + len;

	if (len < b || memcmp(at, boundary + 2, b - 2) != 0) /* the first one begins the body */
		return false;
	at += b - 2;
	while (end - at >= 2 && memcmp(at, "\r\n", 2) == 0) {
		struct part p = {.head = at + 2};
		const char *blank = memmem(p.head, (size_t) (end - p.head), "\r\n\r\n", 4), *next;

		if (blank == NULL)
			return false;
		p.head_len = (size_t) (blank - p.head);
		p.bytes = blank + 4;
		next = memmem(p.bytes, (size_t) (end - p.bytes), boundary, b);
		if (next == NULL)
			return false;
		p.len = (size_t) (next - p.bytes);
		if (!take(r, &p))
			return false;
		at = next + b;
	}
	return end - at >= 2 && memcmp(at, "--", 2) == 0;
}

bool
upload_read(struct request *r, const char *type, int body)
{
	char boundary[BOUNDARY_MOST + 5];
	size_t len = 0;

	r->body = read_body(body, &len);
	return r->body != NULL && read_boundary(type, boundary) && take_parts(r, boundary, r->body, len);
}
