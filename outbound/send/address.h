/* Which addresses a target may have: what the name says is not enough, since a name may become any address.
 */
#ifndef HANDBACK_OUTBOUND_SEND_ADDRESS_H
#define HANDBACK_OUTBOUND_SEND_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum address_class {
	ADDRESS_PUBLIC,
	ADDRESS_PRIVATE,  /* RFC 1918, 6598 and 4193 */
	ADDRESS_LOOPBACK, /* this machine */
	ADDRESS_NEVER,    /* nobody's, everybody's, or of the link: a cloud's metadata lives there */
};

enum address_class address_class_of(const struct sockaddr *address);

/* Which of them a request may go to. */
struct address_rule {
	bool loopback; /* the URL itself names this machine: that alone */
	bool private;  /* the connector allows it */
};

bool address_is_allowed(const struct sockaddr *address, const struct address_rule *rule);

/* The addresses of a host that are allowed, with commas between, as libcurl wants them; the caller frees it.
 * NULL with a sentence in why[].  It may take as long as the resolver does. */
char *address_list(const char *host, const struct address_rule *rule, char *why, size_t why_size);

#endif
