#include "lib/sandbox/program.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/sandbox/landlock.h"
#include "lib/sandbox/sandbox_internal.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define NAMESPACES                                                                                           \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |            \
	 CLONE_NEWNET)

static bool
fail(char *why, size_t size, const char *what, int error)
{
	snprintf(why, size, "cannot lock down: %s: %s", what, strerrordesc_np(error));
	return false;
}

/* ---- system calls ---- */

/* Files by descriptors and paths (Landlock says which), memory, time, what libraries ask of themselves. */
static const int common_calls[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(fadvise64),
    SCMP_SYS(utimensat),
    SCMP_SYS(fchmod),
    SCMP_SYS(umask),
    SCMP_SYS(flock),
    SCMP_SYS(fcntl),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(times),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(setitimer),
    SCMP_SYS(getitimer),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrlimit),
    SCMP_SYS(getrusage),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
#if SANITIZED
    SCMP_SYS(tgkill),
    SCMP_SYS(mincore),
    SCMP_SYS(prlimit64),
#endif
};

/* What gpgme, gpg and gpg-agent need over that: processes, threads, local sockets, locked memory. */
static const int gnupg_calls[] = {
    SCMP_SYS(execve),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(wait4),
    SCMP_SYS(waitid),
    SCMP_SYS(kill),
    SCMP_SYS(tgkill),
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(setsid),
    SCMP_SYS(setpgid),
    SCMP_SYS(getpgid),
    SCMP_SYS(getpgrp),
    SCMP_SYS(getsid),
    SCMP_SYS(getresuid),
    SCMP_SYS(getresgid),
    SCMP_SYS(getgroups),
    SCMP_SYS(chdir),
    SCMP_SYS(fchdir),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(rmdir),
    SCMP_SYS(getdents),
    SCMP_SYS(inotify_init),
    SCMP_SYS(inotify_init1),
    SCMP_SYS(inotify_add_watch),
    SCMP_SYS(inotify_rm_watch),
    SCMP_SYS(eventfd2),
    SCMP_SYS(mlock),
    SCMP_SYS(mlock2),
    SCMP_SYS(munlock),
    SCMP_SYS(prlimit64),
    SCMP_SYS(setrlimit),
    SCMP_SYS(prctl),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(alarm),
    SCMP_SYS(pause),
    SCMP_SYS(rt_sigsuspend),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(capget),
    SCMP_SYS(utime),
    SCMP_SYS(utimes),
    SCMP_SYS(ioctl),
    SCMP_SYS(getcpu),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(copy_file_range),
    SCMP_SYS(sendfile),
};

/* What libevent needs over that: its loop, and who connects. */
static const int gate_calls[] = {
    SCMP_SYS(accept),         SCMP_SYS(accept4),         SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),     SCMP_SYS(epoll_pwait),     SCMP_SYS(epoll_pwait2),  SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(pipe2),
};

/* Nobody asks for these in good faith: whoever does has been taken over, and ends. */
static const int deadly_calls[] = {
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(bpf),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
};

static int
add_list(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = seccomp_rule_add(filter, action, calls[i], 0);
	return rc;
}

/* Memory is written or run, never both, and nothing that was written is made to run. */
static int
add_memory(scmp_filter_ctx filter)
{
	const scmp_datum_t both = PROT_WRITE | PROT_EXEC, allowed[] = {0, PROT_WRITE, PROT_EXEC};
	int rc = 0;

	for (size_t i = 0; i < COUNT(allowed) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		                      SCMP_A2(SCMP_CMP_MASKED_EQ, both, allowed[i]));
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
		                      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return rc;
}

static int
add_sockets(scmp_filter_ctx filter, int call, const int *families, size_t count)
{
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
		                      SCMP_A0_32(SCMP_CMP_EQ, (scmp_datum_t) families[i]));
	return rc;
}

/* The C library, which learns that the newer call is not there, takes the older one, whose flags can be seen.
 */
static int
add_processes(scmp_filter_ctx filter)
{
	int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		                      SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACES, 0));
	return rc;
}

/*
 * Any option of a socket but SO_LINGER: a descriptor that lingers is closed by whoever has it last, and it
 * may have been passed on.  handbackd, which closes what it did not ask for, must not wait there.
 */
