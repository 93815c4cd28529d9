#include "lib/base/secret.h"

mode_t
secret_open_to(const struct stat *st)
{
	mode_t others = st->st_mode & 077;

	return st->st_uid == 0 && st->st_gid == 0 ? others & (mode_t) ~040 : others;
}

void
secret_free(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}
