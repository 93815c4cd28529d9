/* Included before everything: calls that have no safe use here. */
#ifndef HANDBACK_BASE_POISON_H
#define HANDBACK_BASE_POISON_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* unbounded, stateful, or deaf to errors: use snprintf, strtok-free scanning, base/number.h, gmtime_r */
#pragma GCC poison strcpy strcat strncat strtok sprintf vsprintf gets atoi atol atoll atof localtime \
    gmtime
/* but for the one wrapper whose library has macros with it in its headers */
#ifndef HANDBACK_HEADERS_WITH_STRNCPY
#pragma GCC poison strncpy
#endif

#endif
