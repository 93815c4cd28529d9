/* The frame decoder: whatever a captured parser sends, frame_next gives only what lib/protocol/frame.h
 * permits. */
#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/utf8.h"
#include "lib/protocol/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct frame_reader *r;
	struct frame f;
	const char *why = NULL;
	uint64_t records = 0;
	int rc;

	if (fd < 0)
		fd = memfd_create("frames", MFD_CLOEXEC);
	if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t) size || lseek(fd, 0, SEEK_SET) != 0)
		return 0;
	r = frame_reader_new(fd);
	while ((rc = frame_next(r, &f, &why)) == 1) {
		if (f.kind == FRAME_RECORD) {
			records++;
			for (size_t i = 0; i < RECORD_TEXTS; i++)
				assert(utf8_text_ok(f.record.text[i].data, f.record.text[i].len));
		}
		if (f.kind == FRAME_END)
			assert(f.end.records == records || (f.end.refused && f.end.records > records));
	}
	assert(rc == 0 || why != NULL);
	frame_reader_free(r);
	return 0;
}
