/* What one option alone cannot show: a part of lib/config/config.c. */
#ifndef HANDBACK_CONFIG_CONFIG_CHECK_H
#define HANDBACK_CONFIG_CONFIG_CHECK_H

#include "lib/config/config.h"

/* Everything but the sources. */
void config_check(const struct config *c, struct yaml_node *root, struct problems *p);
/* The part of people's logins, read from node login, which may be NULL. */
void config_check_login(const struct config *c, struct yaml_node *login, struct problems *p);
/* Source i, read from node n; those before it are there already. */
void config_check_source(const struct config *c, size_t i, struct yaml_node *n, struct problems *p);
/* The sftp part of a source, read from node n. */
void config_check_sftp(const struct config_source *source, struct yaml_node *n, struct problems *p);

#endif
