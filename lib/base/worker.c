/* Starts workers, and exchanges messages with them. */
#include "base/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/module.h"
#include "base/text.h"
#include "base/version.h"

/* A worker's first message. */
struct worker_ready {
	bool failed;
	struct err why;
	char version[32]; /* an upgrade may have come between the start of a process and the opening of a program */
};

/* --- for who starts it -------------------------------------------------------------------------------------------- */

void worker_end(struct worker *worker)
{
	char number[12];
	int status = 0;

	kill(worker->pid, SIGKILL);
	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(worker->socket);
	if (!WIFSIGNALED(status) || WTERMSIG(status) == SIGKILL)
		return;
	snprintf(number, sizeof(number), "%d", WTERMSIG(status));
	log_write(LOG_WARN, "a worker was ended by what it worked on", "signal", number, NULL);
}

/* Above those that a worker begins with: dup2 onto it would close it, or, of itself, leave it to be closed by exec. */
static int move_up(int fd, struct err *err)
{
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, WORKER_MODULE + 1);

	if (fd >= 0 && moved < 0)
		err_errno(err, ERR_UNAVAILABLE, "no descriptor for a worker can be had");
	if (fd >= 0)
		close(fd);
	return moved;
}

int worker_prepare(struct worker_program *program, struct err *err)
{
	pthread_mutex_lock(&program->mutex);
	if (program->program_file < 0)
		program->program_file = move_up(module_open_program(program->name, err), err);
	if (program->program_file >= 0 && program->module && program->module_file < 0)
		program->module_file = move_up(module_open(program->module, err), err);
	bool failed = program->program_file < 0 || (program->module && program->module_file < 0);
	pthread_mutex_unlock(&program->mutex);
	return failed;
}

static int worker_spawn(const struct worker_program *program, int socket, pid_t *pid, struct err *err)
{
	char path[64], *const arguments[] = {(char *)(uintptr_t)program->name, NULL}, *const nothing[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", program->program_file);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&actions, 0, 1);
	posix_spawn_file_actions_adddup2(&actions, socket, WORKER_SOCKET);
	if (program->module)
		posix_spawn_file_actions_adddup2(&actions, program->module_file, WORKER_MODULE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	int failed = posix_spawn(pid, path, &actions, &attributes, arguments, nothing);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	errno = failed;
	return failed ? err_errno(err, ERR_UNAVAILABLE, "%s cannot be started", program->name) : 0;
}

static int await_ready(const struct worker *worker, const char *name, struct err *err)
{
	struct worker_ready ready;

	if (worker_receive(worker, &ready, sizeof(ready), WORKER_START_SECONDS_MAX * 1000) != (ssize_t)sizeof(ready))
		return err_set(err, ERR_UNAVAILABLE, "%s ends as it starts", name);
	if (strcmp(ready.version, version_text) != 0)
		return err_set(err, ERR_UNAVAILABLE, "%s is of another version: reload the server", name);
	return ready.failed ? worker_failure(&ready.why, err) : 0;
}

int worker_start(struct worker *out, struct worker_program *program, const void *first, size_t size, struct err *err)
{
	int pair[2];

	if (worker_prepare(program, err))
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_errno(err, ERR_UNAVAILABLE, "no socket for a worker can be had");
	int theirs = move_up(pair[1], err);
	int failed = theirs < 0 ? -1 : worker_spawn(program, theirs, &out->pid, err);
	if (theirs >= 0)
		close(theirs);
	out->socket = pair[0];
	if (failed) {
		close(pair[0]);
		return -1;
	}
	if (first)
		worker_send(out, first, size); /* one that has ended is seen next */
	failed = await_ready(out, program->name, err);
	if (failed)
		worker_end(out);
	return failed;
}

int worker_send(const struct worker *worker, const void *message, size_t size)
{
	return send(worker->socket, message, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size;
}

ssize_t worker_receive(const struct worker *worker, void *message, size_t size, int ms)
{
	struct pollfd ready = {.fd = worker->socket, .events = POLLIN};
	int found;

	while ((found = poll(&ready, 1, ms)) < 0 && errno == EINTR)
		;
	if (found == 0)
		return -1;
	ssize_t got = recv(worker->socket, message, size, MSG_TRUNC | MSG_DONTWAIT);
	return got > 0 ? got : 0;
}

int worker_failure(const struct err *said, struct err *err)
{
	bool plausible = said->code == ERR_UNPROCESSABLE || said->code == ERR_MEDIA_TYPE || said->code == ERR_TOO_LARGE ||
	                 said->code == ERR_INTERNAL || said->code == ERR_UNAVAILABLE || said->code == ERR_NO_SPACE;
	size_t len = text_utf8_span(said->text, strnlen(said->text, sizeof(said->text)));

	return err_set(err, plausible ? said->code : ERR_UNPROCESSABLE, "%.*s", (int)len, said->text);
}

/* --- for the worker itself ---------------------------------------------------------------------------------------- */

bool worker_begin(bool module)
{
	int type;
	socklen_t size = sizeof(type);

	if (getsockopt(WORKER_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_SEQPACKET)
		return false;
	closefrom(module ? WORKER_MODULE + 1 : WORKER_MODULE);
	return true;
}

int worker_tell_ready(const struct err *why_not)
{
	struct worker_ready ready = {.failed = why_not != NULL};

	if (why_not)
		ready.why = *why_not;
	snprintf(ready.version, sizeof(ready.version), "%s", version_text);
	return worker_tell(&ready, sizeof(ready));
}

int worker_tell(const void *message, size_t size)
{
	return send(WORKER_SOCKET, message, size, MSG_NOSIGNAL) != (ssize_t)size;
}

size_t worker_hear(void *message, size_t size, void *rest, size_t rest_size)
{
	struct iovec parts[] = {{.iov_base = message, .iov_len = size}, {.iov_base = rest, .iov_len = rest_size}};
	struct msghdr to = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t got;

	while ((got = recvmsg(WORKER_SOCKET, &to, 0)) < 0 && errno == EINTR)
		;
	return got > 0 ? (size_t)got : 0;
}
