#include "daemon/serve/answer.h"

#include <stdlib.h>

void
answer_json(struct evbuffer *out, struct json_build *value)
{
	size_t len = 0;
	char *line = json_take(value, &len);

	if (line != NULL)
		evbuffer_add(out, line, len);
	else
		evbuffer_add(out, "\n", 1);
	free(line);
}
