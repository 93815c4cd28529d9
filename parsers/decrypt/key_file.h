/* Is a file of OpenPGP keys whole?  GnuPG takes what it can read of one and passes over the rest. */
#ifndef HANDBACK_PARSERS_DECRYPT_KEY_FILE_H
#define HANDBACK_PARSERS_DECRYPT_KEY_FILE_H

/*
 * Reads all of it, binary or in blocks of armor, and leaves it at its start.  NULL, or what is the matter: it
 * is cut off, damaged or cannot be read.  *ret_keys: how many keys it holds, without their subkeys.
 */
const char *key_file_fault(int file, unsigned *ret_keys);

#endif
