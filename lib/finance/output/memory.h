/*
 * Memory of a command that runs once and ends: memory that is not available ends the
 * program with EXIT_INTERNAL and one line on stderr, so no caller tests for
 * NULL.  Everything is freed with free().
 */
#ifndef HANDBACK_FINANCE_OUTPUT_MEMORY_H
#define HANDBACK_FINANCE_OUTPUT_MEMORY_H

#include <stddef.h>

_Noreturn void mem_none(void);                        /* there is no memory: says so and ends the program */
void *mem_new(size_t count, size_t size);             /* zeroed */
void *mem_grow(void *old, size_t count, size_t size); /* realloc; what is new is not zeroed */
char *mem_text(const char *text);                     /* a copy; NULL gives NULL */
char *mem_part(const char *text, size_t len);         /* a copy of len bytes, ended by NUL */
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
