/* The seam between image.c and the program `decode`, a worker (base/worker.h) in which alone images are decoded. What
 * it is asked, and what it answers, are messages; the image comes as a descriptor.
 *
 * A decoder serves one image at a time; as many are started as there are processors, when they are needed. */
#ifndef IMAGE_DECODER_H
#define IMAGE_DECODER_H

#include "base/worker.h"
#include "image/image.h"

enum {
	DECODER_IMAGE = WORKER_SOCKET + 1, /* the decoder's descriptors: the image, read by pread alone, */
	DECODER_OUT,                       /* and a file for the thumbnail, of at most IMAGE_THUMB_BYTES_MAX */
	DECODER_TYPE_SIZE = 32,
	DECODER_SECONDS_MAX = 45, /* of one image, then the decoder is killed: before nginx gives up (fastcgi_read_timeout) */
	DECODERS_MAX = 4,         /* of a program: each may need IMAGE_HEIF_BYTES_MAX */
};

struct decoder_question {
	enum { DECODER_CHECK, DECODER_THUMB, DECODER_CAN } what;
	int side;                     /* of the thumbnail */
	int64_t size, pixels_max;     /* the image's bytes */
	char type[DECODER_TYPE_SIZE]; /* the image's, by its first bytes */
};

struct decoder_answer {
	int failed; /* err says why */
	struct err err;
	bool can;
	int64_t width, height, frames; /* as struct image_info */
	int orientation;
	int64_t thumb_bytes;
	char type[DECODER_TYPE_SIZE]; /* the thumbnail's */
};

/* Opens what decoders are started from (worker_prepare). Non-zero with the errors of decoder_ask. */
int decoder_prepare(struct err *err);

/* Asks a decoder, which is started or waited for. image and out: -1 for none. Thread-safe. ERR_UNPROCESSABLE: the image
 * takes too long, or ends every decoder; ERR_UNAVAILABLE: none can be had now, for want of memory or descriptors;
 * ERR_INTERNAL: none can be had here. */
int decoder_ask(const struct decoder_question *question, int image, int out, struct decoder_answer *answer,
                struct err *err);

#endif
