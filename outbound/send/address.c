#include "outbound/send/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The first that fits counts; IANA's registries of special addresses. */
static const struct {
	uint32_t begin;
	int bits;
	enum address_class is;
} ranges[] = {
    {0x00000000, 8, ADDRESS_NEVER},    {0x0a000000, 8, ADDRESS_PRIVATE}, {0x64400000, 10, ADDRESS_PRIVATE},
    {0x7f000000, 8, ADDRESS_LOOPBACK}, {0xa9fe0000, 16, ADDRESS_NEVER},  {0xac100000, 12, ADDRESS_PRIVATE},
    {0xc0000000, 24, ADDRESS_NEVER},   {0xc0000200, 24, ADDRESS_NEVER},  {0xc0586300, 24, ADDRESS_NEVER},
    {0xc0a80000, 16, ADDRESS_PRIVATE}, {0xc6120000, 15, ADDRESS_NEVER},  {0xc6336400, 24, ADDRESS_NEVER},
    {0xcb007100, 24, ADDRESS_NEVER},   {0xe0000000, 3, ADDRESS_NEVER},
};

static enum address_class
class_of_v4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if ((address ^ ranges[i].begin) >> (32 - ranges[i].bits) == 0)
			return ranges[i].is;
	return ADDRESS_PUBLIC;
}

static uint32_t
four_bytes(const uint8_t *at)
{
	return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

static enum address_class
class_of_v6(const uint8_t a[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, translated[12] = {0, 0x64, 0xff, 0x9b},
	                     loopback[16] = {[15] = 1};

	if (memcmp(a, loopback, 16) == 0)
		return ADDRESS_LOOPBACK;
	/* an address of the older kind in other clothes */
	if (memcmp(a, mapped, 12) == 0 || memcmp(a, translated, 12) == 0)
		return class_of_v4(four_bytes(a + 12));
	if (a[0] == 0x20 && a[1] == 0x02)
		return class_of_v4(four_bytes(a + 2));
	if ((a[0] & 0xfe) == 0xfc)
		return ADDRESS_PRIVATE;
	if (a[0] == 0x20 && a[1] == 0x01 && ((a[2] == 0x0d && a[3] == 0xb8) || a[2] < 2)) /* examples, tunnels */
		return ADDRESS_NEVER;
	return (a[0] & 0xe0) == 0x20 ? ADDRESS_PUBLIC : ADDRESS_NEVER;
}

enum address_class
address_class_of(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		return class_of_v4(ntohl(v4.sin_addr.s_addr));
	}
	if (address->sa_family != AF_INET6)
		return ADDRESS_NEVER;
	memcpy(&v6, address, sizeof(v6));
	return class_of_v6(v6.sin6_addr.s6_addr);
}

bool
address_is_allowed(const struct sockaddr *address, const struct address_rule *rule)
{
	enum address_class is = address_class_of(address);

	if (rule->loopback)
		return is == ADDRESS_LOOPBACK;
	return is == ADDRESS_PUBLIC || (is == ADDRESS_PRIVATE && rule->private);
}

char *
address_list(const char *host, const struct address_rule *rule, char *why, size_t why_size)
{
	const struct addrinfo wish = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char one[INET6_ADDRSTRLEN + 2], *text = NULL;
	int rc = getaddrinfo(host, NULL, &wish, &found);
	size_t size = 0, count = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL || rc != 0) {
		snprintf(why, why_size, "its host has no address: %s", rc != 0 ? gai_strerror(rc) : "no memory");
	} else {
		for (const struct addrinfo *a = found; a != NULL && count < 8; a = a->ai_next)
			if (address_is_allowed(a->ai_addr, rule) &&
			    getnameinfo(a->ai_addr, a->ai_addrlen, one, sizeof(one), NULL, 0, NI_NUMERICHOST) == 0)
				fprintf(out, strchr(one, ':') != NULL ? "%s[%s]" : "%s%s", count++ > 0 ? "," : "", one);
		if (count == 0)
			snprintf(why, why_size, "its host has none but addresses that are not allowed");
	}
	if (out != NULL && fclose(out) != 0)
		count = 0;
	if (found != NULL)
		freeaddrinfo(found);
	if (rc == 0 && count > 0)
		return text;
	free(text);
	return NULL;
}
