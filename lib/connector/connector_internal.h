/* What the compiler leaves for the composer: the templates stay trees. */
#ifndef HANDBACK_CONNECTOR_CONNECTOR_INTERNAL_H
#define HANDBACK_CONNECTOR_CONNECTOR_INTERNAL_H

#include "lib/connector/connector.h"
#include "lib/yaml/yaml.h"

struct connector_object {
	const char *url;                /* NULL: not told */
	const struct yaml_node *record; /* a map */
	const struct yaml_node *body;   /* NULL: the record */
};

struct connector {
	struct yaml_node *tree; /* all else points into it */
	const char *method;
	int64_t batch;
	struct connector_object object[CONNECTOR_KINDS];
};

enum connector_form { FORM_OWN, FORM_TEXT, FORM_DATE, FORM_MS };

/* One `${name}` or `${name|form}` of a text. */
struct connector_place {
	char name[40];
	enum connector_form form;
	size_t begin, length; /* of the whole of it, braces included */
};

/* The next place of the text from *at on, which goes behind it.  1; 0: there is none; -1: what begins like
 * one is none. */
int connector_next_place(const char *text, size_t *at, struct connector_place *ret);

#endif
