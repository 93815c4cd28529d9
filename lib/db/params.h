/* Parameters of one statement, in order: texts as they are, numbers written out here. */
#ifndef HANDBACK_DB_PARAMS_H
#define HANDBACK_DB_PARAMS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PARAMS_MAX 24

struct params {
	int n;
	const char *value[PARAMS_MAX];
	char number[PARAMS_MAX][24];
};

/* NULL is SQL NULL; the text lives as long as the parameters. */
static inline void
param_text(struct params *p, const char *text)
{
	p->value[p->n++] = text;
}

static inline void
param_int(struct params *p, int64_t value)
{
	snprintf(p->number[p->n], sizeof(p->number[0]), "%" PRId64, value);
	p->value[p->n] = p->number[p->n];
	p->n++;
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
