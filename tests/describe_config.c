/* Prints the option table, for the test that holds docs/operator.md to it. */
#include "base/config.h"

int
main(void)
{
	return config_describe(stdout) ? 0 : 1;
}
