#ifndef HANDBACK_EMBEDDED_EMBEDDED_PING_H
#define HANDBACK_EMBEDDED_EMBEDDED_PING_H

#include <stdbool.h>

/* Waits at most 200 ms. */
bool embedded_ping(const char *socket_path);

#endif
