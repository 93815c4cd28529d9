#include "fetch/names.h"

#include "lib/base/text.h"

const char *
name_fault(const char *name)
{
	char stored[NAME_STORED_SIZE];
	if (!*name)
		return "it is empty";
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "it names a directory";
	for (const char *c = name; *c; c++) {
		if (*c == '/')
			return "it has a slash";
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			return "it has a control character";
	}
	if (!name_store(stored, name))
		return "it is too long";
	return NULL;
}

bool
name_store(char buf[NAME_STORED_SIZE], const char *name)
{
	size_t used = 0;
	for (const char *c = name; *c; c++) {
		bool keep = *c > 0x1f && *c < 0x7f && *c != '/' && *c != '%' && (*c != '.' || c > name);
		size_t need = keep ? 1 : 3;
		if (used + need >= NAME_STORED_SIZE)
			return false;
		if (keep)
			buf[used] = *c;
		else
			snprintf(buf + used, NAME_STORED_SIZE - used, "%%%02X", (unsigned) (unsigned char) *c);
		used += need;
	}
	buf[used] = '\0';
	return used > 0;
}

bool
name_restore(char buf[NAME_STORED_SIZE], const char *stored)
{
	char again[NAME_STORED_SIZE];
	size_t used = 0, len;
	for (const char *c = stored; *c; c++) {
		if (used + 1 >= NAME_STORED_SIZE)
			return false;
		if (*c != '%') {
			buf[used++] = *c;
			continue;
		}
		char digits[3] = {c[1], c[1] ? c[2] : '\0', '\0'};
		if (!text_unhex(buf + used, 1, digits, &len) || len != 1)
			return false;
		used++;
		c += 2;
	}
	buf[used] = '\0';
	return name_store(again, buf) && strcmp(again, stored) == 0;
}

bool
name_path(char buf[NAME_PATH_SIZE], const char *directory, const char *name)
{
	bool alone = directory == NULL || !*directory;
	bool slash = !alone && directory[strlen(directory) - 1] != '/';
	int n = snprintf(buf, NAME_PATH_SIZE, "%s%s%s", alone ? "" : directory, slash ? "/" : "", name);
	return n > 0 && n < NAME_PATH_SIZE;
}
