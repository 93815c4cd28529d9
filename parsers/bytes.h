#ifndef HANDBACK_PARSERS_BYTES_H
#define HANDBACK_PARSERS_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How many bytes from the beginning are ASCII and no NUL; eight at a time. */
static inline uint32_t
bytes_plain(const char *p, uint32_t len)
{
	uint32_t i = 0;
	uint64_t word;

	for (; i + 8 <= len; i += 8) {
		memcpy(&word, p + i, 8);
		if (((word | (word - 0x0101010101010101u)) & 0x8080808080808080u) != 0)
			break;
	}
	while (i < len && (signed char) p[i] > 0)
		i++;
	return i;
}

#endif