static int
add_options(scmp_filter_ctx filter)
{
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 1,
	                          SCMP_A1_32(SCMP_CMP_NE, SOL_SOCKET));

	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
		                      SCMP_A1_32(SCMP_CMP_EQ, SOL_SOCKET), SCMP_A2_32(SCMP_CMP_NE, SO_LINGER));
	return rc;
}

static int
add_fetch(scmp_filter_ctx filter)
{
	static const int families[] = {AF_INET, AF_INET6};
	int rc = add_sockets(filter, SCMP_SYS(socket), families, COUNT(families));

	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0);
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execve), 0);
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1_32(SCMP_CMP_EQ, FIONREAD));
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1_32(SCMP_CMP_EQ, FIONBIO));
	return rc;
}

/* What handback-fetch has, and libevent's loop, which waits. */
static int
add_send(scmp_filter_ctx filter)
{
	static const int loop[] = {SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	                           SCMP_SYS(epoll_pwait2), SCMP_SYS(timerfd_settime)};
	int rc = add_list(filter, SCMP_ACT_ALLOW, loop, COUNT(loop));

	return rc == 0 ? add_fetch(filter) : rc;
}

/* Sockets of this machine, and no others. */
static int
add_local(scmp_filter_ctx filter)
{
	static const int families[] = {AF_UNIX};
	int rc = add_sockets(filter, SCMP_SYS(socket), families, COUNT(families));

	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0);
	return rc == 0 ? add_sockets(filter, SCMP_SYS(socketpair), families, COUNT(families)) : rc;
}

/* What comes in is heard; nothing goes out. */
static int
add_face(scmp_filter_ctx filter)
{
	int rc = add_list(filter, SCMP_ACT_ALLOW, gate_calls, COUNT(gate_calls));

	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execve), 0);
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1_32(SCMP_CMP_EQ, FIONREAD));
	return rc;
}

/* And what stands behind it is asked. */
static int
add_gate(scmp_filter_ctx filter)
{
	int rc = add_face(filter);

	return rc == 0 ? add_local(filter) : rc;
}

static int
add_decrypt(scmp_filter_ctx filter)
{
	int rc = add_list(filter, SCMP_ACT_ALLOW, gnupg_calls, COUNT(gnupg_calls));

	if (rc == 0)
		rc = add_local(filter);
	return rc == 0 ? add_processes(filter) : rc;
}

static bool
enter_calls(int (*add_own)(scmp_filter_ctx filter), char *why, size_t why_size)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = filter != NULL ? add_list(filter, SCMP_ACT_ALLOW, common_calls, COUNT(common_calls)) : -ENOMEM;

	if (rc == 0)
		rc = add_list(filter, SCMP_ACT_KILL_PROCESS, deadly_calls, COUNT(deadly_calls));
	if (rc == 0)
		rc = add_memory(filter);
	if (rc == 0)
		rc = add_options(filter);
	if (rc == 0)
		rc = add_own(filter);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc == 0 || fail(why, why_size, "the list of system calls", -rc);
}

/* ---- files ---- */

static bool
enter_landlock(const struct landlock_wish *wish, bool no_landlock, char *why, size_t why_size)
{
	int abi = landlock_enter(wish);

	if (abi > 0 || no_landlock)
		return true;
	if (abi < 0)
		return fail(why, why_size, "Landlock", errno);
	return fail(
	    why, why_size,
	    "Landlock (version 2, Linux 5.19) is not in this kernel, and \"sandbox: no_landlock\" is not set",
	    ENOSYS);
}

/* What is written beside the one file: keyrings, names that were seen, the log of a run. */
#define OWN_FILES_BYTES (64LL << 20)

/* What is longer than it may be is written by one that was taken over: its disk is ours. */
static bool
limit_files(int64_t most, char *why, size_t why_size)
{
	const rlim_t bytes = (rlim_t) (most > OWN_FILES_BYTES ? most : OWN_FILES_BYTES);
	const struct rlimit limit = {bytes, bytes};

	/* a write that is too long fails, and is reported as others are */
	signal(SIGXFSZ, SIG_IGN);
	return setrlimit(RLIMIT_FSIZE, &limit) == 0 || fail(why, why_size, "resource limits", errno);
}

