/* Files that hold a key or a password: who else may read them. */
#ifndef HANDBACK_BASE_SECRET_H
#define HANDBACK_BASE_SECRET_H

#include <sys/stat.h>

/*
 * The permission bits of st by which others than its owner can use the file; 0: none can.
 *
 * The group may read what root gave to its own group: systemd hands out credentials so
 * (since 252 an access list for the one user, which shows as group bits: systemd.exec(5)).
 */
mode_t secret_open_to(const struct stat *st);

/* Frees a text that holds one, wiped first; NULL is fine. */
void secret_free(char *text);

#endif
