/*
 * Connectors: how a target is told, as a profile in YAML.  For each kind of object it says where to and in
 * which shape; `${field}` stands for a field of ours, alone with its own type, within a text as text.
 *
 *     method: PATCH
 *     batch: 200
 *     objects:
 *       redemption:
 *         url: "https://crm.example/composite/sobjects/Redemption__c/External_Reference__c"
 *         record: {External_Reference__c: "${reference}", Status__c: "${state}", Points__c: "${points}"}
 *         body: {allOrNone: false, records: "${records}"}
 *
 * Without a body the body is the record.  No name of a vendor is known here.
 */
#ifndef HANDBACK_CONNECTOR_CONNECTOR_H
#define HANDBACK_CONNECTOR_CONNECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;
struct problems;

enum connector_kind { CONNECTOR_REDEMPTION, CONNECTOR_BALANCE, CONNECTOR_KINDS };
/* As handback.claim_delivery calls them; NULL behind the last. */
extern const char *const connector_kinds[CONNECTOR_KINDS + 1];

#define CONNECTOR_BATCH_MOST 1000
#define CONNECTOR_URL_BYTES 2048

struct connector;

/* NULL where it has errors, which are in p with their places.  text need not be NUL-ended. */
struct connector *connector_compile(const char *text, size_t len, struct problems *p);
void connector_free(struct connector *c); /* NULL is fine */

/* Is the target told of this kind?  Then it has a URL. */
bool connector_has(const struct connector *c, enum connector_kind kind);
const char *connector_url(const struct connector *c, enum connector_kind kind);
const char *connector_method(const struct connector *c);
/* How many objects one request may tell of. */
size_t connector_batch(const struct connector *c);

/*
 * The body of one request that tells of these objects (handback.redemption_object, handback.balance_object),
 * at least one and at most a batch.  A text that is made of a field that is null is null itself.  The caller
 * frees it; NULL with a sentence in why[]: no memory, or an object lacks what the connector names.
 */
char *connector_body(const struct connector *c, enum connector_kind kind, const struct json *const *objects,
                     size_t count, char *why, size_t why_size);

#endif