/* Before the rest, which would refuse it. */
static bool
enter_limits(char *why, size_t why_size)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(why, why_size, "no_new_privs", errno);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail(why, why_size, "dumpable", errno);
	if (setrlimit(RLIMIT_CORE, &none) != 0 || setrlimit(RLIMIT_MSGQUEUE, &none) != 0)
		return fail(why, why_size, "resource limits", errno);
	return true;
}

/* how names become addresses, and what that loads; OpenSSL reads its file, also where no TLS is spoken */
static const char *const resolver[] = {
    "/usr",
    "/lib",
    "/lib64",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/nsswitch.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/passwd",
    "/etc/localtime",
    "/etc/ld.so.cache",
    "/etc/ssl/openssl.cnf",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager/resolv.conf",
    "/dev/urandom",
    "/dev/random",
    "/dev/null",
#if SANITIZED
    "/proc",
#endif
};

bool
sandbox_fetch(const struct sandbox_fetch *wish, char *why, size_t why_size)
{
	const struct rlimit none = {0, 0};
	struct landlock_place places[COUNT(resolver) + 1];
	const uint16_t ports[] = {wish->port, 53};
	struct landlock_wish landlock = {
	    .places = places, .ports = ports, .port_count = COUNT(ports), .least = 2};

	for (size_t i = 0; i < COUNT(resolver); i++)
		places[landlock.place_count++] = (struct landlock_place){.path = resolver[i], .use = LANDLOCK_READ};
	if (wish->directory >= 0)
		places[landlock.place_count++] = (struct landlock_place){.fd = wish->directory, .use = LANDLOCK_KEEP};
	if (!enter_limits(why, why_size) || !limit_files(wish->file_bytes, why, why_size))
		return false;
	if (setrlimit(RLIMIT_NPROC, &none) != 0) /* no process, no thread; root is bound by the list alone */
		return fail(why, why_size, "resource limits", errno);
	return enter_landlock(&landlock, wish->no_landlock, why, why_size) &&
	       enter_calls(add_fetch, why, why_size);
}

/* Names become addresses, and these ports are reached: no file is read but for that. */
static bool
reach_ports(int (*add_own)(scmp_filter_ctx filter), const uint16_t *ports, size_t port_count, bool no_landlock,
            char *why, size_t why_size)
{
	const struct rlimit none = {0, 0};
	struct landlock_place places[COUNT(resolver)];
	struct landlock_wish landlock = {.places = places, .ports = ports, .port_count = port_count, .least = 2};

	for (size_t i = 0; i < COUNT(resolver); i++)
		places[landlock.place_count++] = (struct landlock_place){.path = resolver[i], .use = LANDLOCK_READ};
	if (!enter_limits(why, why_size))
		return false;
	if (setrlimit(RLIMIT_NPROC, &none) != 0) /* no process, no thread */
		return fail(why, why_size, "resource limits", errno);
	return enter_landlock(&landlock, no_landlock, why, why_size) && enter_calls(add_own, why, why_size);
}

bool
sandbox_send(const uint16_t *ports, size_t port_count, bool no_landlock, char *why, size_t why_size)
{
	const struct rlimit none = {0, 0};

	/* no file gets a byte */
	if (setrlimit(RLIMIT_FSIZE, &none) != 0)
		return fail(why, why_size, "resource limits", errno);
	return reach_ports(add_send, ports, port_count, no_landlock, why, why_size);
}

/* No file at all, and no TCP out. */
static bool
serve_only(int (*add_own)(scmp_filter_ctx filter), bool no_landlock, char *why, size_t why_size)
{
	static const struct landlock_place places[] = {
		{.path = "/dev/null", .use = LANDLOCK_READ},
#if SANITIZED
		{.path = "/proc", .use = LANDLOCK_READ},
#endif
	};
	const struct landlock_wish landlock = {.places = places, .place_count = COUNT(places), .least = 2};
	const struct rlimit none = {0, 0};

	if (!enter_limits(why, why_size))
		return false;
	if (setrlimit(RLIMIT_NPROC, &none) != 0)
		return fail(why, why_size, "resource limits", errno);
	return enter_landlock(&landlock, no_landlock, why, why_size) && enter_calls(add_own, why, why_size);
}

bool
sandbox_login(bool no_landlock, char *why, size_t why_size)
{
	return serve_only(add_face, no_landlock, why, why_size);
}

bool
sandbox_gate(bool no_landlock, char *why, size_t why_size)
{
	return serve_only(add_gate, no_landlock, why, why_size);
}

