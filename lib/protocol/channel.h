/*
 * Packets between our processes over a SOCK_SEQPACKET pair, each with at most
 * one descriptor: a packet comes whole or not at all, and carries the
 * descriptor that it speaks of.
 */
#ifndef HANDBACK_PROTOCOL_CHANNEL_H
#define HANDBACK_PROTOCOL_CHANNEL_H

#include <stddef.h>

/* Two ends, O_CLOEXEC, blocking.  0, or -1 with errno. */
int channel_pair(int ret_ends[2]);

/* The same end where a socket of the file system listens, as that of a program's own unit.  The descriptor,
 * or -1 with errno. */
int channel_connect(const char *path);

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

#endif
