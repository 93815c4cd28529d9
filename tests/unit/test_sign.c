/* Signatures against what others published. */
#include "check.h"
#include "outbound/send/sign.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define BODY "{\"test\": 2432232314}"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define ID "msg_p5jXN8AQM9LWM0D4loKWxJek"

static void
test_the_published_vector(void **state)
{
	char *value = sign_message(SECRET, NULL, ID, 1614265330, BODY, strlen(BODY));

	(void) state;
	assert_string_equal(value, SIGNATURE);
	free(value);
	value = sign_message(SECRET, SECRET, ID, 1614265330, BODY, strlen(BODY));
	assert_string_equal(value, SIGNATURE " " SIGNATURE);
	free(value);
	value = sign_message(SECRET, NULL, ID, 1614265331, BODY, strlen(BODY));
	assert_string_not_equal(value, SIGNATURE);
	free(value);
}

static void
test_what_is_no_secret(void **state)
{
	(void) state;
	assert_true(sign_is_secret(SECRET));
	assert_false(sign_is_secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
	assert_false(sign_is_secret("whsec_"));
	assert_false(sign_is_secret("whsec_c2hvcnQ="));
	assert_false(sign_is_secret("whsec_!fKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
	assert_null(sign_message("whsec_", NULL, "a", 1, "", 0));
	assert_null(sign_message(SECRET, "whsec_", "a", 1, "", 0));
}

static void
test_no_key(void **state)
{
	const struct sign_claims claims = {"i", "s", "a", 1};
	char why[200];

	(void) state;
	assert_null(sign_assertion("", &claims, why, sizeof(why)));
	assert_non_null(strstr(why, "no RSA key"));
	assert_null(sign_assertion(
	    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
	    "-----END PRIVATE KEY-----\n",
	    &claims, why, sizeof(why)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_published_vector),
	    cmocka_unit_test(test_what_is_no_secret),
	    cmocka_unit_test(test_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