/* Nothing over what all have, but a hint to the disk. */
static int
add_receive(scmp_filter_ctx filter)
{
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sync_file_range), 0);

	return rc == 0 ? seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execve), 0) : rc;
}

bool
sandbox_receive(int directory, int64_t file_bytes, bool no_landlock, char *why, size_t why_size)
{
	const struct landlock_place places[] = {
	    {.fd = directory, .use = LANDLOCK_KEEP},
	    {.path = "/proc/self/fd", .use = LANDLOCK_READ}, /* where a file without a name is linked from */
	};
	const struct landlock_wish landlock = {.places = places, .place_count = COUNT(places), .least = 2};
	const struct rlimit none = {0, 0};

	if (!enter_limits(why, why_size) || !limit_files(file_bytes, why, why_size))
		return false;
	if (setrlimit(RLIMIT_NPROC, &none) != 0)
		return fail(why, why_size, "resource limits", errno);
	return enter_landlock(&landlock, no_landlock, why, why_size) && enter_calls(add_receive, why, why_size);
}

/* Nothing over what all have, but memory that a page is given away in.  Who has a connection could take it
 * elsewhere by connect(), and be somebody else there: that ends the process. */
static int
add_desk(scmp_filter_ctx filter)
{
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(memfd_create), 0);

	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(connect), 0);
	return rc == 0 ? seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execve), 0) : rc;
}

bool
sandbox_desk(const int *directories, size_t count, int64_t page_bytes, bool no_landlock, char *why,
             size_t why_size)
{
	struct landlock_place places[SANDBOX_DESK_DIRECTORIES + 2];
	struct landlock_wish landlock = {.places = places, .least = 2};
	const struct rlimit none = {0, 0};

	for (size_t i = 0; i < count && i < SANDBOX_DESK_DIRECTORIES; i++)
		places[landlock.place_count++] = (struct landlock_place){.fd = directories[i], .use = LANDLOCK_READ};
	places[landlock.place_count++] = (struct landlock_place){.path = "/dev/null", .use = LANDLOCK_READ};
#if SANITIZED
	places[landlock.place_count++] = (struct landlock_place){.path = "/proc", .use = LANDLOCK_READ};
#endif
	if (!enter_limits(why, why_size) || !limit_files(page_bytes, why, why_size))
		return false;
	if (setrlimit(RLIMIT_NPROC, &none) != 0)
		return fail(why, why_size, "resource limits", errno);
	return enter_landlock(&landlock, no_landlock, why, why_size) && enter_calls(add_desk, why, why_size);
}

bool
sandbox_decrypt(const char *home, const char *folder, int64_t content_bytes, bool no_landlock, char *why,
                size_t why_size)
{
	/* what programs of the system are made of, and GnuPG's settings for the machine */
	static const char *const run[] = {"/usr", "/bin", "/lib", "/lib64"};
	static const char *const read[] = {"/etc/ld.so.cache",
	                                   "/etc/ld.so.preload",
	                                   "/etc/nsswitch.conf",
	                                   "/etc/passwd",
	                                   "/etc/group",
	                                   "/etc/gnupg",
	                                   "/etc/gcrypt",
	                                   "/etc/localtime",
	                                   "/dev/urandom",
	                                   "/dev/random",
	                                   "/proc"};
	struct landlock_place places[COUNT(run) + COUNT(read) + 3];
	struct landlock_wish landlock = {.places = places, .least = 2};

	for (size_t i = 0; i < COUNT(run); i++)
		places[landlock.place_count++] = (struct landlock_place){.path = run[i], .use = LANDLOCK_RUN};
	for (size_t i = 0; i < COUNT(read); i++)
		places[landlock.place_count++] = (struct landlock_place){.path = read[i], .use = LANDLOCK_READ};
	places[landlock.place_count++] = (struct landlock_place){.path = "/dev/null", .use = LANDLOCK_WRITE};
	places[landlock.place_count++] = (struct landlock_place){.path = folder, .use = LANDLOCK_EMPTY};
	places[landlock.place_count++] = (struct landlock_place){.path = home, .use = LANDLOCK_KEEP};
	return enter_limits(why, why_size) && limit_files(content_bytes, why, why_size) &&
	       enter_landlock(&landlock, no_landlock, why, why_size) && enter_calls(add_decrypt, why, why_size);
}
