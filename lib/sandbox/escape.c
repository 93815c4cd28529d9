#include "lib/sandbox/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static char page[8192] __attribute__((aligned(4096)));
static const struct rlimit raised = {1 << 20, 1 << 20};
static const char shell[] = "/bin/sh";
static const char victim[] = "/tmp/handback-escape";
static const char *const shell_argv[] = {"sh", "-c", "exit 99", NULL};

#define AT(pointer) ((long) (pointer))

static const struct {
	const char *name;
	long call;
	long args[6];
} attempts[] = {
    {"open a file", SYS_openat, {AT_FDCWD, AT("/etc/passwd"), O_RDONLY}},
    {"open a file by the older call", SYS_open, {AT("/etc/passwd"), O_RDONLY}},
    {"open a file by the newer call", SYS_openat2, {AT_FDCWD, AT("/etc/passwd"), AT(page), 24}},
    {"create a file", SYS_openat, {AT_FDCWD, AT(victim), O_CREAT | O_WRONLY, 0600}},
    {"make a network socket", SYS_socket, {AF_INET, SOCK_STREAM, 0}},
    {"make a local socket", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
    {"make a pair of sockets", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, AT(page)}},
    {"connect what is open", SYS_connect, {0, AT(page), sizeof(struct sockaddr_un)}},
    {"run a program", SYS_execve, {AT(shell), AT(shell_argv), 0}},
    {"run a program by descriptor", SYS_execveat, {3, AT(""), AT(shell_argv), 0, AT_EMPTY_PATH}},
    {"fork", SYS_fork, {0}},
    {"fork by clone", SYS_clone, {SIGCHLD}},
    {"fork by clone3", SYS_clone3, {AT(page), 64}},
    {"trace another", SYS_ptrace, {PTRACE_TRACEME}},
    {"read another's memory", SYS_process_vm_readv, {1, AT(page), 1, AT(page), 1, 0}},
    {"signal another", SYS_kill, {1, 0}},
    {"signal a thread", SYS_tgkill, {1, 1, 0}},
    {"map memory that runs",
     SYS_mmap,
     {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1}},
    {"make memory run", SYS_mprotect, {AT(page), 4096, PROT_READ | PROT_EXEC}},
    {"make memory run by key", SYS_pkey_mprotect, {AT(page), 4096, PROT_READ | PROT_EXEC, -1}},
    {"change a mode", SYS_chmod, {AT(victim), 0777}},
    {"change the mode of what is open", SYS_fchmod, {3, 0777}},
    {"remove a name", SYS_unlink, {AT(victim)}},
    {"rename", SYS_rename, {AT(victim), AT(shell)}},
    {"make a directory", SYS_mkdir, {AT(victim), 0700}},
    {"be dumpable again", SYS_prctl, {PR_SET_DUMPABLE, 1}},
    {"raise a limit", SYS_setrlimit, {RLIMIT_NOFILE, AT(&raised)}},
    {"raise a limit by the newer call", SYS_prlimit64, {0, RLIMIT_CORE, AT(&raised), 0}},
    {"duplicate a descriptor", SYS_dup, {1}},
    {"make a pipe", SYS_pipe2, {AT(page), 0}},
    {"make a file in memory", SYS_memfd_create, {AT("x"), 0}},
    {"read another descriptor", SYS_read, {0, AT(page), 1}},
    {"write to the file", SYS_write, {3, AT(page), 1}},
    {"enter a name space", SYS_unshare, {CLONE_NEWUSER}},
    {"make a ring", SYS_io_uring_setup, {1, AT(page)}},
    {"change user", SYS_setuid, {0}},
    {"send to what is open", SYS_sendto, {1, AT(page), 1, 0, 0, 0}},
    {"push into a terminal", SYS_ioctl, {2, 0x5412 /* TIOCSTI */, AT(page)}},
    {"load a program into the kernel", SYS_bpf, {0, AT(page), 64}},
    {"install another filter", SYS_seccomp, {1, 0, AT(page)}},
};

void
escape_try(unsigned n)
{
	long rc;
	const long *a;

	if (n == 0 || n > sizeof(attempts) / sizeof(attempts[0])) {
		fprintf(stderr, "there is no escape %u\n", n);
		_exit(ESCAPE_NONE);
	}
	fprintf(stderr, "%s\n", attempts[n - 1].name);
	a = attempts[n - 1].args;
	rc = syscall(attempts[n - 1].call, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (rc == -1 && (errno == EPERM || errno == EACCES))
		return;
	_exit(ESCAPED);
}
