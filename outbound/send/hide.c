/* What a target says may be what it was told: a login page, a proxy or a debug mode that repeats the key. */
#include <string.h>

#include "outbound/send/send.h"

/* So many bytes in a row are no chance; a secret that is shorter has to be there whole, and one of a few
 * letters is a word like others. */
#define SHOWN_BYTES 16
#define SHORTEST_BYTES 8

static bool
shows(const char *text, const char *secret)
{
	size_t length = strlen(text), has = secret != NULL ? strlen(secret) : 0,
	       window = has < SHOWN_BYTES ? has : SHOWN_BYTES;

	for (size_t i = 0; window >= SHORTEST_BYTES && i + window <= length; i++)
		if (memmem(secret, has, text + i, window) != NULL)
			return true;
	return false;
}

static bool
shows_any(const struct send *s, const char *text)
{
	const char *ca = s->connector != NULL ? connector_ca(s->connector) : NULL;

	for (size_t i = 0; i < s->job.credential_count; i++)
		/* certificates are no secret */
		if ((ca == NULL || strcmp(s->job.credential[i].name, ca) != 0) && shows(text, s->secret[i]))
			return true;
	return shows(text, s->token);
}

const char *
send_hide(const struct send *s, const char *text)
{
	return text != NULL && shows_any(s, text) ? "what it says has a secret of ours in it, and is not kept"
	                                          : text;
}
