/*
 * handback-api: answers the redemption API's calls.
 *
 * Trust: it faces no stranger.  Gates (handback-gate) connect to its socket and send typed calls
 * (lib/protocol/api_call.h); it alone can read and make tokens, and asks the database as a role that executes
 * the API's functions and reads no table.  Several run side by side, a socket each.
 *
 *     --listen PATH     a SOCK_SEQPACKET socket that it makes; or systemd's, as descriptor 3
 *     --token-key FILE  the key that signs tokens; given twice: the second is the one before, still good
 *     --receive PATH    the socket of handback-receive, which takes partners' files; without it there are
 * none
 *     --database CONNINFO, or --config FILE: where the database is
 *
 * Without --token-key: token-key and token-key-previous of systemd's credentials.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/serve.h"
#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/stop.h"
#include "lib/base/secret.h"
#include "lib/config/config.h"
#include "lib/db/connect.h"
#include "lib/protocol/channel.h"

#define SYSTEMD_FD 3
#define ROLE "handback_api"
#define GATES_WAITING 16

struct options {
	const char *listen, *config, *database, *receive;
	const char *keys[2];
};

static int
usage(void)
{
	fputs("usage: handback-api (--config FILE | --database CONNINFO) [--listen PATH] [--token-key FILE "
	      "[--token-key FILE]] [--receive PATH]\n",
	      stderr);
	return EXIT_USAGE;
}

static bool
read_options(int argc, char **argv, struct options *ret)
{
	static const struct option known[] = {
	    {"listen", required_argument, NULL, 'l'},    {"config", required_argument, NULL, 'c'},
	    {"database", required_argument, NULL, 'd'},  {"receive", required_argument, NULL, 'r'},
	    {"token-key", required_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
	int option, keys = 0;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0)
		if (option == 'l')
			ret->listen = optarg;
		else if (option == 'c')
			ret->config = optarg;
		else if (option == 'd')
			ret->database = optarg;
		else if (option == 'r')
			ret->receive = optarg;
		else if (option == 'k' && keys < 2)
			ret->keys[keys++] = optarg;
		else
			return false;
	return optind == argc && (ret->config == NULL) != (ret->database == NULL);
}

/* ---- keys ---- */

static bool
read_key(int dir, const char *path, struct token_key *ret)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t bytes[TOKEN_KEY_MOST + 1];
	struct stat st;
	ssize_t got = -1;
	bool good;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && secret_open_to(&st) == 0)
		got = read(fd, bytes, sizeof(bytes));
	if (fd >= 0)
		close(fd);
	good = got > 0 && token_key_init(ret, bytes, (size_t) got);
	explicit_bzero(bytes, sizeof(bytes));
	return good;
}

static bool
read_keys(const struct options *o, struct token_keys *ret)
{
	static const char *const names[] = {"token-key", "token-key-previous"};
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	int dir = AT_FDCWD;
	bool good = true;

	if (o->keys[0] == NULL && credentials != NULL)
		dir = open(credentials, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		const char *path = o->keys[0] != NULL ? o->keys[i] : dir >= 0 ? names[i] : NULL;

		if (path != NULL && !read_key(dir, path, &ret->key[i]) &&
		    (i == 0 || o->keys[0] != NULL || errno != ENOENT)) {
			log_write(LOG_ERR, "a token key is no file of 32 to 256 bytes that only we can read",
			          LOG_FIELDS(log_text("file", path)));
			good = false;
		}
	}
	if (dir >= 0)
		close(dir);
	return good && ret->key[0].length > 0;
}

/* ---- the socket ---- */

static bool
is_listener(int fd)
{
	int type = 0, listens = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens != 0;
}

/* ---- all of it ---- */

static int
run(const struct options *o, int listener, const struct token_keys *keys)
{
	struct config *config = o->config != NULL ? config_load_logged(o->config) : NULL;
	const struct connect how = {.application = "handback-api",
	                            .config = config,
	                            .conninfo = o->database,
	                            .roles = "{" ROLE "}",
	                            .user = ROLE,
	                            .posts = true,
	                            .checked = true};
	struct connection connection = {0};
	struct database db = {0};
	char why[LIMIT_MESSAGE_BYTES];
	int stop = stop_signals(), code;

	if (o->config != NULL && config == NULL)
		return EXIT_USAGE;
	code = connect_open(&how, &connection, why, sizeof(why));
	if (code != EXIT_CLEAN) {
		log_write(LOG_ERR, "cannot connect to the database", LOG_FIELDS(log_text("why", why)));
	} else {
		db.pg = connection.pg;
		pg_watch_logged(db.pg);
		log_write(LOG_INFO, "ready", NULL);
		if (serve(listener, stop, &db, keys, o->receive) < 0) {
			log_write(LOG_ERR, "cannot wait for calls", LOG_FIELDS(log_errno(errno)));
			code = EXIT_INTERNAL;
		}
	}
	database_free(&db);
	connect_close(&connection);
	config_free(config);
	return code;
}

int
main(int argc, char **argv)
{
	static struct token_keys keys;
	struct options options = {0};
	int listener;

	harden_keys();
	if (!read_options(argc, argv, &options))
		return usage();
	log_open("handback-api", LOG_INFO);
	if (!read_keys(&options, &keys)) {
		log_write(LOG_ERR, "there is no token key: tokens could not be told from forged ones", NULL);
		return EXIT_USAGE;
	}
	listener =
	    options.listen != NULL ? channel_listen(options.listen, SOCK_SEQPACKET, GATES_WAITING) : SYSTEMD_FD;
	if (listener < 0 || !is_listener(listener)) {
		log_write(LOG_ERR, "there is no socket to listen on",
		          LOG_FIELDS(log_text("path", options.listen), log_errno(errno)));
		return EXIT_USAGE;
	}
	fcntl(listener, F_SETFD, FD_CLOEXEC);
	return run(&options, listener, &keys);
}
