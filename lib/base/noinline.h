/*
 * A function kept out of its callers.  What a rare case needs (registers that
 * are saved, a stack guard) would be done for each common one, too, were it
 * compiled as part of the same function: for what runs once in each value of a
 * file.
 */
#ifndef HANDBACK_BASE_NOINLINE_H
#define HANDBACK_BASE_NOINLINE_H

#define NOINLINE __attribute__((noinline))

#endif
