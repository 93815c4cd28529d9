#include "daemon/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/base/paths.h"
#include "lib/base/spawn.h"
#include "lib/config/fetch_source.h"

int
setup_config(const char *path, struct problems *p, struct config **ret_config, int *ret_fd)
{
	struct config *config;
	char *text;
	size_t len;
	int fd;

	if (io_read_file(AT_FDCWD, path, LIMIT_PROFILE_BYTES, &text, &len) < 0) {
		yaml_error(p, NULL, "cannot be read: %s", strerrordesc_np(errno));
		return -1;
	}
	config = config_parse(path, text, len, p);
	fd = config != NULL ? io_sealed("handback.yaml", text, len) : -1;
	if (config != NULL && fd < 0)
		yaml_error(p, NULL, "cannot be kept in memory: %s", strerrordesc_np(errno));
	free(text);
	if (fd < 0) {
		config_free(config);
		return -1;
	}
	*ret_config = config;
	*ret_fd = fd;
	return 0;
}

void
setup_incoming(const struct config *config)
{
	for (size_t i = 0; i < config->source_count; i++) {
		const struct config_source *source = &config->sources[i];
		int in = source->sftp.host != NULL ? fetch_source_directory(source)
		         : source->api.on          ? io_make_dirs(AT_FDCWD, source->directory, 0700)
		                                   : -1;

		if (in >= 0)
			close(in);
	}
}

static int
make_spool(const struct config *config, char *why, size_t why_size)
{
	static const char *const parts[] = {"work", "archive", "quarantine", "incoming"};
	int spool = io_make_dirs(AT_FDCWD, config->spool, 0700);

	if (spool < 0) {
		snprintf(why, why_size, "spool: %s: %s", config->spool, strerrordesc_np(errno));
		return -1;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int part = io_make_dirs(spool, parts[i], 0700);

		if (part < 0) {
			snprintf(why, why_size, "spool: %s/%s: %s", config->spool, parts[i], strerrordesc_np(errno));
			close(spool);
			return -1;
		}
		close(part);
	}
	setup_incoming(config);
	return spool;
}

int
setup_spool(const struct config *config, char *why, size_t why_size)
{
	int spool = make_spool(config, why, why_size), lock;
	char pid[24] = "";

	if (spool < 0)
		return -1;
	lock = openat(spool, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	close(spool);
	if (lock < 0) {
		snprintf(why, why_size, "spool: %s/lock: %s", config->spool, strerrordesc_np(errno));
		return -1;
	}
	if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n = errno == EWOULDBLOCK ? pread(lock, pid, sizeof(pid) - 1, 0) : 0;
		int result = errno == EWOULDBLOCK ? -2 : -1;

		pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
		snprintf(why, why_size, "spool: %s is in use by another handbackd (process %s)", config->spool, pid);
		close(lock);
		return result;
	}
	/* for a person; the lock itself is what counts */
	if (ftruncate(lock, 0) == 0)
		dprintf(lock, "%d\n", (int) getpid());
	return lock;
}

/* Counts and says what cannot be used. */
static int
check_directory(const char *what, const char *path, int mode)
{
	if (access(path, mode) == 0)
		return 0;
	fprintf(stderr, "%s: %s: %s\n", what, path, strerrordesc_np(errno));
	return 1;
}

/* Copies what was said there to stderr. */
static void
repeat(int fd)
{
	char buf[4096];
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(STDERR_FILENO, buf, (size_t) n) < 0)
			return;
}

/* What profile lint says of these; it knows the language of profiles, and handbackd does not. */
static int
lint(const char *const *argv, const char *program)
{
	int said = memfd_create("lint", MFD_CLOEXEC), status = -1;
	const struct spawn_fd fds[] = {{said, STDOUT_FILENO}, {said, STDERR_FILENO}};
	const struct spawn s = {
	    .path = program, .argv = argv, .env = spawn_environment(), .fds = fds, .fd_count = 2};
	pid_t child = said < 0 ? -1 : spawn(&s);

	if (child < 0 || waitpid(child, &status, 0) != child)
		fprintf(stderr, "handbackctl: %s\n", strerrordesc_np(errno));
	else if (status != 0)
		repeat(said);
	if (said >= 0)
		close(said);
	return status == 0 ? 0 : 1;
}

/* Do the profiles that sources name exist, and compile? */
static int
check_profiles(const struct config *config)
{
	const char **argv = calloc(config->source_count + 4, sizeof(*argv));
	char program[PATH_MAX];
	size_t n = 0;
	int wrong = 1;

	if (argv == NULL || !paths_program(program, sizeof(program), "handbackctl")) {
		fprintf(stderr, "handbackctl: %s\n", strerrordesc_np(errno));
		free(argv);
		return 1;
	}
	argv[n++] = "handbackctl";
	argv[n++] = "profile";
	argv[n++] = "lint";
	for (size_t i = 0; i < config->source_count; i++) {
		char *path;
		bool known = false;

		if (asprintf(&path, "%s/%s.yaml", config->profiles, config->sources[i].profile) < 0)
			continue;
		for (size_t k = 3; k < n && !known; k++)
			known = strcmp(argv[k], path) == 0;
		if (known)
			free(path);
		else
			argv[n++] = path;
	}
	wrong = n > 3 ? lint(argv, program) : 0;
	while (n > 3)
		free((char *) (uintptr_t) argv[--n]);
	free(argv);
	return wrong;
}

int
setup_check(const char *config_path)
{
	struct problems *p = problems_new(config_path);
	struct config *config = p != NULL ? config_load(config_path, p) : NULL;
	char program[PATH_MAX];
	int wrong = 0;

	for (size_t i = 0; p != NULL && problems_line(p, i) != NULL; i++)
		fprintf(stderr, "%s\n", problems_line(p, i));
	problems_free(p);
	if (config == NULL)
		return EXIT_USAGE;
	wrong += check_directory("spool", config->spool, R_OK | W_OK | X_OK);
	if (check_directory("profiles", config->profiles, R_OK | X_OK) == 0)
		wrong += check_profiles(config);
	else
		wrong++;
	for (size_t i = 0; i < config->source_count; i++)
		if (config->sources[i].sftp.host == NULL && !config->sources[i].api.on)
			wrong +=
			    check_directory(config->sources[i].name, config->sources[i].directory, R_OK | W_OK | X_OK);
	if (!paths_program(program, sizeof(program), "handback-reconcile")) {
		fprintf(stderr, "handback-reconcile: %s\n", strerrordesc_np(errno));
		wrong++;
	}
	if (wrong == 0)
		printf("%s: %zu sources, nothing wrong\n", config_path, config->source_count);
	config_free(config);
	return wrong == 0 ? EXIT_CLEAN : EXIT_UNAVAILABLE;
}
