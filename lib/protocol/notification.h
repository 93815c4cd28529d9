/*
 * A notification: something that a person should hear of, once.  It is a small JSON
 * file in the spool, notifications/<kind>-<subject>.json, until handbackd has
 * sent it; then it lies in notifications/sent/ under the same name, and whoever finds
 * the same thing again finds it sent.
 */
#ifndef HANDBACK_PROTOCOL_NOTIFICATION_H
#define HANDBACK_PROTOCOL_NOTIFICATION_H

#include <stdbool.h>

#define NOTIFICATION_FIELDS 8
#define NOTIFICATION_RECIPIENTS 20
/* Fields that handbackd knows: a list of addresses that it is mailed to beside the configuration's, and the file of the report directory that
 * goes with that mail. */
#define NOTIFICATION_MAIL "mail"
#define NOTIFICATION_REPORT "report"
#define NOTIFICATION_DIR "notifications"
#define NOTIFICATION_SENT NOTIFICATION_DIR "/sent"

struct notification {
	const char *kind;    /* "file_missing": a word of a-z and _ */
	const char *subject; /* what it is about, and what makes it another one */
	const char *message; /* a sentence for people; no member's data */
	struct {
		const char *key, *text;    /* a NULL text is left out */
	} fields[NOTIFICATION_FIELDS]; /* ended by a NULL key */
};

/* Keeps it, durably, unless it was kept before: 1, 0 where it is known, -1 with errno. */
int notification_put(int spool, const struct notification *notification);

/* Is it one to NOTIFICATION_RECIPIENTS addresses with commas, each plain enough to stand in a header and in an argument? */
bool notification_recipients(const char *list);

#endif
