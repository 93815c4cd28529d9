/* Fields of filters whose words are the database's. */
#ifndef HANDBACK_WEB_DESK_CHOOSE_H
#define HANDBACK_WEB_DESK_CHOOSE_H

#include "web/desk/pages.h"

void choose_partner(const struct page_of *p, const char *chosen);
void choose_category(const struct page_of *p, const char *chosen);
void choose_reason(const struct page_of *p, const char *chosen);
void choose_programme(const struct page_of *p);

#endif
