/* What a process could do that was taken over by what it works on, and what comes of it. */
#include "deeds.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "image/decoder.h"

extern char **environ;

static long try_open(const char *what)
{
	return open(what, O_RDONLY);
}

static long try_create(const char *what)
{
	return open(what, O_WRONLY | O_CREAT, 0600);
}

static long try_socket(const char *what)
{
	(void)what;
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long try_connect(const char *what)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", what);
	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&name, sizeof(name));
}

static long try_execute(const char *what)
{
	char *const arguments[] = {(char *)(uintptr_t)what, NULL};

	return execve(what, arguments, environ);
}

static long try_fork(const char *what)
{
	(void)what;
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	return child;
}

static long try_kill(const char *what)
{
	(void)what;
	return kill(getppid(), SIGKILL);
}

static long try_trace(const char *what)
{
	(void)what;
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static long try_log(const char *what)
{
	return write(STDERR_FILENO, what, strlen(what));
}

static long try_change(const char *what)
{
	return pwrite(DECODER_IMAGE, what, strlen(what), 0);
}

static long try_chmod(const char *what)
{
	return chmod(what, 0777);
}

static long try_unlink(const char *what)
{
	return unlink(what);
}

static long try_limit(const char *what)
{
	(void)what;
	return syscall(SYS_prlimit64, 0, 0, NULL, NULL);
}

/* Its socket, the image, and nothing but /dev/null and the log before them. */
static long try_descriptors(const char *what)
{
	long open_ones = 0;

	(void)what;
	for (int fd = 0; fd < 1024; fd++) {
		struct stat st;

		open_ones += fstat(fd, &st) == 0 && fd != STDERR_FILENO;
	}
	return open_ones;
}

static long try_secrets(const char *what)
{
	long variables = 0;

	(void)what;
	while (environ[variables])
		variables++;
	return variables;
}

static long try_allocate(const char *what)
{
	long pieces = 0;

	(void)what;
	while (mmap(NULL, 256 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		pieces++;
	return pieces;
}

static long try_crash(const char *what)
{
	(void)what;
	return raise(SIGSEGV);
}

static long try_exit(const char *what)
{
	(void)what;
	_exit(0);
}

static long try_loop(const char *what)
{
	volatile bool going = true;

	(void)what;
	while (going)
		;
	return 0;
}

static long try_sleep(const char *what)
{
	(void)what;
	return nanosleep(&(struct timespec){.tv_nsec = 1}, NULL);
}

/* Waits for what never comes. */
static long try_wait(const char *what)
{
	char more[64];

	(void)what;
	while (worker_hear(more, sizeof(more), NULL, 0) > 0)
		;
	_exit(0);
}

/* The next read of whoever asked gets another message than it awaits. */
static long try_babble(const char *what)
{
	return send(WORKER_SOCKET, what, strlen(what), MSG_NOSIGNAL);
}

static const struct {
	const char *name;
	long (*run)(const char *what);
} deeds[] = {
	{"open ", try_open}, {"create ", try_create}, {"socket ", try_socket}, {"connect ", try_connect},
	{"execute ", try_execute}, {"fork ", try_fork}, {"kill ", try_kill}, {"trace ", try_trace}, {"log ", try_log},
	{"change ", try_change}, {"chmod ", try_chmod}, {"unlink ", try_unlink}, {"limit ", try_limit},
	{"descriptors ", try_descriptors}, {"secrets ", try_secrets}, {"allocate ", try_allocate}, {"crash ", try_crash},
	{"exit ", try_exit}, {"loop ", try_loop}, {"babble ", try_babble}, {"sleep ", try_sleep}, {"wait ", try_wait},
};

int deed_do(const char *text, struct err *err)
{
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		size_t len = strlen(deeds[i].name);

		if (strncmp(text, deeds[i].name, len) != 0)
			continue;
		errno = 0;
		long came = deeds[i].run(text + len);
		return err_set(err, ERR_UNPROCESSABLE, "planted: %s%ld %s", deeds[i].name, came, came < 0 ? strerror(errno) : "");
	}
	return 0;
}
