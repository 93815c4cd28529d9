/* A file that GnuPG has opened: is it one message and nothing else?  Whatever it is, that is said in the end,
 * and the same each time. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parsers/decrypt/whole.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int file = -1;

	if (file < 0)
		file = memfd_create("whole", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, 0) < 0 || pwrite(file, data, size, 0) != (ssize_t) size)
		return 0;
	if (whole_message(file) != whole_message(file))
		abort();
	return 0;
}
