/*
 * What an SSH server offers, read from its first packet (RFC 4253, sections 4.2
 * and 7.1), which is in the clear: libssh shows only what was agreed upon.
 * Sends our version line and nothing else.
 */
#ifndef HANDBACK_FETCH_KEXINIT_H
#define HANDBACK_FETCH_KEXINIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kexinit_list {
	KEXINIT_KEX,
	KEXINIT_HOST_KEYS,
	KEXINIT_CIPHERS_TO_SERVER,
	KEXINIT_CIPHERS,
	KEXINIT_MACS_TO_SERVER,
	KEXINIT_MACS,
	KEXINIT_LISTS
};

#define KEXINIT_LIST_BYTES 2048

struct kexinit {
	char list[KEXINIT_LISTS][KEXINIT_LIST_BYTES]; /* comma separated, escaped, cut at the end */
};

/* fd is a connected socket.  False with static text in *ret_why. */
bool kexinit_read(int fd, int64_t timeout_ms, struct kexinit *ret, const char **ret_why);

/* From the bytes of the packet's payload alone (fuzzed). */
bool kexinit_parse(const uint8_t *payload, size_t len, struct kexinit *ret);

#endif
