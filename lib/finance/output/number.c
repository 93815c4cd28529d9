#include "lib/finance/output/number.h"

#include <inttypes.h>

#include "lib/finance/output/memory.h"

static const char *
skip_digits(const char *at)
{
	while (*at >= '0' && *at <= '9')
		at++;
	return at;
}

bool
number_is_plain(const char *text)
{
	const char *first = text + (*text == '-');
	const char *at = skip_digits(first);

	/* JSON knows no leading zeros; a reference such as 007 is a text anyway */
	if (at == first || (*first == '0' && at > first + 1))
		return false;
	if (*at != '.')
		return *at == 0;
	const char *end = skip_digits(at + 1);
	return end > at + 1 && *end == 0;
}

char *
number_shown(const char *text)
{
	if (!number_is_plain(text))
		return mem_text(text);

	const char *first = text + (*text == '-');
	size_t digits = (size_t) (skip_digits(first) - first);
	char *shown = mem_new(strlen(text) + digits / 3 + 1, 1), *to = shown;

	if (*text == '-')
		*to++ = '-';
	for (size_t i = 0; i < digits; i++) {
		if (i > 0 && (digits - i) % 3 == 0)
			*to++ = ',';
		*to++ = first[i];
	}
	memcpy(to, first + digits, strlen(first + digits) + 1);
	return shown;
}

char *
number_of(int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	return number_shown(text);
}
