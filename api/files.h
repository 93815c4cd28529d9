/* Files that partners send: who may, who takes them, and their address. */
#ifndef HANDBACK_API_FILES_H
#define HANDBACK_API_FILES_H

#include "api/database.h"

/* Is it the secret of one who sends files?  False, and the call is answered, where it is not. */
bool authenticate_sender(struct database *db, struct call *c, struct token_claims *ret);

/* Asks the handback-receive at the socket for this caller; its connection becomes the call's handover.  Waits
 * for nothing but the database. */
void send_call(struct database *db, struct call *c, const char *socket);

/* Notes that it came, and answers its address. */
void sent_call(struct database *db, struct call *c);

#endif
