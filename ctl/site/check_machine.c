/* check, of the machine: what everyone can read, its clock, sockets and what runs, and what the units are
 * shut off from. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "ctl/check.h"
#include "ctl/ctl_sql.h"
#include "lib/base/io.h"
#include "lib/base/paths.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/json/json.h"
#include "lib/protocol/control_client.h"

#define ANSWER_S 2
#define DROP_IN_BYTES (64 << 10)

/* ---- what is secret ---- */

static void
check_secret(struct checks *c, const char *what, const char *path, const char *has)
{
	struct stat st;

	if (path == NULL || stat(path, &st) < 0 || (st.st_mode & (S_IROTH | S_IWOTH)) == 0)
		return;
	check_found(c, what, WRONG, EXIT_USAGE, "%s has %s, and everyone may read it (mode %04o): chmod o= %s",
	            path, has, st.st_mode & 07777, path);
}

/* What database.conninfo says of an option, for the caller to free; NULL: nothing. */
static char *
database_option(const struct config *config, const char *keyword)
{
	return config->database_conninfo != NULL ? pg_conninfo_option(config->database_conninfo, keyword) : NULL;
}

static void
check_secrets(struct checks *c)
{
	const struct config *config = c->session->config;
	char *passfile = database_option(config, "passfile"), *password = database_option(config, "password"),
	     *ssl = database_option(config, "sslpassword");

	if (password != NULL || ssl != NULL)
		check_secret(
		    c, "configuration", config->path,
		    "a password in database.conninfo, which belongs into a file of its own, named by passfile=");
	check_secret(c, "database", passfile, "the database's password");
	free(passfile);
	free(password);
	free(ssl);
	for (size_t i = 0; i < config->source_count; i++) {
		const struct config_sftp *sftp = &config->sources[i].sftp;
		char *what = mem_format("source %s", config->sources[i].name);

		check_secret(c, what, sftp->key, "a private key");
		check_secret(c, what, sftp->passphrase, "a passphrase");
		check_secret(c, what, sftp->password, "a password");
		free(what);
	}
}

/* ---- the clock, sockets, what runs ---- */

static void
check_ntp(struct checks *c)
{
	struct timex t = {0};

	if (adjtimex(&t) == TIME_ERROR && (t.status & STA_UNSYNC) != 0)
		check_found(c, "clock", WARNING, 0,
		            "nothing keeps it: days and due times are judged by it; `timedatectl set-ntp true`, or "
		            "install chrony");
}

/* Where a socket is made, which needs a directory of ours. */
static void
check_socket(struct checks *c, const char *what, const char *path)
{
	char *copy = mem_text(path), *directory = dirname(copy);
	struct stat st;

	if (stat(directory, &st) < 0)
		check_found(c, what, errno == ENOENT ? WARNING : WRONG, EXIT_UNAVAILABLE,
		            "%s: %s; systemd makes it with the unit (RuntimeDirectory), without it `install -d -o "
		            "handback %s`",
		            directory, strerror(errno), directory);
	else if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
		check_found(c, what, WRONG, EXIT_UNAVAILABLE,
		            "everyone may put another socket into %s (mode %04o): chmod o-w %s", directory,
		            st.st_mode & 07777, directory);
	else if (euidaccess(directory, W_OK | X_OK) < 0)
		check_found(c, what, WARNING, 0, "this user may not make %s: %s", path, strerror(errno));
	else
		check_found(c, what, FINE, 0, "%s", path);
	free(copy);
}

/* After an upgrade an old program may run still. */
static void
check_daemon(struct checks *c)
{
	char *text = control_ask(c->session->config->control, CONTROL_STATUS, ANSWER_S);
	struct json *answer = text == NULL ? NULL : json_parse(text);
	const char *version = json_string_of(answer, "version");

	if (version == NULL)
		check_found(c, "handbackd", WARNING, 0, "none answers at %s: `systemctl start handbackd`",
		            c->session->config->control);
	else if (strcmp(version, HANDBACK_VERSION) != 0)
		check_found(c, "handbackd", WRONG, EXIT_UNAVAILABLE,
		            "%s runs, and " HANDBACK_VERSION " is installed: `systemctl restart handbackd`", version);
	else
		check_found(c, "handbackd", FINE, 0, "%s runs", version);
	json_free(answer);
	free(text);
}

