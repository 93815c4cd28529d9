/* Why something failed at the server: the texts that remote_why gives. */
#include <stdarg.h>

#include "fetch/remote_internal.h"
#include "fetch/watch.h"

bool
remote_fail(struct remote *r, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(r->why, sizeof(r->why), format, args);
	va_end(args);
	return false;
}

const char *
remote_libssh_why(struct remote *r, char buf[TEXT_SHOWN_SIZE])
{
	const char *why = watch_expired();
	if (why == NULL)
		why = r->session != NULL ? ssh_get_error(r->session) : "";
	if (*why == '\0')
		why = "the connection failed, and libssh does not say why";
	return text_show(buf, why, strlen(why));
}
