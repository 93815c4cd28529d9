#include "tests/unit/check.h"

#include "lib/base/text.h"
#include "lib/hash/checksum_file.h"

#define DIGEST "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* What the text states, as hex, or "none". */
static const char *
stated(const char *text)
{
	static char hex[TEXT_HEX_SIZE(SHA256_BYTES)];
	uint8_t hash[SHA256_BYTES];

	return checksum_file_read(text, strlen(text), hash) ? text_hex(hex, hash, sizeof(hash)) : "none";
}

static void
every_form(void **state)
{
	static const char *const forms[] = {
	    DIGEST,
	    DIGEST "\n",
	    DIGEST "\r\n",
	    "  " DIGEST " \n\n",
	    DIGEST "  answers.csv\n",
	    DIGEST " *answers.csv\n",
	    DIGEST "\tanswers.csv",
	    "\\" DIGEST "  an\\nswers.csv\n",
	    "SHA256 (answers.csv) = " DIGEST "\n",
	    "SHA256 (a=b.csv) = " DIGEST "\n",
	    "SHA2-256(answers.csv)= " DIGEST "\r\n",
	    "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		assert_string_equal(stated(forms[i]), DIGEST);
}

static void
anything_else(void **state)
{
	static const char *const none[] = {
	    "",
	    "\n",
	    "\\",
	    "SHA",
	    "SHA256 (answers.csv) =",
	    "SHA256 (answers.csv) = " DIGEST "0",
	    "MD5 (answers.csv) = d41d8cd98f00b204e9800998ecf8427e",
	    "d41d8cd98f00b204e9800998ecf8427e  answers.csv",
	    DIGEST "0",
	    DIGEST "answers.csv",
	    DIGEST "  a.csv\n" DIGEST "  b.csv\n",
	    "answers.csv  " DIGEST,
	    "x3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	};
	uint8_t hash[SHA256_BYTES];

	(void) state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_string_equal(stated(none[i]), "none");
	/* cut at every byte, and with a NUL in it */
	for (size_t len = 0; len < sizeof(DIGEST) - 1; len++)
		assert_false(checksum_file_read(DIGEST, len, hash));
	assert_false(checksum_file_read("e3b0\0" DIGEST, 4 + sizeof(DIGEST), hash));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_form),
	    cmocka_unit_test(anything_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
