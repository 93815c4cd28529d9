/* A first profile for a sample: its bytes are read by handback-infer, in its sandbox. */
#ifndef HANDBACK_TRY_GUESS_H
#define HANDBACK_TRY_GUESS_H

#include "reconcile/file/parser_child.h"

/* The profile's text, plain ASCII, in *ret_text, which the caller frees; else NULL there and a sentence in
 * why[LIMIT_MESSAGE_BYTES].  PARSER_PROFILE: the sample is nothing that a profile can be made for. */
enum parser_end guess_profile(int file, const char *name, char **ret_text, char *why);

#endif
