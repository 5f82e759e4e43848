/* Starts decoders, and asks them. */
#include "image/decoder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/module.h"
#include "base/version.h"

enum {
	TRIES = 2, /* of an image: a decoder may also have been killed for want of memory, by no fault of the image */
	START_SECONDS_MAX = 30,
};

struct decoder {
	pid_t pid;
	int socket;
};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t freed;
	struct decoder idle[DECODERS_MAX];
	int idle_count, count;
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .freed = PTHREAD_COND_INITIALIZER};

/* What decoders are started from. */
static struct {
	pthread_mutex_t mutex;
	int program, module;
} files = {.mutex = PTHREAD_MUTEX_INITIALIZER, .program = -1, .module = -1};

static int decoders_most(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors < 1 ? 1 : processors > DECODERS_MAX ? DECODERS_MAX : (int)processors;
}

/* Waits for the answer; 0: it is there whole. */
static int decoder_await(const struct decoder *decoder, struct decoder_answer *answer, int seconds, bool *late)
{
	struct pollfd ready = {.fd = decoder->socket, .events = POLLIN};
	int found;

	while ((found = poll(&ready, 1, seconds * 1000)) < 0 && errno == EINTR)
		;
	*late = found == 0;
	return found != 1 || recv(decoder->socket, answer, sizeof(*answer), 0) != (ssize_t)sizeof(*answer);
}

static int decoder_send(const struct decoder *decoder, const struct decoder_question *question, int image, int out)
{
	int fds[] = {image, out};
	size_t count = image < 0 ? 0 : out < 0 ? 1 : 2;
	union {
		char bytes[CMSG_SPACE(sizeof(fds))];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	struct iovec part = {.iov_base = (void *)(uintptr_t)question, .iov_len = sizeof(*question)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	return sendmsg(decoder->socket, &message, MSG_NOSIGNAL) != (ssize_t)sizeof(*question);
}

/* --- starting and ending ------------------------------------------------------------------------------------------ */

static void decoder_end(struct decoder *decoder)
{
	kill(decoder->pid, SIGKILL);
	while (waitpid(decoder->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(decoder->socket);
}

/* Above those that a decoder has: dup2 onto it would close it, or, of itself, leave it to be closed by exec. */
static int move_up(int fd, struct err *err)
{
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, DECODER_OUT + 1);

	if (fd >= 0 && moved < 0)
		err_errno(err, ERR_UNAVAILABLE, "no descriptor for a decoder can be had");
	if (fd >= 0)
		close(fd);
	return moved;
}

int decoder_prepare(struct err *err)
{
	pthread_mutex_lock(&files.mutex);
	if (files.program < 0)
		files.program = move_up(module_open_program("decode", err), err);
	if (files.program >= 0 && files.module < 0)
		files.module = move_up(module_open("image", err), err);
	bool failed = files.program < 0 || files.module < 0;
	pthread_mutex_unlock(&files.mutex);
	return failed;
}

/* With nothing of this process but the socket and the module: neither its variables nor its files. The log stays
 * stderr, but a decoder cannot write to it. */
static int decoder_spawn(int socket, pid_t *pid, struct err *err)
{
	char path[64], name[] = "decode", *const arguments[] = {name, NULL}, *const nothing[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", files.program);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&actions, 0, 1);
	posix_spawn_file_actions_adddup2(&actions, socket, DECODER_SOCKET);
	posix_spawn_file_actions_adddup2(&actions, files.module, DECODER_MODULE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	int failed = posix_spawn(pid, path, &actions, &attributes, arguments, nothing);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	errno = failed;
	return failed ? err_errno(err, ERR_UNAVAILABLE, "the decoder of images cannot be started") : 0;
}

/* Its first answer says that it is ready, or why not, and of which version it is: an upgrade may have come between the
 * start of this process and the opening of its files. */
static int decoder_start(struct decoder *out, struct err *err)
{
	int pair[2];
	struct decoder_answer ready;
	bool late;

	if (decoder_prepare(err))
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_errno(err, ERR_UNAVAILABLE, "no socket for a decoder can be had");
	int theirs = move_up(pair[1], err);
	int failed = theirs < 0 ? -1 : decoder_spawn(theirs, &out->pid, err);
	if (theirs >= 0)
		close(theirs);
	out->socket = pair[0];
	if (failed) {
		close(pair[0]);
		return -1;
	}
	if (decoder_await(out, &ready, START_SECONDS_MAX, &late))
		failed = err_set(err, ERR_UNAVAILABLE, "the decoder of images ends as it starts");
	else if (strcmp(ready.type, version_text) != 0)
		failed = err_set(err, ERR_UNAVAILABLE, "the decoder of images is of another version: reload the server");
	else if (ready.failed)
		failed = err_set(err, ERR_INTERNAL, "%s", ready.text);
	if (failed)
		decoder_end(out);
	return failed;
}

/* --- the pool ----------------------------------------------------------------------------------------------------- */

/* An idle one, or a new one, or the next that becomes free. */
static int decoder_take(struct decoder *out, bool *fresh, struct err *err)
{
	pthread_mutex_lock(&pool.mutex);
	while (pool.idle_count == 0 && pool.count >= decoders_most())
		pthread_cond_wait(&pool.freed, &pool.mutex);
	*fresh = pool.idle_count == 0;
	if (*fresh)
		pool.count++;
	else
		*out = pool.idle[--pool.idle_count];
	pthread_mutex_unlock(&pool.mutex);
	if (!*fresh || decoder_start(out, err) == 0)
		return 0;
	pthread_mutex_lock(&pool.mutex);
	pool.count--;
	pthread_cond_signal(&pool.freed);
	pthread_mutex_unlock(&pool.mutex);
	return -1;
}

static void decoder_give(struct decoder *decoder, bool well)
{
	if (!well)
		decoder_end(decoder);
	pthread_mutex_lock(&pool.mutex);
	if (well)
		pool.idle[pool.idle_count++] = *decoder;
	else
		pool.count--;
	pthread_cond_signal(&pool.freed);
	pthread_mutex_unlock(&pool.mutex);
}

int decoder_ask(const struct decoder_question *question, int image, int out, struct decoder_answer *answer,
                struct err *err)
{
	for (int tries = 0; tries < TRIES;) {
		struct decoder decoder;
		bool fresh, late = false;

		if (decoder_take(&decoder, &fresh, err))
			return -1;
		bool sent = decoder_send(&decoder, question, image, out) == 0;
		bool well = sent && decoder_await(&decoder, answer, DECODER_SECONDS_MAX, &late) == 0;
		decoder_give(&decoder, well);
		if (well)
			return answer->failed ? err_set(err, answer->code, "%s", answer->text) : 0;
		if (late)
			return err_set(err, ERR_UNPROCESSABLE, "the image takes more than %d s to be decoded", DECODER_SECONDS_MAX);
		if (sent || fresh) /* an idle one may have been killed: that says nothing of the image */
			tries++;
		if (out >= 0 && ftruncate(out, 0))
			return err_errno(err, ERR_INTERNAL, "a thumbnail's file cannot be emptied");
	}
	return err_set(err, ERR_UNPROCESSABLE, "the image cannot be decoded: its decoder ends each time");
}
