#ifndef HANDBACK_PROTOCOL_BYTES_H
#define HANDBACK_PROTOCOL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__ /* every x86-64 has it; elsewhere eight bytes at a time are fast enough */
#include <emmintrin.h>
#endif

#include "lib/protocol/record.h"

/* How many bytes from the beginning are ASCII and no NUL. */
static inline uint32_t
bytes_plain(const char *p, uint32_t len)
{
	uint32_t i = 0;
	uint64_t word;

#ifdef __SSE2__
	for (; i + 16 <= len; i += 16)
		/* signed: above 0x7f is below 0 */
		if (_mm_movemask_epi8(_mm_cmpgt_epi8(_mm_loadu_si128((const __m128i *) (const void *) (p + i)),
		                                     _mm_setzero_si128())) != 0xffff)
			break;
#endif
	for (; i + 8 <= len; i += 8) {
		memcpy(&word, p + i, 8);
		if (((word | (word - 0x0101010101010101u)) & 0x8080808080808080u) != 0)
			break;
	}
	while (i < len && (signed char) p[i] > 0)
		i++;
	return i;
}

/* The high bit of each byte of word that is c, and of no other. */
static inline uint64_t
bytes_equal(uint64_t word, unsigned char c)
{
	uint64_t low = 0x7f7f7f7f7f7f7f7fu, x = word ^ (0x0101010101010101u * c);

	return ~(((x & low) + low) | x | low);
}

/*
 * A slice was just written as its two members: copied as a whole it would be
 * loaded in one piece that no store has yet made, and the processor waits.
 */
static inline void
slice_copy(struct slice *to, const struct slice *from)
{
	to->data = from->data;
	to->len = from->len;
}

/* One to seven bytes as eight: each of them at least once, and no other. */
static inline uint64_t
bytes_few(const char *p, uint32_t len)
{
	uint32_t first, last;

	if (len < 4)
		return (uint64_t) (unsigned char) p[0] * 0x0101010101010000u |
		       (uint64_t) (unsigned char) p[len / 2] << 8 | (unsigned char) p[len - 1];
	memcpy(&first, p, 4);
	memcpy(&last, p + len - 4, 4);
	return (uint64_t) first << 32 | last;
}

/* Are they the same?  For short texts, of which a call costs more than the bytes. */
static inline bool
bytes_same(const char *a, const char *b, uint32_t len)
{
	uint64_t x, y;

	if (len < 8)
		return len == 0 || bytes_few(a, len) == bytes_few(b, len);
	for (uint32_t i = 0; i + 8 < len; i += 8) {
		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		if (x != y)
			return false;
	}
	memcpy(&x, a + len - 8, 8);
	memcpy(&y, b + len - 8, 8);
	return x == y;
}

/* Eight bytes, the first of them lowest. */
static inline uint64_t
bytes_load(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* The high bits of eight bytes as eight bits. */
static inline uint64_t
bytes_mask(uint64_t marks)
{
	return ((marks >> 7) * 0x0102040810204080u) >> 56;
}

/* A bit for each of up to 64 bytes that is a or b. */
static inline uint64_t
bytes_either(const char *p, uint32_t len, char a, char b)
{
	uint64_t mask = 0;
	uint32_t i = 0;

#ifdef __SSE2__
	for (; i + 16 <= len; i += 16) {
		__m128i block = _mm_loadu_si128((const __m128i *) (const void *) (p + i));

		mask |= (uint64_t) (unsigned) _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8(a)),
		                                                             _mm_cmpeq_epi8(block, _mm_set1_epi8(b))))
		        << i;
	}
#endif
	for (; i + 8 <= len; i += 8) {
		uint64_t word = bytes_load(p + i);

		mask |= bytes_mask(bytes_equal(word, (unsigned char) a) | bytes_equal(word, (unsigned char) b)) << i;
	}
	for (; i < len; i++)
		mask |= (uint64_t) (p[i] == a || p[i] == b) << i;
	return mask;
}

#endif
