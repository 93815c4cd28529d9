/* Which addresses a target may have. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "check.h"
#include "outbound/send/address.h"

static enum address_class
class_of(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return address_class_of((const struct sockaddr *) &v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return address_class_of((const struct sockaddr *) &v6);
}

/* The first and the last of each range, and what stands beside it. */
static void
test_ranges(void **state)
{
	static const struct {
		const char *address;
		enum address_class is;
	} cases[] = {
	    {"8.8.8.8", ADDRESS_PUBLIC},
	    {"0.0.0.0", ADDRESS_NEVER},
	    {"0.255.255.255", ADDRESS_NEVER},
	    {"1.0.0.0", ADDRESS_PUBLIC},
	    {"9.255.255.255", ADDRESS_PUBLIC},
	    {"10.0.0.0", ADDRESS_PRIVATE},
	    {"10.255.255.255", ADDRESS_PRIVATE},
	    {"11.0.0.0", ADDRESS_PUBLIC},
	    {"100.63.255.255", ADDRESS_PUBLIC},
	    {"100.64.0.0", ADDRESS_PRIVATE},
	    {"100.127.255.255", ADDRESS_PRIVATE},
	    {"100.128.0.0", ADDRESS_PUBLIC},
	    {"127.0.0.1", ADDRESS_LOOPBACK},
	    {"127.255.255.255", ADDRESS_LOOPBACK},
	    {"169.254.169.254", ADDRESS_NEVER},
	    {"172.15.255.255", ADDRESS_PUBLIC},
	    {"172.16.0.0", ADDRESS_PRIVATE},
	    {"172.31.255.255", ADDRESS_PRIVATE},
	    {"172.32.0.0", ADDRESS_PUBLIC},
	    {"192.0.0.1", ADDRESS_NEVER},
	    {"192.168.0.0", ADDRESS_PRIVATE},
	    {"192.169.0.0", ADDRESS_PUBLIC},
	    {"198.18.0.1", ADDRESS_NEVER},
	    {"198.20.0.0", ADDRESS_PUBLIC},
	    {"223.255.255.255", ADDRESS_PUBLIC},
	    {"224.0.0.1", ADDRESS_NEVER},
	    {"255.255.255.255", ADDRESS_NEVER},
	    {"::", ADDRESS_NEVER},
	    {"::1", ADDRESS_LOOPBACK},
	    {"::2", ADDRESS_NEVER},
	    {"::ffff:127.0.0.1", ADDRESS_LOOPBACK},
	    {"::ffff:10.1.1.1", ADDRESS_PRIVATE},
	    {"::ffff:8.8.8.8", ADDRESS_PUBLIC},
	    {"64:ff9b::a9fe:a9fe", ADDRESS_NEVER},
	    {"2002:a00:1::", ADDRESS_PRIVATE},
	    {"2002:7f00:1::", ADDRESS_LOOPBACK},
	    {"fc00::1", ADDRESS_PRIVATE},
	    {"fdff::1", ADDRESS_PRIVATE},
	    {"fe80::1", ADDRESS_NEVER},
	    {"ff02::1", ADDRESS_NEVER},
	    {"2001:db8::1", ADDRESS_NEVER},
	    {"2001::1", ADDRESS_NEVER},
	    {"2606:4700::1111", ADDRESS_PUBLIC},
	    {"4000::1", ADDRESS_NEVER},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (class_of(cases[i].address) != cases[i].is)
			fail_msg("%s is %d", cases[i].address, (int) class_of(cases[i].address));
}

static void
test_a_name_that_became_a_private_address(void **state)
{
	const struct address_rule open = {.private = true}, own = {.loopback = true}, closed = {.private = false};
	char why[200], *list;

	(void) state;
	assert_null(address_list("localhost", &closed, why, sizeof(why)));
	assert_non_null(strstr(why, "not allowed"));
	assert_null(address_list("localhost", &open, why, sizeof(why)));
	assert_null(address_list("10.0.0.1", &closed, why, sizeof(why)));
	assert_null(address_list("10.0.0.1", &own, why, sizeof(why)));
	list = address_list("10.0.0.1", &open, why, sizeof(why));
	assert_string_equal(list, "10.0.0.1");
	free(list);
	list = address_list("localhost", &own, why, sizeof(why));
	assert_non_null(list);
	free(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ranges),
	    cmocka_unit_test(test_a_name_that_became_a_private_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
