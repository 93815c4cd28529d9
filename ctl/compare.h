/* What is no longer as it was: a document against one that was kept as JSON. */
#ifndef HANDBACK_CTL_COMPARE_H
#define HANDBACK_CTL_COMPARE_H

#include "lib/finance/output/table.h"
#include "lib/json/json.h"

/*
 * A document of one table, "differences", with a row for each value that is
 * another one, and for each row that is there in one only.  expected is what
 * render_json wrote of such a document, perhaps shortened by hand: a table, row
 * or value that it does not have at all is not compared, but records are all
 * expected where there is a list of them.  The caller frees the result.
 */
struct document *document_compare(const struct document *now, const struct json *expected);

#endif
