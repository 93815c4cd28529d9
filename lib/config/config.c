/* Reading handback.yaml by the option table. */
#include "lib/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/config/config_check.h"

#define LIST "sources[]."
#define KNOWN 64 /* keys of one map */

/* A piece of memory that lives as long as the configuration. */
struct config_held {
	struct config_held *next;
	char *bytes;
};

struct reader {
	struct config *config;
	struct problems *problems;
	bool no_memory;
};

/* Zeroed memory held by the configuration; NULL, and noted, when there is none. */
static void *
hold(struct reader *r, size_t size)
{
	struct config_held *held = calloc(1, sizeof(*held));

	if (held == NULL || (held->bytes = calloc(1, size)) == NULL) {
		free(held);
		r->no_memory = true;
		return NULL;
	}
	held->next = r->config->held;
	r->config->held = held;
	return held->bytes;
}

static const char *
hold_text(struct reader *r, const char *text, size_t len)
{
	char *copy = hold(r, len + 1);

	if (copy != NULL)
		memcpy(copy, text, len);
	return copy;
}

/* The path as seen from the configuration file's directory. */
static const char *
absolute(struct reader *r, const char *path)
{
	const char *file = r->config->path;
	size_t dir_len = (size_t) (strrchr(file, '/') + 1 - file), len = strlen(path);
	char *whole;

	if (path[0] == '/')
		return path;
	whole = hold(r, dir_len + len + 1);
	if (whole != NULL) {
		memcpy(whole, file, dir_len);
		memcpy(whole + dir_len, path, len);
	}
	return whole;
}

static size_t
count_children(const struct yaml_node *n)
{
	size_t count = 0;

	for (const struct yaml_node *child = n->first; child != NULL; child = child->next)
		count++;
	return count;
}

/* A list of texts, or one text as a list of one. */
static bool
read_texts(struct reader *r, const struct yaml_node *n, const char *const **ret)
{
	size_t count = n->kind == YAML_LIST ? count_children(n) : 1, i = 0;
	const char **texts = hold(r, (count + 1) * sizeof(*texts));

	if (texts == NULL)
		return false;
	if (n->kind != YAML_LIST && !yaml_text(r->problems, n, &texts[0]))
		return false;
	if (n->kind == YAML_LIST)
		for (const struct yaml_node *child = n->first; child != NULL; child = child->next)
			if (!yaml_text(r->problems, child, &texts[i++]))
				return false;
	*ret = texts;
	return true;
}

/* The same from a default: words with blanks between them. */
static bool
default_texts(struct reader *r, const char *default_value, const char *const **ret)
{
	const char **texts = hold(r, (strlen(default_value) + 1) * sizeof(*texts));
	size_t count = 0;

	if (texts == NULL)
		return false;
	while (*(default_value += strspn(default_value, " ")) != '\0') {
		size_t len = strcspn(default_value, " ");

		texts[count++] = hold_text(r, default_value, len);
		default_value += len;
	}
	*ret = texts;
	return true;
}

static bool
read_duration(struct reader *r, const struct config_option *o, const struct yaml_node *n, int64_t *ret)
{
	int64_t ms;

	if (!yaml_duration_ms(r->problems, n, &ms))
		return false;
	if (ms < o->min || ms > o->max) {
		yaml_error(r->problems, n, "must be from %lld ms to %lld s", (long long) o->min,
		           (long long) o->max / 1000);
		return false;
	}
	*ret = ms;
	return true;
}

static void
read_option(struct reader *r, const struct config_option *o, const struct yaml_node *n, void *slot)
{
	const char *text = NULL;

	switch (o->type) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
		if (yaml_text(r->problems, n, &text))
			*(const char **) slot = o->type == CONFIG_PATH ? absolute(r, text) : text;
		break;
	case CONFIG_INT:
		yaml_int(r->problems, n, o->min, o->max, slot);
		break;
	case CONFIG_DURATION:
		read_duration(r, o, n, slot);
		break;
	case CONFIG_WORD:
		yaml_word(r->problems, n, o->words, slot);
		break;
	case CONFIG_TEXTS:
		read_texts(r, n, slot);
		break;
	}
}

