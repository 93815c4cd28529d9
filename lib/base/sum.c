#include "lib/base/sum.h"

__extension__ typedef unsigned __int128 magnitude;

const char *
sum_text(char buf[SUM_TEXT_SIZE], sum_t sum)
{
	char *p = buf + SUM_TEXT_SIZE - 1;
	magnitude rest = sum < 0 ? -(magnitude) sum : (magnitude) sum;

	*p = '\0';
	do
		*--p = (char) ('0' + (int) (rest % 10));
	while ((rest /= 10) != 0);
	if (sum < 0)
		*--p = '-';
	return p;
}

int64_t
sum_clamped(sum_t sum)
{
	return sum > INT64_MAX ? INT64_MAX : sum < INT64_MIN ? INT64_MIN : (int64_t) sum;
}
