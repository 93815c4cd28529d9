/*
 * What a server's first packet, its names, and the lines of a child that was taken over may be.  The first
 * byte chooses; the rest is the bytes.
 */
#include <stdint.h>

#include "lib/protocol/message.h"
#include "lib/base/text.h"
#include "fetch/kexinit.h"
#include "fetch/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool truth)
{
	if (!truth)
		abort();
}

static void
try_offer(const uint8_t *data, size_t size)
{
	static struct kexinit offer;
	if (!kexinit_parse(data, size, &offer))
		return;
	for (int i = 0; i < KEXINIT_LISTS; i++) {
		for (const char *c = offer.list[i]; *c; c++)
			expect(*c >= 0x20 && *c < 0x7f);
	}
}

/* A name that nothing is said against is stored under one component of ours, and comes back from it. */
static void
try_name(const char *name)
{
	char stored[NAME_STORED_SIZE], again[NAME_STORED_SIZE];
	if (name_fault(name))
		return;
	expect(name_store(stored, name) && stored[0] != '.' && !strchr(stored, '/') &&
	       strlen(stored) <= LIMIT_NAME_BYTES);
	for (const char *c = stored; *c; c++)
		expect(*c >= 0x20 && *c < 0x7f);
	expect(name_restore(again, stored) && strcmp(again, name) == 0);
}

/* What is read as a message and written again is the same message. */
static void
try_message(char *line)
{
	static struct message m, back;
	static struct message_line again;
	if (!message_read(&m, line))
		return;
	message_start(&again, m.verb);
	for (size_t i = 0; i < m.pairs; i++)
		message_add_bytes(&again, m.pair[i].key, m.pair[i].value, m.pair[i].length);
	if (again.full)
		return;
	expect(message_read(&back, again.text) && back.pairs == m.pairs && strcmp(back.verb, m.verb) == 0);
	for (size_t i = 0; i < m.pairs; i++)
		expect(strcmp(back.pair[i].key, m.pair[i].key) == 0 && back.pair[i].length == m.pair[i].length &&
		       memcmp(back.pair[i].value, m.pair[i].value, m.pair[i].length) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	char *text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 'k')
		try_offer(data + 1, size - 1);
	else if (data[0] == 'n')
		try_name(text);
	else
		try_message(text);
	free(text);
	return 0;
}
