/* What the compiler leaves for the composer: the templates stay trees. */
#ifndef HANDBACK_CONNECTOR_CONNECTOR_INTERNAL_H
#define HANDBACK_CONNECTOR_CONNECTOR_INTERNAL_H

#include <stdio.h>

#include "lib/connector/connector.h"
#include "lib/connector/points.h"
#include "lib/yaml/yaml.h"

struct connector_object {
	const char *url;                 /* NULL: not told, or by a file */
	const char *file;                /* what its files' names begin with; NULL: it has none */
	const struct yaml_node *columns; /* of its files */
	const struct yaml_node *record;  /* a map */
	const struct yaml_node *body;    /* NULL: the record */
	const char *parent;              /* a template; NULL: none */
	const char *xml;                 /* a template, instead of record and body; NULL: it is JSON */
	const struct yaml_node *node;    /* where it stands */
};

/* Texts with fields as CSV; for_spreadsheet: nothing in it runs as a formula. */
struct connector_csv {
	const struct yaml_node *columns;
	const char *empty; /* what stands for nothing */
	char delimiter;
	bool for_spreadsheet;
};

struct connector_files {
	int64_t every_ms;
	const char *empty;
	char delimiter;
	bool plain; /* nothing is put before a formula */
};

struct connector_request {
	const char *url, *method;     /* url NULL: there is no such step */
	const struct yaml_node *body; /* constants alone; NULL: none */
};

/* How many at once are told of a kind; from 0: they are not. */
struct connector_bulk {
	int64_t from;
	const struct yaml_node *columns; /* texts with fields */
	const char *key;                 /* the column that is ours */
	const char *empty;               /* what stands for nothing */
	const char *ends;                /* a code ends before it; NULL: nowhere */
	const char *job, *state, *job_code, *code;
	const struct yaml_node *open, *done, *failed, *aborted; /* words */
	struct connector_request step[CONNECTOR_STEPS];
};

/* How a kind is read back; url NULL: it is not. */
struct connector_reading {
	const char *url, *method, *join;
	const char *list, *key, *more;
	const struct yaml_node *each; /* a text: what stands for one object */
	const struct yaml_node *body, *compare;
	int64_t batch;
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
	const struct yaml_node *words[CONNECTOR_RESULTS]; /* lists, of answers that are no JSON */
	const char *limit_header, *limit_begins, *limit_remaining;
	int64_t limit_pause_ms; /* where most of it is used */
	int64_t wait_ms; /* after a 429 that does not say; 0: not told */
};

struct connector_points_step {
	struct connector_object shape; /* url NULL: there is no such step */
	const char *method;
};

/* What an answer to a points request means. */
struct connector_points_answer {
	const char *state, *code, *points, *ours, *reference;                   /* paths */
	const struct yaml_node *states[POINTS_RESULTS], *codes[POINTS_RESULTS]; /* lists */
	unsigned char status[600];                                              /* an enum points_result */
};

struct connector_points {
	struct connector_points_step step[POINTS_STEPS];
	struct connector_points_answer answer[POINTS_STEPS];
	const char *list, *key, *more; /* of the answer to a question */
	const char *value;             /* of the first step's */
	const char *known_by;          /* the field of ours that keys are */
	bool idempotent, missing_is_unsent;
	int64_t window_s, missing_after_s;
};

struct connector {
	struct yaml_node *tree; /* all else points into it */
	const char *method, *ca;
	int64_t batch, timeout_ms;
	bool is_private;
	struct connector_object object[CONNECTOR_KINDS];
	struct connector_files files;
	struct connector_reading reading[CONNECTOR_KINDS];
	struct connector_bulk bulk[CONNECTOR_KINDS];
	const struct yaml_node *headers; /* NULL: none */
	struct connector_login login[CONNECTOR_LOGINS];
	const struct yaml_node *form[CONNECTOR_LOGINS]; /* NULL: none */
	size_t login_count;
	struct connector_rules rules;
	struct connector_points points;
};

enum connector_form { FORM_OWN, FORM_TEXT, FORM_LAST, FORM_DATE, FORM_MS };

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
void connector_compile_reading(struct connector *c, enum connector_kind kind, struct yaml_node *n,
                               struct problems *p);
/* A kind that is told by files, and how they are written. */
void connector_compile_file(struct connector *c, enum connector_kind kind, struct yaml_node *n,
                            struct problems *p);
void connector_compile_files(struct connector *c, struct problems *p);
/* False, with a mistake: it is no map of columns. */
bool connector_check_columns(enum connector_kind kind, const struct yaml_node *n,
                             const struct yaml_node *columns, struct problems *p);
char *connector_write_csv(const struct connector_csv *csv, const struct json *const *objects, size_t count,
                          char *why, size_t why_size);
void connector_compile_points(struct connector *c, struct problems *p);
/* Once the logins are known. */
void connector_check_readings(const struct connector *c, struct problems *p);
void connector_compile_bulk(struct connector *c, enum connector_kind kind, struct yaml_node *n,
                            struct problems *p);
void connector_check_bulks(const struct connector *c, struct problems *p);
bool connector_is_text_list(struct problems *p, const struct yaml_node *n);
/* XML with fields of the kind, and ${login} once where there is such a login. */
void connector_check_xml(const struct connector *c, enum connector_kind kind, struct problems *p);
/* Its fields are those of the kind. */
void connector_check_template(enum connector_kind kind, const struct yaml_node *n, struct problems *p);
/* A body with ${records} or ${record}, once; gives how many of the first. */
size_t connector_check_body(enum connector_kind kind, const struct yaml_node *body, struct problems *p);
void connector_take_path(struct problems *p, struct yaml_node *map, const char *key, const char **ret);

/* As connector_is_url without fields, of at most so many bytes. */
bool connector_is_url_of(const char *url, size_t most);

/* ---- compose.c, for the question of a reading ---- */

char *connector_compose(const struct connector_object *shape, const struct json *const *objects, size_t count,
                        char *why, size_t why_size);
char *connector_compose_xml(const char *template, const struct json *object, char *why, size_t why_size);
/* A template with its fields.  NULL with a sentence in why[] where one is null; the second says so. */
char *connector_text(const char *template, const struct json *object, char *why, size_t why_size);
char *connector_text_or_null(const char *template, const struct json *object, bool *ret_null, char *why,
                             size_t why_size);
/* As connector_text, for a URL. */
char *connector_encoded_text(const char *template, const struct json *object, char *why, size_t why_size);
void connector_write_encoded(FILE *out, const char *text);

extern const char *const connector_keys[CONNECTOR_KINDS]; /* the field that each kind is known by */

/* ---- judge.c, for its answer ---- */

/* The value at a path; NULL where there is none, or path is NULL and value, too. */
const struct json *connector_at_path(const struct json *value, const char *path);
int connector_result_of(const struct connector *c, const char *code); /* what it says of one; -1: nothing */
bool connector_is_word_of(const struct yaml_node *list, const char *word);
bool connector_is_key(enum connector_kind kind, const char *field, const char *ours, const char *theirs);
/* What it means for all of a request, by status, code and headers. */
void connector_judge_whole(const struct connector *c, const struct connector_answer *answer,
                           struct connector_verdict *ret);

/* ---- headers.c, for judge.c ---- */

void connector_read_limit(const struct connector_rules *rules, const struct connector_answer *answer,
                          struct connector_verdict *ret);

#endif
