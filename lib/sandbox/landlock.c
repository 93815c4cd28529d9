#include "lib/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's own words and layouts: the headers of an older system know only the first of them. */
enum {
	EXECUTE = 1U << 0,
	WRITE_FILE = 1U << 1,
	READ_FILE = 1U << 2,
	READ_DIR = 1U << 3,
	REMOVE_DIR = 1U << 4,
	REMOVE_FILE = 1U << 5,
	MAKE_DIR = 1U << 7,
	MAKE_REG = 1U << 8,
	MAKE_SOCK = 1U << 9,
	FIRST = (1U << 13) - 1, /* all of version 1 */
	REFER = 1U << 13,       /* 2 */
	TRUNCATE = 1U << 14,    /* 3 */
	IOCTL_DEV = 1U << 15,   /* 5 */
	OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE,
	CONNECT_TCP = 1U << 1, /* 4, with 1 << 0 for bind */
	BIND_OR_CONNECT = 3,
	SCOPES = 3, /* 6: abstract sockets, and signals to others */
	RULE_PATH = 1,
	RULE_PORT = 2,
};

struct ruleset {
	uint64_t fs, net, scoped;
};

struct path_rule {
	uint64_t rights;
	int32_t fd;
} __attribute__((packed));

struct port_rule {
	uint64_t rights, port;
};

static const uint32_t rights_of[] = {
    [LANDLOCK_READ] = READ_FILE | READ_DIR,
    [LANDLOCK_WRITE] = READ_FILE | WRITE_FILE,
    [LANDLOCK_RUN] = READ_FILE | READ_DIR | EXECUTE,
    [LANDLOCK_EMPTY] = REMOVE_DIR,
    [LANDLOCK_KEEP] = READ_FILE | WRITE_FILE | READ_DIR | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG |
                      MAKE_SOCK | REFER | TRUNCATE,
};

static int
add_place(int rules, const struct landlock_place *place, uint64_t handled)
{
	struct path_rule rule = {.rights = rights_of[place->use] & handled, .fd = place->fd};
	struct stat st;
	long rc = -1;

	if (place->path != NULL)
		rule.fd = open(place->path, O_PATH | O_CLOEXEC);
	if (rule.fd < 0) /* what is not there cannot be used either */
		return place->path != NULL && (errno == ENOENT || errno == EACCES || errno == ENOTDIR) ? 0 : -1;
	if (fstat(rule.fd, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			rule.rights &= OF_A_FILE;
		rc = syscall(SYS_landlock_add_rule, rules, RULE_PATH, &rule, 0U);
		/* a file in memory lies in no directory: nothing is held there, nothing need be allowed */
		if (rc != 0 && errno == EBADFD)
			rc = 0;
	}
	int error = errno;
	if (place->path != NULL)
		close(rule.fd);
	errno = error;
	return (int) rc;
}

static int
add_all(int rules, const struct landlock_wish *wish, const struct ruleset *set)
{
	for (size_t i = 0; i < wish->place_count; i++)
		if (add_place(rules, &wish->places[i], set->fs) != 0)
			return -1;
	for (size_t i = 0; i < wish->port_count && set->net != 0; i++) {
		const struct port_rule rule = {CONNECT_TCP, wish->ports[i]};

		if (syscall(SYS_landlock_add_rule, rules, RULE_PORT, &rule, 0U) != 0)
			return -1;
	}
	return 0;
}

int
landlock_version(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1U /* LANDLOCK_CREATE_RULESET_VERSION */);

	if (abi < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -1;
	return (int) abi;
}

int
landlock_enter(const struct landlock_wish *wish)
{
	struct ruleset set = {.fs = FIRST};
	long abi, fd, rc;
	size_t size;

	abi = landlock_version();
	if (abi < 0)
		return -1;
	if (abi == 0 || abi < wish->least)
		return 0;
	set.fs |= (abi >= 2 ? REFER : 0) | (abi >= 3 ? TRUNCATE : 0) | (abi >= 5 ? IOCTL_DEV : 0);
	set.net = abi >= 4 && !wish->any_port ? BIND_OR_CONNECT : 0;
	set.scoped = abi >= 6 ? SCOPES : 0;
	size = abi >= 6   ? sizeof(set)
	       : abi >= 4 ? offsetof(struct ruleset, scoped)
	                  : offsetof(struct ruleset, net);
	fd = syscall(SYS_landlock_create_ruleset, &set, size, 0U);
	if (fd < 0)
		return -1;
	rc = add_all((int) fd, wish, &set);
	if (rc == 0)
		rc = syscall(SYS_landlock_restrict_self, (int) fd, 0U);
	int error = errno;
	close((int) fd);
	errno = error;
	return rc == 0 ? (int) abi : -1;
}
