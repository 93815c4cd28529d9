/*
 * Packets between our processes over a SOCK_SEQPACKET pair, each with at most
 * one descriptor: a packet comes whole or not at all, and carries the
 * descriptor that it speaks of.
 */
#ifndef HANDBACK_PROTOCOL_CHANNEL_H
#define HANDBACK_PROTOCOL_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

/* Two ends, O_CLOEXEC, blocking.  0, or -1 with errno. */
int channel_pair(int ret_ends[2]);

/* The same end where a socket of the file system listens, as that of a program's own unit.  The descriptor,
 * or -1 with errno. */
int channel_connect(const char *path);

/* A socket of this type (SOCK_SEQPACKET, SOCK_STREAM) that listens at the path, for its owner and group
 * alone; a socket that lay there is replaced, and nothing else is.  The descriptor, or -1 with errno. */
int channel_listen(const char *path, int type, int waiting);

/* Sends one packet, with a descriptor or -1 for none (it stays the caller's).  0, or -1 with errno
 * (EAGAIN on a non-blocking end that is full; EPIPE, and no signal, when the other end is gone). */
int channel_send(int end, const void *bytes, size_t len, int pass);

/*
 * Receives one packet of at most size - 1 bytes and puts a NUL behind it.
 * 1: a packet, *ret_len its length, *ret_passed its descriptor (O_CLOEXEC, the caller closes it) or -1.
 * 0: the other end is gone.  -1 with errno: EAGAIN, or EMSGSIZE / EBADMSG for a packet that was cut,
 * had a NUL inside, or carried more than one descriptor (they are closed).  With ret_passed NULL a
 * descriptor is EBADMSG too.
 */
int channel_receive(int end, char *buf, size_t size, size_t *ret_len, int *ret_passed);

/*
 * Reads a job of several packets, up to the line `go`, each to take(): -1 with a sentence in why[] refuses
 * it, and passed (-1: none) is take's.  A job that is refused is read to its end too, so that the answer to
 * it is not lost with the rest.  False with a sentence in why[].
 */
bool channel_receive_job(int end,
                         int (*take)(void *job, int *turn, char *line, int passed, char *why,
                                     size_t why_size),
                         void *job, int *turn, char *why, size_t why_size);

/* A packet that waits to be sent, or was received; fd goes with it, -1: none. */
struct channel_packet {
	char *text;
	size_t length;
	int fd;
};

struct channel_packets {
	struct channel_packet *packet;
	size_t count, size;
};

/* Takes a copy of the bytes (NUL-ended) and, also when it fails, the descriptor.  False: no memory. */
bool channel_packets_add(struct channel_packets *packets, const char *text, size_t length, int fd);
/* Sends those from *sent on, which counts.  0: all; -1 with errno as channel_send. */
int channel_packets_send(const struct channel_packets *packets, size_t *sent, int end);
void channel_packets_free(struct channel_packets *packets); /* closes what goes with them */

#endif
