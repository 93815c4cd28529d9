/*
 * For each field of a profile: what would see it if a byte of it were wrong, and how much of the records is
 * seen in all.  What the layout proves refuses the file, what differs from the redemption is held, the rest
 * is noted as it is.
 */
#ifndef HANDBACK_PROFILE_CHECKED_EXPLAIN_H
#define HANDBACK_PROFILE_CHECKED_EXPLAIN_H

struct layout;
struct policy;

/* How much of wrong values is seen: every one, some (another word of the list, another day), none. */
enum caught { CAUGHT_NOTHING, CAUGHT_PART, CAUGHT_ALL, CAUGHT_COUNT };

struct explained {
	const char *record, *field;
	enum caught caught;
	const char *by; /* "control points: the file is refused; compared with the redemption: held" */
};

/* Calls back for each field of entries, addenda and levels, in the profile's order; texts live for the call.
 */
void explain_fields(const struct layout *layout, const struct policy *policy,
                    void (*row)(void *context, const struct explained *e), void *context);

#endif
