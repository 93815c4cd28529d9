#include "lib/finance/output/memory.h"

#include <stdarg.h>

#include "lib/base/exit_codes.h"

_Noreturn void
mem_none(void)
{
	fputs("handbackctl: out of memory\n", stderr);
	exit(EXIT_INTERNAL);
}

void *
mem_new(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (p == NULL)
		mem_none();
	return p;
}

void *
mem_grow(void *old, size_t count, size_t size)
{
	void *p = reallocarray(old, count ? count : 1, size ? size : 1);

	if (p == NULL)
		mem_none();
	return p;
}

char *
mem_part(const char *text, size_t len)
{
	char *copy = mem_new(len + 1, 1);

	memcpy(copy, text, len);
	return copy;
}

char *
mem_text(const char *text)
{
	return text != NULL ? mem_part(text, strlen(text)) : NULL;
}

char *
mem_format(const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		mem_none();
	return text;
}
