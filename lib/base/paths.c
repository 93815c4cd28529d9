#include "lib/base/paths.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

/* HANDBACK_LIBEXECDIR and HANDBACK_BINDIR come from meson. */
static const struct {
	const char *name, *folder, *installed;
} programs[] = {
    {"handbackd", "daemon", HANDBACK_BINDIR},
    {"handback-fetch", "fetch", HANDBACK_LIBEXECDIR},
    {"handback-reconcile", "reconcile", HANDBACK_LIBEXECDIR},
    {"handback-collect", "collect", HANDBACK_LIBEXECDIR},
    {"handback-nightly", "nightly", HANDBACK_LIBEXECDIR},
    {"handback-verify", "nightly", HANDBACK_LIBEXECDIR},
    {"handback-parse", "parsers", HANDBACK_LIBEXECDIR},
    {"handback-parse-xml", "parsers", HANDBACK_LIBEXECDIR},
    {"handback-infer", "parsers/infer", HANDBACK_LIBEXECDIR},
    {"handback-decrypt", "parsers/decrypt", HANDBACK_LIBEXECDIR},
    {"handback-api", "api", HANDBACK_LIBEXECDIR},
    {"handback-gate", "gate", HANDBACK_LIBEXECDIR},
    {"handback-receive", "receive", HANDBACK_LIBEXECDIR},
    {"handback-try", "try", HANDBACK_LIBEXECDIR},
    {"handback-web", "web", HANDBACK_LIBEXECDIR},
    {"handback-login", "login", HANDBACK_LIBEXECDIR},
    {"handback-desk", "web/desk", HANDBACK_LIBEXECDIR},
    {"handback-outbox", "outbound", HANDBACK_LIBEXECDIR},
    {"handback-send", "outbound/send", HANDBACK_LIBEXECDIR},
    {"handbackctl", "ctl", HANDBACK_BINDIR},
};

#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

const char *
paths_name(int i)
{
	return i >= 0 && (size_t) i < PROGRAMS ? programs[i].name : NULL;
}

/* The root of the build tree that the running program lies in, or false. */
static bool
build_root(char *buf, size_t size)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		return false;
	self[len] = '\0';
	for (size_t i = 0; i < PROGRAMS; i++) {
		char tail[PATH_MAX];
		int n = snprintf(tail, sizeof(tail), "/%s/%s", programs[i].folder, programs[i].name);

		if (len <= n || strcmp(self + len - n, tail) != 0)
			continue;
		self[len - n] = '\0';
		return snprintf(buf, size, "%s", self) < (int) size;
	}
	return false;
}

static bool
is_there(int written, size_t size, const char *path)
{
	if (written < 0 || (size_t) written >= size) {
		errno = ENAMETOOLONG;
		return false;
	}
	return access(path, X_OK) == 0;
}

bool
paths_program(char *buf, size_t size, const char *name)
{
	const char *override = secure_getenv("HANDBACK_LIBEXEC");
	char root[PATH_MAX];

	for (size_t i = 0; i < PROGRAMS; i++) {
		if (strcmp(programs[i].name, name) != 0)
			continue;
		if (override != NULL && is_there(snprintf(buf, size, "%s/%s", override, name), size, buf))
			return true;
		if (build_root(root, sizeof(root)) &&
		    is_there(snprintf(buf, size, "%s/%s/%s", root, programs[i].folder, name), size, buf))
			return true;
		return is_there(snprintf(buf, size, "%s/%s", programs[i].installed, name), size, buf);
	}
	errno = EINVAL;
	return false;
}
