/* What the control socket answers: one value of JSON, one line. */
#ifndef HANDBACK_DAEMON_SERVE_ANSWER_H
#define HANDBACK_DAEMON_SERVE_ANSWER_H

#include <event2/buffer.h>

#include "lib/json/json.h"

/* Takes the value; where there is no memory for it, the line is empty. */
void answer_json(struct evbuffer *out, struct json_build *value);

#endif
