/*
 * Outbound messages of a CRM, as Salesforce sends them: SOAP 1.1, notifications() with up to API_ROWS
 * records, of which each is a points request.  The gate's one use of libxml2: no DOCTYPE, no entity but XML's
 * own five, nothing from elsewhere (xml_quiet_start), and bounds of its own.  Only whoever gave a credential
 * gets here.
 */
#ifndef HANDBACK_GATE_OUTBOUND_MESSAGE_H
#define HANDBACK_GATE_OUTBOUND_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "gate/points.h"

#define OUTBOUND_MESSAGE_BYTES (256 << 10)

/* As points_read.  organization: whose message it has to be. */
const char *outbound_message_read(const char *body, size_t len, const char *organization,
                                  struct points_rows **ret_rows, const char **ret_why);

/* What is answered: true where every record's request is in effect, or the CRM sends it again. */
const char *outbound_message_ack(bool all);

#endif
