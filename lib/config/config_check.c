#include "lib/config/config_check.h"

#include <sys/un.h>

/* Where to point at: the child of that key, or the map itself. */
static const struct yaml_node *
at(struct yaml_node *map, const char *key)
{
	const struct yaml_node *child = yaml_get(map, key);

	return child != NULL ? child : map;
}

void
config_check(const struct config *c, struct yaml_node *root, struct problems *p)
{
	struct sockaddr_un address;

	if (c->database_embedded == NULL && c->database_conninfo == NULL)
		yaml_error(p, at(root, "database"),
		           "say where the database is: database.embedded (a directory) or database.conninfo");
	if (c->database_embedded != NULL && c->database_conninfo != NULL)
		yaml_error(p, at(root, "database"),
		           "database.embedded and database.conninfo exclude each other: remove one");
	if (c->database_embedded != NULL &&
	    (c->database_read != NULL || c->database_synchronous == CONFIG_SYNCHRONOUS_REQUIRED))
		yaml_error(p, at(root, "database"),
		           "an embedded database has no standby: remove database.read and database.synchronous");
	if (c->metrics != NULL && strlen(c->metrics) >= sizeof(address.sun_path))
		yaml_error(p, at(root, "metrics"), "metrics.listen: a UNIX socket's path has at most %zu bytes",
		           sizeof(address.sun_path) - 1);
	if (c->control != NULL && strlen(c->control) >= sizeof(address.sun_path))
		yaml_error(p, at(root, "control"), "a UNIX socket's path has at most %zu bytes; this one has %zu",
		           sizeof(address.sun_path) - 1, strlen(c->control));
}

static bool
is_source_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == len &&
	       name[0] != '-';
}

/* A path that is the directory, or below it. */
static bool
lies_in(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	while (len > 1 && directory[len - 1] == '/')
		len--;
	return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool
same_texts(const char *const *a, const char *const *b)
{
	for (; *a != NULL && *b != NULL; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return *a == *b;
}

static void
check_among_others(const struct config *c, size_t i, struct yaml_node *n, struct problems *p)
{
	const struct config_source *mine = &c->sources[i];

	for (size_t k = 0; k < i; k++) {
		const struct config_source *other = &c->sources[k];

		if (mine->name != NULL && other->name != NULL && strcmp(mine->name, other->name) == 0)
			yaml_error(p, at(n, "name"), "sources[%zu] has this name already", k);
		if (mine->directory != NULL && other->directory != NULL &&
		    strcmp(mine->directory, other->directory) == 0 && mine->files != NULL && other->files != NULL &&
		    same_texts(mine->files, other->files))
			yaml_error(p, at(n, "directory"),
			           "sources[%zu] takes the same files from the same directory: give each its own pattern",
			           k);
	}
}

static void
check_suffix(const char *suffix, const struct yaml_node *n, const char *what, struct problems *p)
{
	if (suffix != NULL && strchr(suffix, '/') != NULL)
		yaml_error(p, n, "%s", what);
}

void
config_check_source(const struct config *c, size_t i, struct yaml_node *n, struct problems *p)
{
	const struct config_source *source = &c->sources[i];
	struct yaml_node *sftp = yaml_get(n, "sftp"), *api = yaml_get(n, "api");

	if (source->name != NULL && !is_source_name(source->name))
		yaml_error(p, at(n, "name"), "1 to 63 of a-z, 0-9, '-' and '_', not beginning with '-'");
	if (source->profile != NULL && (strchr(source->profile, '/') != NULL || source->profile[0] == '.'))
		yaml_error(p, at(n, "profile"), "the name of a file in the profiles directory, without .yaml");
	check_suffix(source->marker, at(n, "marker"), "a suffix of a file's name, as in .done", p);
	check_suffix(source->checksum, at(n, "checksum"), "a suffix of a file's name, as in .sha256", p);
	if (source->checksum != NULL && source->marker != NULL)
		yaml_error(p, at(n, "checksum"), "checksum and marker exclude each other: remove one");
	if (sftp == NULL && source->directory == NULL)
		yaml_error(p, n, "say where the files come from: directory, sftp or api");
	if (api != NULL && (sftp != NULL || yaml_get(n, "directory") != NULL))
		yaml_error(p, api, "api excludes directory and sftp: remove one");
	if (sftp != NULL && source->answers != NULL)
		yaml_error(p, at(n, "answers"),
		           "only for a directory: answers to a server are uploaded by answer_directory");
	if (source->answers != NULL && source->directory != NULL &&
	    strcmp(source->answers, source->directory) == 0)
		yaml_error(p, at(n, "answers"),
		           "must be another directory than the inbound one: its files would be taken");
	if (sftp != NULL && yaml_get(n, "directory") != NULL)
		yaml_error(p, at(n, "directory"), "directory and sftp exclude each other: remove one");
	if (sftp != NULL && sftp->kind == YAML_MAP) {
		if (source->sftp.host == NULL)
			yaml_error(p, sftp, "host is missing: the server's name or address");
		config_check_sftp(source, sftp, p);
	}
	if (sftp == NULL && api == NULL && source->directory != NULL && c->spool != NULL &&
	    lies_in(source->directory, c->spool))
		yaml_error(p, at(n, "directory"), "lies in the spool; partners' files and ours must not mix");
	check_among_others(c, i, n, p);
}
