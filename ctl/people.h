/* What the database refused to a person, as a person says it. */
#ifndef HANDBACK_CTL_PEOPLE_H
#define HANDBACK_CTL_PEOPLE_H

/* Says it, with what to do next where that is known. */
void people_complain(const char *why);

#endif