/* ---- what the units are shut off from ---- */

/* Does some drop-in of the unit have the word at the beginning of a line? */
static bool
is_opened(const char *unit, const char *word)
{
	static const char *const places[] = {"/etc/systemd/system", "/run/systemd/system",
	                                     "/usr/lib/systemd/system"};
	bool found = false;

	for (size_t i = 0; !found && i < sizeof(places) / sizeof(places[0]); i++) {
		char *path = mem_format("%s/%s.d", places[i], unit);
		DIR *d = opendir(path);

		for (const struct dirent *e; d != NULL && !found && (e = readdir(d)) != NULL;) {
			char *text = NULL, *line = mem_format("\n%s", word);
			size_t len = 0;

			if (strstr(e->d_name, ".conf") != NULL &&
			    io_read_file(dirfd(d), e->d_name, DROP_IN_BYTES, &text, &len) == 0)
				found = strncmp(text, word, strlen(word)) == 0 || strstr(text, line) != NULL;
			free(line);
			free(text);
		}
		if (d != NULL)
			closedir(d);
		free(path);
	}
	return found;
}

static void
check_drop_in(struct checks *c, bool needed, const char *unit, const char *word, const char *example,
              const char *why)
{
	if (needed && !is_opened(unit, word))
		check_found(c, "units", WARNING, 0,
		            "%s, and %s has no drop-in with %s: %s of /usr/share/doc/handback/examples goes to "
		            "/etc/systemd/system/%s.d; then `systemctl daemon-reload`",
		            why, unit, word, example, unit);
}

static bool
runs_by_units(const struct config *config)
{
	return access("/run/systemd/system", F_OK) == 0 && strcmp(config->path, PATHS_CONFIG) == 0;
}

static void
check_drop_ins(struct checks *c)
{
	const struct config *config = c->session->config;
	char *host = database_option(config, "host");
	const bool far = host != NULL && *host != '/';
	static const char *const by_database[] = {"handbackd.service", "handback-nightly.service",
	                                          "handback-verify.service"};
	bool fetches = false;

	free(host);
	if (!runs_by_units(config))
		return;
	for (size_t i = 0; i < config->source_count; i++)
		fetches = fetches || config->sources[i].sftp.host != NULL;
	check_drop_in(c, fetches, "handback-fetch@.service",
	              "IPAddressAllow=", "handback-fetch@.service.d/50-partners.conf", "sources are fetched");
	check_drop_in(c, config->metrics != NULL && *config->metrics != '/', "handbackd.service",
	              "PrivateNetwork=no", "handbackd.service.d/55-metrics.conf", "metrics.listen is an address");
	check_drop_in(c, config->notifications_mail != NULL, "handbackd.service",
	              "ReadWritePaths=", "handbackd.service.d/70-mail.conf",
	              "notifications.mail writes into the mail system's queue");
	for (size_t i = 0; i < sizeof(by_database) / sizeof(by_database[0]); i++)
		check_drop_in(c, far, by_database[i], "PrivateNetwork=no", "handbackd.service.d/50-database.conf",
		              "database.conninfo names another machine");
}

void
check_targets(struct checks *c)
{
	struct pg_result *r = NULL;

	if (c->session->config == NULL || !runs_by_units(c->session->config))
		return;
	bool some =
	    pg_run(c->session->query.pg, sql_targets_any, 0, NULL, &r) == PG_OK && pg_true_of(r, 0, "some");

	check_drop_in(c, some, "handback-send@.service",
	              "IPAddressAllow=", "handback-send@.service.d/50-targets.conf", "other systems are told");
	pg_result_free(r);
}

void
check_machine(struct checks *c)
{
	const struct config *config = c->session->config;

	check_secrets(c);
	check_ntp(c);
	check_socket(c, "control", config->control);
	if (config->metrics != NULL && *config->metrics == '/')
		check_socket(c, "metrics", config->metrics);
	check_daemon(c);
	check_drop_ins(c);
}
