#include "reconcile/file/profile_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/limits.h"

void
profile_cache_open(struct profile_cache *c)
{
	*c = (struct profile_cache){.text = -1};
}

void
profile_cache_close(struct profile_cache *c)
{
	profile_free(c->profile);
	if (c->text >= 0)
		close(c->text);
	profile_cache_open(c);
}

int
profile_cache_set(struct profile_cache *c, const char *shown, const char *text, size_t len, char *why)
{
	struct profile_cache fresh = {.text = -1};
	struct problems *problems;

	sha256_of(text, len, fresh.sha256);
	if (c->profile != NULL && memcmp(c->sha256, fresh.sha256, sizeof(fresh.sha256)) == 0)
		return 0;
	problems = problems_new(shown);
	fresh.profile = profile_compile(text, len, problems);
	if (fresh.profile == NULL) {
		const char *first = problems_line(problems, 0);

		snprintf(why, LIMIT_MESSAGE_BYTES, "the profile does not compile (%zu mistakes): %.800s",
		         problems_errors(problems), first != NULL ? first : "no memory");
		problems_free(problems);
		return -1;
	}
	problems_free(problems);
	fresh.text = io_sealed("profile", text, len);
	if (fresh.text < 0) {
		snprintf(why, LIMIT_MESSAGE_BYTES, "the profile cannot be kept in memory: %s", strerror(errno));
		profile_free(fresh.profile);
		return -1;
	}
	profile_cache_close(c);
	*c = fresh;
	return 0;
}

int
profile_cache_load(struct profile_cache *c, int directory, const char *name, char *why)
{
	char file[LIMIT_NAME_BYTES + 1], *text;
	size_t len;
	int rc;

	if (name[0] == '\0' || strchr(name, '/') != NULL ||
	    snprintf(file, sizeof(file), "%s.yaml", name) >= (int) sizeof(file)) {
		snprintf(why, LIMIT_MESSAGE_BYTES, "that is no name of a profile");
		return -1;
	}
	if (io_read_file(directory, file, LIMIT_PROFILE_BYTES, &text, &len) < 0) {
		snprintf(why, LIMIT_MESSAGE_BYTES, "the profile %s cannot be read: %s", file, strerror(errno));
		return -1;
	}
	rc = profile_cache_set(c, file, text, len, why);
	free(text);
	return rc;
}
