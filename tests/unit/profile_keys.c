/* Every key of the profile language, one a line: where, key, what it takes. */
#include <stdio.h>

#include "lib/profile/profile.h"

int
main(void)
{
	for (const struct profile_option *o = profile_options; o->where != NULL; o++)
		printf("%s\t%s\t%s\n", o->where, o->key, o->values);
	return 0;
}
