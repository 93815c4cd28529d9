/*
 * A notice: something that a person should hear of, once.  It is a small JSON
 * file in the spool, notices/<kind>-<subject>.json, until handbackd has had it
 * told; then it lies in notices/told/ under the same name, and whoever finds
 * the same thing again finds it told.
 */
#ifndef HANDBACK_PROTOCOL_NOTICE_H
#define HANDBACK_PROTOCOL_NOTICE_H

#define NOTICE_FIELDS 8
#define NOTICE_DIR "notices"
#define NOTICE_TOLD NOTICE_DIR "/told"

struct notice {
	const char *kind;    /* "file_missing": a word of a-z and _ */
	const char *subject; /* what it is about, and what makes it another one */
	const char *message; /* a sentence for people; no member's data */
	struct {
		const char *key, *text; /* a NULL text is left out */
	} fields[NOTICE_FIELDS];    /* ended by a NULL key */
};

/* Keeps it, durably, unless it was kept before: 1, 0 where it is known, -1 with errno. */
int notice_put(int spool, const struct notice *notice);

#endif