static void
default_option(struct reader *r, const struct config_option *o, void *slot)
{
	struct yaml_node n = {.kind = YAML_SCALAR, .text = o->default_value, .path = ""};

	if (o->default_value == NULL)
		return;
	if (o->type == CONFIG_TEXTS)
		default_texts(r, o->default_value, slot);
	else
		read_option(r, o, &n, slot);
}

/* The node at a dotted name below a map, or NULL.  Marks what it passes as used. */
static struct yaml_node *
find(struct yaml_node *map, const char *name)
{
	while (map != NULL) {
		char key[64];
		size_t len = strcspn(name, ".");

		snprintf(key, sizeof(key), "%.*s", (int) len, name);
		map = yaml_get(map, key);
		if (name[len] == '\0')
			return map;
		name += len + 1;
	}
	return NULL;
}

/* Reports unknown keys of the map at `group` ("" or "database." or "sources[]." ...), by what the table has
 * there. */
static void
check_keys(struct reader *r, struct yaml_node *map, const char *group)
{
	char words[KNOWN][64];
	const char *known[KNOWN + 1] = {NULL};
	size_t count, n = 0, len = strlen(group);
	const struct config_option *options = config_options(&count);

	if (map == NULL)
		return;
	if (map->kind != YAML_MAP) {
		yaml_error(r->problems, map, "must be a map");
		return;
	}
	for (size_t i = 0; i < count && n < KNOWN; i++) {
		const char *rest = options[i].name + len;

		if (strncmp(options[i].name, group, len) != 0)
			continue;
		snprintf(words[n], sizeof(words[n]), "%.*s", (int) strcspn(rest, ".["), rest);
		known[n] = words[n];
		n++;
	}
	yaml_unknown_keys(r->problems, map, known);
}

/* Every option of one scope: those of the list when in_list, the others otherwise. */
static void
read_scope(struct reader *r, struct yaml_node *map, void *base, bool in_list)
{
	size_t count;
	const struct config_option *options = config_options(&count);

	for (size_t i = 0; i < count; i++) {
		const struct config_option *o = &options[i];
		bool of_list = strncmp(o->name, LIST, strlen(LIST)) == 0;
		const char *name = o->name + (of_list ? strlen(LIST) : 0);
		struct yaml_node *n;
		void *slot = (char *) base + o->offset;

		if (of_list != in_list)
			continue;
		n = find(map, name);
		if (n != NULL)
			read_option(r, o, n, slot);
		else if (o->required)
			yaml_error(r->problems, map, "%s is missing: %s", name, o->help);
		else
			default_option(r, o, slot);
	}
}

/* Where handback-fetch puts what it brought, and handback-receive what was sent; NULL when a mistake was
 * reported already. */
static const char *
incoming_directory(struct reader *r, const char *name)
{
	const char *spool = r->config->spool;
	size_t size;
	char *directory;

	if (spool == NULL || name == NULL)
		return NULL;
	size = strlen(spool) + strlen(name) + sizeof("/incoming/");
	directory = hold(r, size);
	if (directory != NULL)
		snprintf(directory, size, "%s/incoming/%s", spool, name);
	return directory;
}

static void
read_sources(struct reader *r, struct yaml_node *list)
{
	struct config *c = r->config;
	size_t i = 0;

	if (list == NULL)
		return;
	if (list->kind != YAML_LIST) {
		yaml_error(r->problems, list, "must be a list");
		return;
	}
	c->source_count = count_children(list);
	if (c->source_count == 0)
		return;
	c->sources = hold(r, c->source_count * sizeof(*c->sources));
	if (c->sources == NULL)
		return;
	for (struct yaml_node *n = list->first; n != NULL; n = n->next, i++) {
		struct config_source *source = &c->sources[i];
		struct yaml_node *sftp = yaml_get(n, "sftp"), *api = yaml_get(n, "api");

		source->settle_ms = -1;
		read_scope(r, n, source, true);
		check_keys(r, n, LIST);
		check_keys(r, sftp, LIST "sftp.");
		check_keys(r, api, LIST "api.");
		source->api.on = api != NULL;
		if (source->settle_ms < 0)
			source->settle_ms = sftp != NULL ? CONFIG_SFTP_SETTLE_MS : c->settle_ms;
		if ((source->sftp.host != NULL || api != NULL) && source->directory == NULL)
			source->directory = incoming_directory(r, source->name);
		source->sftp.no_landlock = c->sandbox == CONFIG_SANDBOX_NO_LANDLOCK;
		config_check_source(c, i, n, r->problems);
	}
}

