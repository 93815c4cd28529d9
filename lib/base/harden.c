#include "lib/base/harden.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lib/base/exit_codes.h"

static void
refused(void)
{
	fprintf(stderr, "%s: cannot give up what is not needed: %s\n", program_invocation_short_name,
	        strerrordesc_np(errno));
	exit(EXIT_FAILED);
}

void
harden(void)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0)
		return;
	refused();
}

void
harden_keys(void)
{
	harden();
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		refused();
}
