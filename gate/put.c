#include "gate/put.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "lib/http/fence.h"
#include "lib/base/text.h"
#include "lib/base/utf8.h"
#include "lib/protocol/api_call.h"

#define SOURCES "/v1/sources/"
#define FILES "/files/"
#define DIGEST_BYTES 32

static const char *
wrong(const char *code, const char *why, const char **ret_why)
{
	*ret_why = why;
	return code;
}

/* ---- lines ---- */

/* Ends each line with a NUL; false where one ends in another way than with CR LF, or has a NUL in it. */
static bool
split(char *head, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (head[i] == '\0' || head[i] == '\n')
			return false;
		else if (head[i] == '\r') {
			if (i + 1 == len || head[i + 1] != '\n')
				return false;
			head[i++] = '\0';
		}
	return true;
}

static char *
next_line(char *line)
{
	return line + strlen(line) + 2;
}

/* "Name: value".  A name with a blank after it, and a line that goes on, are none. */
static bool
add_header(struct evkeyvalq *headers, char *line)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (colon == NULL || colon == line || strcspn(line, " \t") < (size_t) (colon - line))
		return false;
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t');)
		*--end = '\0';
	return evhttp_add_header(headers, line, value) == 0;
}

/* ---- the path ---- */

/* One part, decoded; NULL: it has a NUL, or is nothing. */
static char *
decode(const char *text, size_t len)
{
	char *encoded = strndup(text, len), *part = NULL;
	size_t part_len = 0;

	for (const char *p = encoded; p != NULL && (p = strchr(p, '%')) != NULL; p++)
		if (strspn(p + 1, "0123456789abcdefABCDEF") < 2) {
			free(encoded);
			return NULL;
		}
	if (encoded != NULL)
		part = evhttp_uridecode(encoded, 0, &part_len);
	free(encoded);
	if (part != NULL &&
	    (part_len == 0 || strlen(part) != part_len || utf8_valid_prefix(part, part_len) != part_len)) {
		free(part);
		part = NULL;
	}
	return part;
}

static const char *
read_path(const char *path, struct put *ret, const char **ret_why)
{
	const char *source = path + strlen(SOURCES), *slash, *name;

	if (strncmp(path, SOURCES, strlen(SOURCES)) != 0)
		return wrong(path[0] == '/' ? "405" : "998", "a file is put to /v1/sources/{source}/files/{name}",
		             ret_why);
	slash = strchr(source, '/');
	if (slash == NULL || strncmp(slash, FILES, strlen(FILES)) != 0)
		return wrong("404", "there is nothing at this path", ret_why);
	name = slash + strlen(FILES);
	if (strpbrk(name, "/?#") != NULL)
		return wrong("404", "a file's name is one part of the path, and nothing follows it", ret_why);
	ret->source = decode(source, (size_t) (slash - source));
	ret->name = decode(name, strlen(name));
	if (ret->source == NULL || strlen(ret->source) > RECEIVE_SOURCE_BYTES)
		return wrong("404", "there is no such source", ret_why);
	if (ret->name == NULL || strlen(ret->name) > LIMIT_NAME_BYTES)
		return wrong("999", "a file's name has 1 to 255 bytes of UTF-8", ret_why);
	for (const char *p = ret->name; *p != '\0'; p++)
		if ((unsigned char) *p < 0x20 || *p == 0x7f || *p == '/')
			return wrong("999", "a file's name has no slash and no control character", ret_why);
	return NULL;
}

/* ---- headers ---- */

/* sha-256 of a dictionary of byte sequences (RFC 9530, RFC 8941).  One that is stated and cannot be read, or
 * twice, would be a file that nobody compares. */
static const char *
read_digest(const char *value, struct put *ret, const char **ret_why)
{
	static const char key[] = "sha-256=:";
	const char *at = NULL, *end;
	uint8_t hash[DIGEST_BYTES];
	int found = 0;
	size_t len = 0;

	for (const char *one = value; one != NULL; one = strchr(one, ',')) {
		one += strspn(one, ", \t");
		if (strncmp(one, key, sizeof(key) - 1) != 0)
			continue;
		at = one + sizeof(key) - 1;
		found++;
	}
	end = found == 1 ? strchr(at, ':') : NULL;
	if (end == NULL || !text_unbase64(hash, sizeof(hash), at, (size_t) (end - at), &len) ||
	    len != sizeof(hash) || strchr(", \t;", end[1]) == NULL)
		return wrong("999", "Content-Digest has one sha-256 of 32 bytes, as sha-256=:BASE64:", ret_why);
	text_hex(ret->sha256, hash, sizeof(hash));
	return NULL;
}

static const char *
read_headers(const struct evkeyvalq *headers, struct put *ret, const char **ret_why)
{
	const char *fence = fence_refuses_headers(headers),
	           *length = evhttp_find_header(headers, "Content-Length"),
	           *digest = evhttp_find_header(headers, "Content-Digest"),
	           *expect = evhttp_find_header(headers, "Expect"),
	           *token = evhttp_find_header(headers, "Authorization");

	if (fence != NULL)
		return wrong("998", fence, ret_why);
	if (length == NULL || !text_int(length, 0, INT64_MAX, &ret->bytes))
		return wrong("998", "a file has a Content-Length", ret_why);
	if (evhttp_find_header(headers, "Content-Range") != NULL ||
	    evhttp_find_header(headers, "Content-Encoding") != NULL)
		return wrong("415", "a file is put whole, and as it is", ret_why);
	if (expect != NULL && strcasecmp(expect, "100-continue") != 0)
		return wrong("998", "Expect is 100-continue", ret_why);
	ret->waits = expect != NULL;
	if (token != NULL && strncasecmp(token, "Bearer ", 7) == 0)
		token += 7 + strspn(token + 7, " ");
	else
		token = "";
	ret->token = strdup(strlen(token) <= API_TOKEN_BYTES ? token : "");
	if (ret->token == NULL)
		return wrong("503", "out of memory", ret_why);
	return digest != NULL ? read_digest(digest, ret, ret_why) : NULL;
}

const char *
put_read(char *head, size_t len, struct put *ret, const char **ret_why)
{
	struct evkeyvalq headers = TAILQ_HEAD_INITIALIZER(headers);
	char *path = head + strlen("PUT "), *version, *line;
	const char *code = NULL;

	*ret = (struct put){0};
	if (!split(head, len))
		return wrong("998", "a line ends with CR LF, and nothing else", ret_why);
	version = strchr(path, ' ');
	line = next_line(head);
	if (version == NULL || strcmp(version, " HTTP/1.1") != 0)
		return wrong("998", "that is no request of HTTP/1.1", ret_why);
	*version = '\0';
	while (line < head + len && line[0] != '\0' && code == NULL) {
		char *next = next_line(line);

		if (!add_header(&headers, line))
			code = wrong("998", "that is no header", ret_why);
		line = next;
	}
	if (code == NULL)
		code = read_headers(&headers, ret, ret_why);
	if (code == NULL)
		code = read_path(path, ret, ret_why);
	evhttp_clear_headers(&headers);
	return code;
}

void
put_free(struct put *p)
{
	free(p->source);
	free(p->name);
	free(p->token);
	*p = (struct put){0};
}
