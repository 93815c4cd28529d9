#include "lib/sandbox/parser.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/sandbox/landlock.h"
#include "lib/sandbox/sandbox_internal.h"

#define LIST_BYTES (64 << 10) /* more than any list of ours: the kernel takes 32 KiB */

static int
fail(char *why, size_t size, const char *what, int error)
{
	char text[128];
	snprintf(why, size, "cannot lock down: %s: %s", what, strerror_r(error, text, sizeof(text)));
	return -1;
}

/* ---- descriptors ---- */

static int
keep_only(int file_fd)
{
	if (file_fd != SANDBOX_FILE && dup2(file_fd, SANDBOX_FILE) < 0)
		return -1;
	/* by number: older C libraries have no wrapper */
	return (int) syscall(SYS_close_range, SANDBOX_FILE + 1U, ~0U, 0U);
}

/* ---- rlimits ---- */

/* Bytes of address space in use now, from the kernel's own count; 0 when it cannot be read. */
static uint64_t
address_space(void)
{
	char pages[32] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (read(fd, pages, sizeof(pages) - 1) < 0)
		pages[0] = '\0';
	close(fd);
	return strtoull(pages, NULL, 10) * (uint64_t) sysconf(_SC_PAGESIZE);
}

static int
set_limits(int64_t work_bytes, uint64_t in_use)
{
	const uint64_t memory = in_use + (uint64_t) LIMIT_PARSER_MEMORY;
	const uint64_t seconds =
	    LIMIT_PARSER_CPU_BASE_S + ((uint64_t) work_bytes >> 20) / LIMIT_PARSER_CPU_MIB_PER_S;
	const struct {
		__rlimit_resource_t which;
		rlim_t soft, hard;
	} limits[] = {
	    {RLIMIT_CORE, 0, 0},  /* a core would hold members' data */
	    {RLIMIT_FSIZE, 0, 0}, /* pipes only */
	    {RLIMIT_NPROC, 0, 0}, /* does not bind root; seccomp does */
	    {RLIMIT_MEMLOCK, 0, 0},
	    {RLIMIT_MSGQUEUE, 0, 0},
	    {RLIMIT_CPU, seconds, seconds + 1}, /* SIGXCPU, then SIGKILL */
	    {RLIMIT_DATA, memory, memory},
	    {RLIMIT_AS, memory, memory},
	    {RLIMIT_NOFILE, 0, 0}, /* nothing new; what is open stays */
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct rlimit limit = {limits[i].soft, limits[i].hard};
		/* a sanitizer maps terabytes of shadow */
		if (SANITIZED && (limits[i].which == RLIMIT_AS || limits[i].which == RLIMIT_DATA))
			continue;
		if (setrlimit(limits[i].which, &limit) != 0)
			return -1;
	}
	return 0;
}

/* ---- seccomp ---- */

/* Permitted whatever the arguments. */
static const int plain_calls[] = {
    SCMP_SYS(close),        SCMP_SYS(fstat), /* the C library's streams */
    SCMP_SYS(newfstatat),   SCMP_SYS(brk),   /* memory, without PROT_EXEC: see below */
    SCMP_SYS(munmap),       SCMP_SYS(mremap),
    SCMP_SYS(madvise),      SCMP_SYS(futex),           /* the C library's locks, and those of iconv */
    SCMP_SYS(getrandom),    SCMP_SYS(clock_gettime),   /* where the vDSO cannot answer */
    SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), /* after a stop and a continue */
    SCMP_SYS(exit),         SCMP_SYS(exit_group),
#if SANITIZED
    SCMP_SYS(sigaltstack),  SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction), SCMP_SYS(getpid),
    SCMP_SYS(gettid),       SCMP_SYS(sched_yield),
    SCMP_SYS(getrlimit),    SCMP_SYS(prlimit64),
    SCMP_SYS(readlink),     SCMP_SYS(tgkill),
    SCMP_SYS(mincore),
#endif
};

static int
permit_calls(scmp_filter_ctx filter)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof(plain_calls) / sizeof(plain_calls[0]); i++)
		rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain_calls[i], 0);
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(read), 1, SCMP_A0(SCMP_CMP_EQ, SANDBOX_FILE));
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(lseek), 1, SCMP_A0(SCMP_CMP_EQ, SANDBOX_FILE));
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, STDOUT_FILENO));
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO));
	/* memory that can be run is never had, neither new nor changed */
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
	                       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
	                       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* a library that looks for one more table or message file gets no, and goes on without */
	rc |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 0);
#if SANITIZED
	rc |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(open), 0);
#endif
	return rc;
}

/* The list as the kernel takes it; empty until it is made. */
static struct sock_fprog list;

/* By way of a memory file, the only one that all versions of the library know.  0, or a negative errno. */
static int
export_list(scmp_filter_ctx filter)
{
	int fd = memfd_create("sandbox", MFD_CLOEXEC), rc;
	char *bytes = NULL;
	size_t len = 0;

	if (fd < 0)
		return -errno;
	rc = seccomp_export_bpf(filter, fd);
	if (rc == 0 && (lseek(fd, 0, SEEK_SET) < 0 || io_read_all(fd, LIST_BYTES, &bytes, &len) != 0))
		rc = -errno;
	close(fd);
	if (rc != 0)
		return rc;
	list.filter = (struct sock_filter *) (void *) bytes; /* as malloc aligns it; never freed */
	list.len = (unsigned short) (len / sizeof(*list.filter));
	return 0;
}

int
sandbox_prepare(char *why, size_t why_size)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = filter != NULL ? permit_calls(filter) : -ENOMEM;

	if (rc == 0)
		rc = export_list(filter);
	seccomp_release(filter);
	return rc == 0 ? 0 : fail(why, why_size, "the list of system calls", -rc);
}

/* With no_new_privs. */
static int
seccomp_enter(void)
{
	if (list.len == 0) {
		errno = EINVAL; /* an empty one would permit everything or nothing: nobody shall find out */
		return -1;
	}
	return (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &list);
}

int
sandbox_enter(int file_fd, const struct sandbox_wish *wish, struct sandbox_report *ret, char *why,
              size_t why_size)
{
	struct sandbox_report report = {0};
	uint64_t in_use = address_space();

	if (keep_only(file_fd) != 0)
		return fail(why, why_size, "close all other descriptors", errno);
	if (wish->no_sandbox) {
		*ret = report;
		return 0;
	}
	if (in_use == 0)
		return fail(why, why_size, "read /proc/self/statm", EIO);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail(why, why_size, "dumpable", errno);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(why, why_size, "no_new_privs", errno);
	report.no_new_privs = 1;
	report.landlock_abi = landlock_enter(&(struct landlock_wish){0});
	if (report.landlock_abi < 0 && !wish->no_landlock)
		return fail(why, why_size, "Landlock", errno);
	if (report.landlock_abi == 0 && !wish->no_landlock)
		return fail(why, why_size, "Landlock is not in this kernel, and \"sandbox: no_landlock\" is not set",
		            ENOSYS);
	if (report.landlock_abi < 0)
		report.landlock_abi = 0;
	/* after Landlock, which needs a descriptor for a moment */
	if (set_limits(wish->work_bytes, in_use) != 0)
		return fail(why, why_size, "resource limits", errno);
	if (seccomp_enter() != 0)
		return fail(why, why_size, "seccomp", errno);
	report.seccomp = 1;
	*ret = report;
	return 0;
}
