#include "ctl/subject.h"

#include <errno.h>
#include <fcntl.h>

#include "ctl/ask.h"
#include "ctl/ctl_sql.h"
#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "reconcile/decide/decide.h"
#include "reconcile/file/job.h"

int
subject_named(const struct session *s, struct subject *ret)
{
	const char *path = s->argument_count > 0 ? s->arguments[0] : "", *slash = strrchr(path, '/');
	const char *name = s->value[OPT_NAME] != NULL ? s->value[OPT_NAME] : slash != NULL ? slash + 1 : path;

	if (!*path || (size_t) snprintf(ret->name, sizeof(ret->name), "%s", name) >= sizeof(ret->name)) {
		complain(*path ? "a file's name has at most 255 bytes" : "which file? FILE, or --hold HOLD");
		return EXIT_USAGE;
	}
	ret->shown = mem_text(path);
	return session_file(path, &ret->fd);
}

int
subject_held(struct session *s, struct subject *ret)
{
	const char *hold = s->value[OPT_HOLD];
	struct pg_result *r = NULL;
	int code = ask_number(hold, "hold");
	size_t len = 0;

	if (code == EXIT_CLEAN && s->argument_count > 0) {
		complain("either FILE or --hold");
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN)
		code = session_config(s);
	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_POSTS);
	if (code != EXIT_CLEAN)
		return code;
	enum pg_status status = pg_run(s->query.pg, sql_try_hold, 1, &hold, &r);
	if (status != PG_OK)
		return query_failed(&s->query, status);
	if (pg_rows(r) == 0 || !text_unhex(ret->name, LIMIT_NAME_BYTES, pg_text(r, 0, 0), &len)) {
		complain("no file is on hold under %s (`handbackctl holds`)", hold);
		code = EXIT_USAGE;
	} else {
		char *path = mem_format("%s/%s", s->config->spool, pg_text(r, 0, 3));
		ret->shown = mem_text(pg_text(r, 0, 1));
		ret->profile = mem_text(pg_text(r, 0, 2));
		ret->waived = decide_waived(pg_text(r, 0, 4));
		ret->file_id = pg_int(r, 0, 5);
		code = session_file(path, &ret->fd);
		free(path);
	}
	pg_result_free(r);
	return code;
}

/* The profile that files of this partner are read with; NULL, and said why, when there is not exactly one. */
static const char *
profile_of(const struct config *config, const char *partner)
{
	const char *found = NULL;

	for (size_t i = 0; i < config->source_count; i++) {
		const struct config_source *source = &config->sources[i];
		if (strcmp(source->partner, partner) != 0)
			continue;
		if (found != NULL && strcmp(found, source->profile) != 0) {
			complain("partner %s has several profiles (%s, %s): take one with --profile", partner, found,
			         source->profile);
			return NULL;
		}
		found = source->profile;
	}
	if (found == NULL)
		complain("no source of the configuration is of partner %s: take a profile with --profile", partner);
	return found;
}

/* A profile by its name, or as a file of its own where the name has a slash or ends in .yaml. */
static int
load_profile(struct session *s, struct reconciler *r, const char *name)
{
	char why[LIMIT_MESSAGE_BYTES] = "", *text = NULL;
	size_t len = 0, end = strlen(name);
	int result;

	if (strchr(name, '/') != NULL || (end > 5 && strcmp(name + end - 5, ".yaml") == 0)) {
		if (io_read_file(AT_FDCWD, name, LIMIT_PROFILE_BYTES, &text, &len) < 0) {
			complain("%s: %s", name, strerror(errno));
			return EXIT_USAGE;
		}
		result = profile_cache_set(&r->profile, name, text, len, why);
		free(text);
	} else {
		r->profiles = open(s->config->profiles, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (r->profiles < 0) {
			complain("%s: %s", s->config->profiles, strerror(errno));
			return EXIT_USAGE;
		}
		result = profile_cache_load(&r->profile, r->profiles, name, why);
	}
	if (result < 0) {
		complain("%s", why);
		return EXIT_USAGE;
	}
	return EXIT_CLEAN;
}

int
subject_profile(struct session *s, struct reconciler *r, const struct subject *it)
{
	const char *name = s->value[OPT_PROFILE] != NULL ? s->value[OPT_PROFILE] : it->profile,
	           *partner = s->value[OPT_PARTNER];

	if (name == NULL && partner == NULL) {
		complain("whose file is it? --partner P, or --profile NAME");
		return EXIT_USAGE;
	}
	/* a profile in a file needs no configuration, where the database is said too */
	if (name == NULL || strchr(name, '/') == NULL || s->value[OPT_DATABASE] == NULL) {
		int code = session_config(s);
		if (code != EXIT_CLEAN)
			return code;
	}
	if (name == NULL)
		name = profile_of(s->config, partner);
	if (name == NULL)
		return EXIT_USAGE;
	int code = load_profile(s, r, name);
	if (code == EXIT_CLEAN && partner != NULL && strcmp(r->profile.profile->policy.partner, partner) != 0) {
		complain("profile %s is of partner %s, not of %s", name, r->profile.profile->policy.partner, partner);
		code = EXIT_USAGE;
	}
	return code;
}
