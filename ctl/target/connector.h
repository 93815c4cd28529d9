/* Connectors as people name them. */
#ifndef HANDBACK_CTL_TARGET_CONNECTOR_H
#define HANDBACK_CTL_TARGET_CONNECTOR_H

#include "ctl/session.h"
#include "lib/connector/connector.h"

/* That of a file (its name has a / or ends in .yaml), or of the target that is called so; the session is
 * open.  NULL, and said why. */
struct connector *connector_find(struct session *s, const char *said);

/* The text of a connector's file, the caller's to free.  EXIT_CLEAN, or EXIT_USAGE and said why. */
int connector_read(const char *path, char **ret_text, size_t *ret_len);
/* NULL, and its mistakes said. */
struct connector *connector_compile_named(const char *name, const char *text, size_t len);

#endif
