/* The small closed lists: a profile's words, currencies. */
#include "lib/profile/values.h"
#include "lib/protocol/bytes.h"

const struct word *
words_find(const struct words *words, const struct slice *text)
{
	uint32_t class = text->len < 32 ? text->len : 32;

	for (uint16_t i = words->by_length[class]; i < words->count; i++) {
		const struct word *w = &words->list[i];

		if (w->word.len == text->len && bytes_same(w->word.data, text->data, text->len))
			return w;
		if (w->word.len > text->len)
			return NULL;
	}
	return NULL;
}

static int
by_length(const void *a, const void *b)
{
	const struct word *x = a, *y = b;

	if (x->word.len != y->word.len)
		return x->word.len < y->word.len ? -1 : 1;
	return memcmp(x->word.data, y->word.data, x->word.len);
}

bool
words_sort(struct words *words)
{
	qsort(words->list, words->count, sizeof(*words->list), by_length);
	for (uint16_t i = 1; i < words->count; i++)
		if (by_length(&words->list[i - 1], &words->list[i]) == 0)
			return false;
	for (uint32_t class = 0; class <= 32; class ++) {
		uint16_t first = 0;

		while (first < words->count && words->list[first].word.len < class)
			first++;
		words->by_length[class] = first;
	}
	return true;
}

/* ISO 4217: those with other than two decimals; every other code of three letters has two. */
static const struct {
	char code[4];
	int decimals;
} odd_currencies[] = {
    {"BHD", 3}, {"BIF", 0}, {"CLF", 4}, {"CLP", 0}, {"DJF", 0}, {"GNF", 0}, {"IQD", 3},
    {"ISK", 0}, {"JOD", 3}, {"JPY", 0}, {"KMF", 0}, {"KRW", 0}, {"KWD", 3}, {"LYD", 3},
    {"OMR", 3}, {"PYG", 0}, {"RWF", 0}, {"TND", 3}, {"UGX", 0}, {"UYI", 0}, {"UYW", 4},
    {"VND", 0}, {"VUV", 0}, {"XAF", 0}, {"XOF", 0}, {"XPF", 0},
};

int
currency_decimals(const char *code, size_t len)
{
	if (len != 3)
		return -1;
	for (size_t i = 0; i < 3; i++)
		if (code[i] < 'A' || code[i] > 'Z')
			return -1;
	for (size_t i = 0; i < sizeof(odd_currencies) / sizeof(*odd_currencies); i++)
		if (memcmp(odd_currencies[i].code, code, 3) == 0)
			return odd_currencies[i].decimals;
	return 2;
}

bool
excel_mangled(struct slice text)
{
	uint32_t i = 0;

	while (i < text.len &&
	       ((text.data[i] >= '0' && text.data[i] <= '9') || text.data[i] == '.' || text.data[i] == ','))
		i++;
	if (i == 0 || i + 2 >= text.len || (text.data[i] != 'E' && text.data[i] != 'e') ||
	    text.data[i + 1] != '+')
		return false;
	for (i += 2; i < text.len; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return true;
}
