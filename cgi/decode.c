/* Decodes images for the other programs, which start it: one at a time, confined, by messages on a socket. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/version.h"
#include "decode/answer.h"
#include "decode/confine.h"

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

	while ((got = recvmsg(DECODER_SOCKET, &message, 0)) < 0 && errno == EINTR)
		;
	return got;
}

static int decode_tell(const struct decoder_answer *answer)
{
	return send(DECODER_SOCKET, answer, sizeof(*answer), MSG_NOSIGNAL) == (ssize_t)sizeof(*answer) ? 0 : 1;
}

/* Until whoever started it closes the socket. */
static int serve_questions(const struct image_module *module)
{
	struct decoder_question question;
	struct decoder_answer answer;

	for (;;) {
		if (receive_question(&question) != (ssize_t)sizeof(question))
			return 0;
		answer_question(module, &question, &answer);
		if (decode_tell(&answer))
			return 0;
		close(DECODER_IMAGE);
		close(DECODER_OUT);
	}
}

static int run(void)
{
	const struct image_module *module;
	struct decoder_answer ready = {.failed = 0};
	struct err err;

	ready.failed = confine_files(&err) || answer_prepare(&module, &err) || confine_calls(&err);
	snprintf(ready.type, sizeof(ready.type), "%s", version_text);
	if (ready.failed) {
		ready.code = err.code;
		snprintf(ready.text, sizeof(ready.text), "%s", err.text);
	}
	return decode_tell(&ready) || ready.failed || serve_questions(module);
}

int main(int argc, char **argv)
{
	int type;
	socklen_t size = sizeof(type);

	if (version_asked(argc, argv)) {
		printf("decode (image-label-server) %s\n", version_text);
		return 0;
	}
	if (argc > 1 || getsockopt(DECODER_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_SEQPACKET) {
		fputs("decode is started by the programs of image-label-server that need images decoded\n", stderr);
		return 2;
	}
	closefrom(DECODER_MODULE + 1);
	_exit(run()); /* nothing of a library's runs at the end, which it might do by what is not allowed any more */
}
