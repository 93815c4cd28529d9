/* The mails that a notification goes out by, as sendmail takes them on its input. */
#ifndef HANDBACK_DAEMON_MAIL_H
#define HANDBACK_DAEMON_MAIL_H

#include <stddef.h>

#define MAIL_REPORT_BYTES (10UL << 20) /* what is longer is not sent along */

/* Whom the notification's own text names: the caller's to free.  NULL: nobody, or what are no addresses. */
char *mail_list(const char *notification);

/* The notification as it is, to one address; name: of its file.  A descriptor to read from, or -1 with errno. */
int mail_plain(const char *to, const char *name, const char *notification);

/*
 * What it says to people, with the report that it names, to a list of mail_list.  Everything that somebody else wrote stands in base64; the
 * headers are made of checked addresses and the name of the notification's file.
 */
int mail_report(const char *to, const char *name, const char *notification, const char *reports);

#endif
