#include "fetch/reply.h"

#include <unistd.h>

#include "lib/base/exit_codes.h"

static int channel = -1, *turn;

void
reply_open(int fd, int *its_turn)
{
	channel = fd;
	turn = its_turn;
}

void
reply_send(enum fetch_message message, const struct fetch_report *report)
{
	static struct message_line line;
	if (!fetch_report_encode(&line, turn, message, report))
		_exit(EXIT_INTERNAL);
	if (channel_send(channel, line.text, line.length, -1) < 0)
		_exit(EXIT_FAILED);
}
