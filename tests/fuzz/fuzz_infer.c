/* What proposes a profile: whatever the sample, it ends, and what it writes is YAML that fits its pipe. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/yaml/yaml.h"
#include "parsers/infer/infer_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void **room;
static size_t rooms, room_size;

/* As that of handback-infer, and given back after each sample. */
void *
sample_buffer(size_t count, size_t size)
{
	if (rooms == room_size) {
		room_size = room_size * 2 + 64;
		room = realloc(room, room_size * sizeof(*room));
		assert(room != NULL);
	}
	room[rooms] = calloc(count + 1, size);
	assert(room[rooms] != NULL);
	return room[rooms++];
}

void
sample_free(void *newest)
{
	assert(rooms > 0 && room[rooms - 1] == newest);
	free(room[--rooms]);
}

static void
check_written(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = sample_buffer((size_t) size, 1);
	struct problems *problems = problems_new("proposed.yaml");
	struct yaml_node *tree;

	assert(size > 0 && size <= LIMIT_PROFILE_BYTES && pread(fd, text, (size_t) size, 0) == size);
	tree = yaml_parse(text, (size_t) size, problems);
	if (tree == NULL)
		fprintf(stderr, "%s\n%s\n", problems_line(problems, 0), text);
	assert(tree != NULL);
	yaml_tree_free(tree);
	problems_free(problems);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct guess guess;
	static int sample = -1, written = -1;

	if (sample < 0) {
		sample_prepare();
		column_prepare();
		sample = memfd_create("sample", MFD_CLOEXEC);
		written = memfd_create("written", MFD_CLOEXEC);
		assert(sample >= 0 && written >= 0 && dup2(written, STDOUT_FILENO) == STDOUT_FILENO);
	}
	if (ftruncate(sample, 0) != 0 || pwrite(sample, data, size, 0) != (ssize_t) size ||
	    ftruncate(written, 0) != 0 || lseek(sample, 0, SEEK_SET) != 0 || lseek(written, 0, SEEK_SET) != 0)
		return 0;
	memset(&guess, 0, sizeof(guess));
	guess.file_name = "ANSWERS_20261121_000001.csv";
	guess.file_name_len = strlen(guess.file_name);
	guess.file_bytes = (int64_t) size;
	if (guess_sample(&guess, sample) == NULL) {
		assert(guess_write(&guess) == 0);
		check_written(written);
	}
	while (rooms > 0)
		free(room[--rooms]);
	return 0;
}
