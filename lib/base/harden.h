/* What every program of ours gives up first of all, whoever started it. */
#ifndef HANDBACK_BASE_HARDEN_H
#define HANDBACK_BASE_HARDEN_H

/*
 * From now on neither this process nor what it starts gains rights by running a program (no_new_privs), and
 * none leaves a core file, which would hold members' data and keys.  Ends the process when the kernel
 * refuses.
 */
void harden(void);
/*
 * The same of a program that holds keys or a login: no other process of its user may read its memory or take
 * its descriptors, either.
 */
void harden_keys(void);

#endif
