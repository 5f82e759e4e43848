/* Confines a worker by Landlock, seccomp and limits. */
#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/worker.h"

/* The sanitizers need more: room for their shadows, and a place to report to. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* --- limits ------------------------------------------------------------------------------------------------------- */

static int confine_fail(const struct confinement *confinement, struct err *err)
{
	return err_errno(err, ERR_INTERNAL, "%s cannot be confined", confinement->name);
}

static int limit(int what, rlim_t most)
{
	const struct rlimit both = {.rlim_cur = most, .rlim_max = most};

	return setrlimit((__rlimit_resource_t)what, &both);
}

static int confine_resources(const struct confinement *confinement)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	rlim_t each = (rlim_t)confinement->memory_each_mib * (processors > 0 ? (rlim_t)processors : 1);

	mallopt(M_ARENA_MAX, 2); /* each reserves 64 MiB of addresses */
	return limit(RLIMIT_CORE, 0) || limit(RLIMIT_NOFILE, CONFINE_FILES_MAX) ||
	       (!SANITIZED && limit(RLIMIT_FSIZE, (rlim_t)confinement->file_bytes_max)) ||
	       (!SANITIZED && limit(RLIMIT_AS, ((rlim_t)confinement->memory_mib + each) << 20));
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static const char *const software[] = {"/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/proc",
                                       "/sys/devices/system/cpu"};

static void allow_reading(int rules, const char *path, __u64 access)
{
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = access, .parent_fd = open(path, O_PATH | O_CLOEXEC)};

	if (beneath.parent_fd < 0)
		return; /* not everything is on every system */
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0)) {
		beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE; /* it is no folder */
		syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	}
	close(beneath.parent_fd);
}

/* Where the program itself lies, with its modules. */
static void allow_own_folder(int rules, __u64 access)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	for (int folders = 0; len > 0 && folders < 2; len--) { /* …/bin/NAME: its modules are in …/lib */
		if (path[len - 1] != '/')
			continue;
		folders++;
		path[len > 1 ? len - 1 : 1] = '\0';
	}
	if (len > 0)
		allow_reading(rules, path, access);
}

int confine_files(const struct confinement *confinement, struct err *err)
{
	const __u64 reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE;
	/* all that the first version knows; what later versions add needs a file that is opened */
	const struct landlock_ruleset_attr all = {.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || confine_resources(confinement))
		return confine_fail(confinement, err);
	int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (rules < 0)
		return 0; /* an older kernel, or without it: seccomp must do */
	for (size_t i = 0; i < sizeof(software) / sizeof(software[0]); i++)
		allow_reading(rules, software[i], reading);
	allow_own_folder(rules, reading);
	long failed = syscall(SYS_landlock_restrict_self, rules, 0);
	close(rules);
	return failed ? confine_fail(confinement, err) : 0;
}

/* --- system calls ------------------------------------------------------------------------------------------------- */

/* On whatever: memory, time, and the end. */
static const int anyhow[] = {
	SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(brk),
	SCMP_SYS(getcpu), SCMP_SYS(membarrier), SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(tgkill),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(restart_syscall), SCMP_SYS(getrandom),
	SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(getrusage), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(close),
	SCMP_SYS(fstat), SCMP_SYS(lseek),
};

/* With threads. Without them nothing can wait but for what it asked whoever started it. */
static const int threading[] = {
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
};

static int allow_all(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int failed = 0;

	for (size_t i = 0; i < count && !failed; i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return failed;
}

static int allow_on(scmp_filter_ctx filter, int call, int fd)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd, 0));
}

/* Threads, but no processes. The flags of clone3 lie in memory, where no filter sees them: libc then takes clone. */
static int allow_threads(scmp_filter_ctx filter)
{
	return allow_all(filter, threading, sizeof(threading) / sizeof(threading[0])) ||
	       seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) ||
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
	                        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

static int allow_calls(scmp_filter_ctx filter, const struct confinement *confinement)
{
	int failed = allow_all(filter, anyhow, sizeof(anyhow) / sizeof(anyhow[0])) ||
	             allow_on(filter, SCMP_SYS(recvmsg), WORKER_SOCKET) ||
	             allow_on(filter, SCMP_SYS(sendto), WORKER_SOCKET) ||
	             ((confinement->threads || SANITIZED) && allow_threads(filter)) ||
	             (SANITIZED && allow_on(filter, SCMP_SYS(write), STDERR_FILENO));

	for (size_t i = 0; i < confinement->call_count && !failed; i++)
		failed = allow_on(filter, confinement->calls[i].call, confinement->calls[i].fd);
	return failed || seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1, /* of a descriptor */
	                                  SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH)) ||
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0)) ||
	       seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) || seccomp_load(filter);
}

int confine_calls(const struct confinement *confinement, struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EACCES));
	int failed = !filter || allow_calls(filter, confinement);

	if (filter)
		seccomp_release(filter);
	return failed ? err_set(err, ERR_INTERNAL, "%s cannot be confined: this kernel has no seccomp", confinement->name)
	              : 0;
}
