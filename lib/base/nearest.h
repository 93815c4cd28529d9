/* "did you mean ...?" */
#ifndef HANDBACK_BASE_NEAREST_H
#define HANDBACK_BASE_NEAREST_H

/* The nearest of the known words (a NULL-ended list; NULL is an empty one), or NULL when none is near. */
const char *nearest_word(const char *word, const char *const *known);

#endif
