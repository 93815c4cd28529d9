/*
 * Is a file one OpenPGP message and nothing else?  GnuPG opens the first message of a file and passes over
 * what stands before and behind it, and no signature covers that.
 */
#ifndef HANDBACK_DECRYPT_WHOLE_H
#define HANDBACK_DECRYPT_WHOLE_H

/*
 * Of a file that GnuPG has opened, from its start on; binary, armored or clearsigned (RFC 9580, 4.2, 6.2, 7
 * and 10.3).  NULL when it is; otherwise what is the matter.
 */
const char *whole_message(int file);

#endif
