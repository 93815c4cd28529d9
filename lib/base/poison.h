/* Included before everything: calls that have no safe use here. */
#ifndef HANDBACK_BASE_POISON_H
#define HANDBACK_BASE_POISON_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* unbounded, stateful, or deaf to errors: use snprintf, strtok-free scanning, base/number.h, gmtime_r */
#pragma GCC poison strcpy strcat strncpy strncat strtok sprintf vsprintf gets atoi atol atoll atof localtime \
    gmtime

#endif
