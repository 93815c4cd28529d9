/* What a parser says of a file, as lines of text: docs/profiles.md and the cases beside profiles have it so.
 */
#ifndef HANDBACK_PROTOCOL_FRAME_TEXT_H
#define HANDBACK_PROTOCOL_FRAME_TEXT_H

#include <stdio.h>

#include "lib/protocol/frame.h"

/* One line, characters that nobody sees as escapes; none of a FRAME_SANDBOX. */
void frame_text(FILE *out, const struct frame *f);

#endif
