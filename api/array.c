#include "api/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

static bool
room(struct array *a, size_t more)
{
	size_t size = a->size > 0 ? a->size : 1024;
	char *grown;

	while (size < a->length + more)
		size *= 2;
	if (size == a->size)
		return true;
	grown = realloc(a->text, size);
	if (grown == NULL) {
		a->failed = true;
		return false;
	}
	a->text = grown;
	a->size = size;
	return true;
}

static void
put(struct array *a, const char *bytes, size_t len)
{
	if (!room(a, len))
		return;
	memcpy(a->text + a->length, bytes, len);
	a->length += len;
}

void
array_start(struct array *a)
{
	a->length = 0;
	a->failed = false;
	put(a, "{", 1);
}

static void
separate(struct array *a)
{
	if (a->length > 1)
		put(a, ",", 1);
}

void
array_add(struct array *a, const char *text)
{
	separate(a);
	if (text == NULL) {
		put(a, "NULL", 4);
		return;
	}
	put(a, "\"", 1);
	for (size_t plain; *text != '\0'; text += plain + (text[plain] != '\0')) {
		plain = strcspn(text, "\"\\");
		put(a, text, plain);
		if (text[plain] != '\0') {
			put(a, "\\", 1);
			put(a, text + plain, 1);
		}
	}
	put(a, "\"", 1);
}

void
array_add_int(struct array *a, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	separate(a);
	put(a, text, strlen(text));
}

void
array_add_bytes(struct array *a, const void *bytes, size_t len)
{
	separate(a);
	put(a, "\"\\\\x", 4);
	if (room(a, TEXT_HEX_SIZE(len))) {
		text_hex(a->text + a->length, bytes, len);
		a->length += 2 * len;
	}
	put(a, "\"", 1);
}

const char *
array_end(struct array *a)
{
	put(a, "}", 2); /* and its NUL */
	return a->failed ? NULL : a->text;
}

void
array_free(struct array *a)
{
	free(a->text);
	*a = (struct array){0};
}
