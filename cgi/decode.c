/* Decodes images for the other programs, which start it: one at a time, confined, by messages on a socket. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/confine.h"
#include "decode/answer.h"
#include "worker.h"

static const struct confine_call calls[] = {{SYS_pread64, DECODER_IMAGE}, {SYS_pwrite64, DECODER_OUT}};

/* libheif's images are the largest (IMAGE_HEIF_BYTES_MAX); the libraries map some 300 MB; and some decoders start a
 * thread for each processor, with its stack. */
static const struct confinement confinement = {
	.name = "decode", .memory_mib = 2048, .memory_each_mib = 16, .file_bytes_max = IMAGE_THUMB_BYTES_MAX, .threads = true,
	.calls = calls, .call_count = sizeof(calls) / sizeof(calls[0])};

/* The image and the file for its thumbnail come as descriptors: always as the same ones, since no others are open. */
static ssize_t receive_question(struct decoder_question *question)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = {.iov_base = question, .iov_len = sizeof(*question)};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
	ssize_t got;

	while ((got = recvmsg(WORKER_SOCKET, &message, 0)) < 0 && errno == EINTR)
		;
	return got;
}

static int decode_run(void)
{
	const struct image_module *module;
	struct decoder_question question;
	struct decoder_answer answer;
	struct err err;

	int failed = confine_files(&confinement, &err) || answer_prepare(&module, &err) || confine_calls(&confinement, &err);
	failed = worker_tell_ready(failed ? &err : NULL) || failed;
	while (!failed && receive_question(&question) == (ssize_t)sizeof(question)) {
		answer_question(module, &question, &answer);
		failed = worker_tell(&answer, sizeof(answer));
		close(DECODER_IMAGE);
		close(DECODER_OUT);
	}
	return failed;
}

int main(int argc, char **argv)
{
	return worker_main("decode", "images decoded", true, decode_run, argc, argv);
}
