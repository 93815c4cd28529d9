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

/* Where an answer's parts stand: paths of names and places, joined by dots.  NULL: it has none. */
struct connector_rows {
	bool there;
	const char *list, *failed; /* of the body; list NULL: the body itself */
	const char *result, *status, *code, *index, *key;
	const char *ours;                  /* our field that key is */
	const struct yaml_node *delivered; /* what result is when it was taken */
};

struct connector_rules {
	unsigned char status[600]; /* an enum connector_result */
	const char *code;          /* of an answer that refuses all */
	struct connector_rows rows;
	const struct yaml_node *codes[CONNECTOR_RESULTS]; /* lists */
	const char *limit_header, *limit_begins;
	int64_t wait_ms; /* after a 429 that does not say; 0: not told */
};

struct connector {
	struct yaml_node *tree; /* all else points into it */
	const char *method, *ca;
	int64_t batch, timeout_ms;
	bool is_private;
	struct connector_object object[CONNECTOR_KINDS];
	const struct yaml_node *headers; /* NULL: none */
	struct connector_login login[CONNECTOR_LOGINS];
	size_t login_count;
	struct connector_rules rules;
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

/* The place of a word in a NULL-ended list, or -1. */
int connector_word(const char *const *words, const char *word);
/* Has a kind of object this field? */
bool connector_has_field(enum connector_kind kind, const char *name);
/* https, or http to this machine alone, without a part . or ..; ${fields} (of one object) behind its host
 * where that may be. */
bool connector_is_url(const char *url, bool may_have_fields);
/* Names of headers: characters of a token. */
bool connector_is_token(const char *name);

/* The keys `headers`, `login` and `answer` of the connector's map. */
void connector_compile_headers(struct connector *c, struct problems *p);
void connector_compile_logins(struct connector *c, struct problems *p);
void connector_compile_answer(struct connector *c, struct problems *p);

#endif
