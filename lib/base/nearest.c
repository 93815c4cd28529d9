#include "lib/base/nearest.h"

#include <stdint.h>

#define WORD_BYTES 64 /* longer words get no hint */

/* Levenshtein's distance of two words, SIZE_MAX when one is too long. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[WORD_BYTES + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > WORD_BYTES || lb > WORD_BYTES)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *
nearest_word(const char *word, const char *const *known)
{
	size_t limit = strlen(word) / 3 + 1, best = limit + 1;
	const char *found = NULL;

	for (; known != NULL && *known != NULL; known++) {
		size_t d = distance(word, *known);

		if (d < best) {
			best = d;
			found = *known;
		}
	}
	return found;
}
