/* Parameters of one statement, in order: texts as they are, numbers written out here. */
#ifndef HANDBACK_DB_PARAMS_H
#define HANDBACK_DB_PARAMS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PARAMS_MAX 32

struct params {
	int n;
	const char *value[PARAMS_MAX];
	char number[PARAMS_MAX][24];
};

/* NULL is SQL NULL; the text lives as long as the parameters. */
static inline void
param_text(struct params *p, const char *text)
{
	if (p->n == PARAMS_MAX) /* a statement of ours that has more */
		abort();
	p->value[p->n++] = text;
}

static inline void
param_int(struct params *p, int64_t value)
{
	char *number = p->number[p->n < PARAMS_MAX ? p->n : 0];

	param_text(p, number);
	snprintf(number, sizeof(p->number[0]), "%" PRId64, value);
}

static inline void
param_optional(struct params *p, bool has, int64_t value)
{
	if (has)
		param_int(p, value);
	else
		param_text(p, NULL);
}

static inline void
param_bool(struct params *p, bool value)
{
	param_text(p, value ? "true" : "false");
}

#endif
