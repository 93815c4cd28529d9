/* cmocka with the headers that it wants before itself. */
#ifndef HANDBACK_TESTS_UNIT_CHECK_H
#define HANDBACK_TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
