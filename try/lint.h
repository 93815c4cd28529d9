/* What is wrong with a file, beside the lines of it that it is about, as a part of a page. */
#ifndef HANDBACK_TRY_LINT_H
#define HANDBACK_TRY_LINT_H

#include <stdio.h>

#include "try/trial.h"

/* Nothing where nothing is wrong, and where the file is none of text. */
void lint_put(FILE *out, const struct trial *t);

#endif
