#include "fetch/reply.h"

#include <errno.h>
#include <unistd.h>

#include "lib/protocol/channel.h"
#include "lib/base/exit_codes.h"
#include "lib/protocol/message.h"

static int channel = -1;

void
reply_open(int fd)
{
	channel = fd;
}

void
reply_send(const char *verb, const struct reply_field *fields)
{
	static struct message_line line;
	message_start(&line, verb);
	for (const struct reply_field *f = fields; f->key; f++) {
		if (f->text)
			message_add(&line, f->key, f->text);
		else
			message_add_int(&line, f->key, f->number);
	}
	if (line.full)
		_exit(EXIT_INTERNAL);
	while (channel_send(channel, line.text, line.length, -1)) {
		if (errno != EINTR)
			_exit(EXIT_FAILED);
	}
}
