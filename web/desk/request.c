#include "web/desk/request.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/finance/output/memory.h"
#include "web/desk/upload.h"

bool
request_decode(char *text, bool plus)
{
	char *to = text;

	for (const char *p = text; *p != '\0'; p++) {
		char hex[3] = {0};
		unsigned char byte;

		if (*p != '%') {
			*to++ = plus && *p == '+' ? ' ' : *p;
			continue;
		}
		if (p[1] == '\0' || p[2] == '\0')
			return false;
		memcpy(hex, p + 1, 2);
		if (!text_unhex(&byte, sizeof(byte), hex, &(size_t){0}) || byte == '\0')
			return false;
		*to++ = (char) byte;
		p += 2;
	}
	*to = '\0';
	return true;
}

static bool
read_path(struct request *r, const char *path)
{
	while (*path == '/') {
		size_t len = strcspn(path + 1, "/");

		if (len == 0 && path[1] == '\0')
			break;
		if (len == 0 || r->parts == REQUEST_PARTS)
			return false;
		r->part[r->parts] = mem_part(path + 1, len);
		if (!request_decode(r->part[r->parts++], false))
			return false;
		path += 1 + len;
	}
	return *path == '\0' || strcmp(path, "/") == 0;
}

static bool
read_fields(struct request *r, const char *text)
{
	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, "&"), name = strcspn(text, "=&");

		if (r->fields == REQUEST_FIELDS)
			return false;
		r->field[r->fields].name = mem_part(text, name);
		r->field[r->fields].value = mem_part(text + name + (name < len), name < len ? len - name - 1 : 0);
		r->fields++;
		if (!request_decode(r->field[r->fields - 1].name, true) ||
		    !request_decode(r->field[r->fields - 1].value, true))
			return false;
		text += len + (text[len] == '&');
	}
	return true;
}

bool
request_read(const struct desk_ask *ask, struct request *ret)
{
	*ret = (struct request){
	    .post = ask->form != NULL || ask->type != NULL, .path = ask->path, .query = ask->query != NULL ? ask->query : ""};
	return read_path(ret, ask->path) && read_fields(ret, ask->query) && read_fields(ret, ask->form) &&
	       (ask->type == NULL || upload_read(ret, ask->type, ask->body));
}

void
request_free(struct request *r)
{
	free(r->file_name);
	free(r->body);
	for (size_t i = 0; i < r->parts; i++)
		free(r->part[i]);
	for (size_t i = 0; i < r->fields; i++) {
		free(r->field[i].name);
		free(r->field[i].value);
	}
}

char *
request_numbers(const struct request *r, const char *name)
{
	char *list = NULL, *closed;
	int64_t number;

	for (size_t i = 0; i < r->fields; i++) {
		char *more;

		if (strcmp(r->field[i].name, name) != 0)
			continue;
		if (!text_int(r->field[i].value, 1, INT64_MAX, &number)) {
			free(list);
			return NULL;
		}
		more = mem_format("%s%s%s", list != NULL ? list : "{", list != NULL ? "," : "", r->field[i].value);
		free(list);
		list = more;
	}
	closed = list != NULL ? mem_format("%s}", list) : NULL;
	free(list);
	return closed;
}

const char *
request_field(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->fields; i++)
		if (strcmp(r->field[i].name, name) == 0)
			return r->field[i].value[0] != '\0' ? r->field[i].value : NULL;
	return NULL;
}
