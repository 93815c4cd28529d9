/* A form with a file in it, as browsers send one: multipart/form-data (RFC 7578). */
#ifndef HANDBACK_WEB_DESK_UPLOAD_H
#define HANDBACK_WEB_DESK_UPLOAD_H

#include "web/desk/request.h"

/* Reads the body into r's fields and its file; type: the content type, with the boundary.  False for what no browser
 * sends for a form of ours.  What r holds is freed by request_free either way. */
bool upload_read(struct request *r, const char *type, int body);

#endif
