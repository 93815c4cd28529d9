/*
 * The packets of an OpenPGP file one behind the other, as their lengths say, binary or out of armor (RFC
 * 9580, 4.2 and 6.2): how far the file reads, and nothing of what they hold.
 */
#ifndef HANDBACK_PARSERS_DECRYPT_PACKETS_H
#define HANDBACK_PARSERS_DECRYPT_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PACKET_BYTES = 65536, PACKET_LINE_BYTES = 128, PACKET_END = -1 };

/* Begins as {.file = descriptor}, and reads from the file's start. */
struct packet_reader {
	int file;
	off_t at;
	bool failed, armored;
	size_t next, end; /* of bytes */
	unsigned bits;    /* of base64, not handed on yet */
	int bit_count;
	uint8_t bytes[PACKET_BYTES];
};

struct packet {
	int tag;
	bool partial, endless; /* it goes on behind the length, or to the end of the file */
	uint64_t length;
};

/* The next byte of the file, or PACKET_END. */
int packet_raw_byte(struct packet_reader *r);
/* The next byte of the packets.  Armor ends with what is no digit: its padding, its checksum or its last
 * line. */
int packet_byte(struct packet_reader *r);
bool packet_is_space(int c);
/* Does the file begin with a packet, and not with text that may be armor?  Nothing of it is read then. */
bool packet_is_binary(struct packet_reader *r);
/* False where it ends before that. */
bool packet_skip(struct packet_reader *r, uint64_t n);
/* The head of a packet, whose first byte was read.  False where it is none. */
bool packet_begin(struct packet_reader *r, int first, struct packet *p);
/* Past all of it.  False where it ends before. */
bool packet_skip_all(struct packet_reader *r, struct packet *p);
/* The next line of the file without its end, cut to what a line of armor may have.  False at the end of the
 * file. */
bool packet_line(struct packet_reader *r, char text[PACKET_LINE_BYTES]);

#endif
