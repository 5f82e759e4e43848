/* Keeps decoders, and asks them. */
#include "image/decoder.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/worker.h"

enum { TRIES = 2 }; /* of an image: a decoder may also have been killed for want of memory, by no fault of the image */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t freed;
	struct worker idle[DECODERS_MAX];
	int idle_count, count;
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .freed = PTHREAD_COND_INITIALIZER};

static struct worker_program decoders = {.name = "decode",
                                         .module = "image",
                                         .mutex = PTHREAD_MUTEX_INITIALIZER,
                                         .program_file = -1,
                                         .module_file = -1};

int decoder_prepare(struct err *err)
{
	return worker_prepare(&decoders, err);
}

static int decoders_most(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors < 1 ? 1 : processors > DECODERS_MAX ? DECODERS_MAX : (int)processors;
}

/* Waits for the answer; 0: it is there whole. */
static int decoder_await(const struct worker *decoder, struct decoder_answer *answer, bool *late)
{
	ssize_t got = worker_receive(decoder, answer, sizeof(*answer), DECODER_SECONDS_MAX * 1000);

	*late = got < 0;
	return got != (ssize_t)sizeof(*answer);
}

static int decoder_send(const struct worker *decoder, const struct decoder_question *question, int image, int out)
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
	return sendmsg(decoder->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof(*question);
}

/* --- the pool ----------------------------------------------------------------------------------------------------- */

/* An idle one, or a new one, or the next that becomes free. */
static int decoder_take(struct worker *out, bool *fresh, struct err *err)
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
	if (!*fresh || worker_start(out, &decoders, NULL, 0, err) == 0)
		return 0;
	pthread_mutex_lock(&pool.mutex);
	pool.count--;
	pthread_cond_signal(&pool.freed);
	pthread_mutex_unlock(&pool.mutex);
	return -1;
}

static void decoder_give(struct worker *decoder, bool well)
{
	if (!well)
		worker_end(decoder);
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
		struct worker decoder;
		bool fresh, late = false;

		if (decoder_take(&decoder, &fresh, err))
			return -1;
		bool sent = decoder_send(&decoder, question, image, out) == 0;
		bool well = sent && decoder_await(&decoder, answer, &late) == 0;
		decoder_give(&decoder, well);
		if (well)
			return answer->failed ? worker_failure(&answer->err, err) : 0;
		if (late)
			return err_set(err, ERR_UNPROCESSABLE, "the image takes more than %d s to be decoded", DECODER_SECONDS_MAX);
		if (sent || fresh) /* an idle one may have been killed: that says nothing of the image */
			tries++;
		if (out >= 0 && ftruncate(out, 0))
			return err_errno(err, ERR_INTERNAL, "a thumbnail's file cannot be emptied");
	}
	return err_set(err, ERR_UNPROCESSABLE, "the image cannot be decoded: its decoder ends each time");
}