/* The file's own absolute path. */
static const char *
own_path(struct reader *r, const char *path)
{
	char cwd[PATH_MAX];
	char *whole;

	if (path[0] == '/')
		return hold_text(r, path, strlen(path));
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return NULL;
	whole = hold(r, strlen(cwd) + strlen(path) + 2);
	if (whole != NULL)
		snprintf(whole, strlen(cwd) + strlen(path) + 2, "%s/%s", cwd, path);
	return whole;
}

static void
read_all(struct reader *r, struct yaml_node *root)
{
	struct config *c = r->config;
	int word = 0;

	read_scope(r, root, c, false);
	check_keys(r, find(root, "database"), "database.");
	check_keys(r, find(root, "retention"), "retention.");
	check_keys(r, find(root, "notifications"), "notifications.");
	check_keys(r, find(root, "checkpoints"), "checkpoints.");
	check_keys(r, find(root, "login"), "login.");
	check_keys(r, find(root, "login.proxy"), "login.proxy.");
	/* the table's word becomes syslog's number */
	word = c->log_level;
	log_level_from_word(log_level_words[word], &c->log_level);
	config_check(c, root, r->problems);
	config_check_login(c, yaml_get(root, "login"), r->problems);
	read_sources(r, yaml_get(root, "sources"));
	check_keys(r, root, "");
}

struct config *
config_parse(const char *path, const char *text, size_t len, struct problems *p)
{
	struct config *c = calloc(1, sizeof(*c));
	struct reader r = {.config = c, .problems = p};

	if (c == NULL || (c->path = own_path(&r, path)) == NULL) {
		yaml_error(p, NULL, "out of memory");
		config_free(c);
		return NULL;
	}
	c->tree = yaml_parse(text, len, p);
	if (c->tree != NULL && c->tree->kind != YAML_MAP)
		yaml_error(p, c->tree, "must be a map of options");
	else if (c->tree != NULL)
		read_all(&r, c->tree);
	if (r.no_memory)
		yaml_error(p, NULL, "out of memory");
	if (problems_errors(p) > 0) {
		config_free(c);
		return NULL;
	}
	return c;
}

struct config *
config_load(const char *path, struct problems *p)
{
	struct config *c;
	char *text;
	size_t len;

	if (io_read_file(AT_FDCWD, path, LIMIT_PROFILE_BYTES, &text, &len) < 0) {
		yaml_error(p, NULL, "cannot be read: %s", strerrordesc_np(errno));
		return NULL;
	}
	c = config_parse(path, text, len, p);
	free(text);
	return c;
}

struct config *
config_read_given(int fd, const char *path, struct problems *p)
{
	if (fcntl(fd, F_GETFD) < 0)
		return config_load(path, p);
	struct config *config = config_read(fd, path, p);
	close(fd);
	return config;
}

struct config *
config_read(int fd, const char *path, struct problems *p)
{
	struct config *c;
	char *text;
	size_t len;

	if (lseek(fd, 0, SEEK_SET) < 0 || io_read_all(fd, LIMIT_PROFILE_BYTES, &text, &len) < 0) {
		yaml_error(p, NULL, "cannot be read from descriptor %d: %s", fd, strerrordesc_np(errno));
		return NULL;
	}
	c = config_parse(path, text, len, p);
	free(text);
	return c;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	yaml_tree_free(c->tree);
	for (struct config_held *held = c->held, *next; held != NULL; held = next) {
		next = held->next;
		free(held->bytes);
		free(held);
	}
	free(c);
}

const struct config_source *
config_source(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->source_count; i++)
		if (strcmp(c->sources[i].name, name) == 0)
			return &c->sources[i];
	return NULL;
}
