/* Delimited files: quotes, names of columns, levels, counts, continuations. */
#include "tests/fuzz/parse_bytes.h"

static const char *const profiles[] = {"idpay-feedback-csv", "kognitiv", "bai2", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	parse_shipped(profiles, data, size);
	return 0;
}
