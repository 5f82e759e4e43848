/* Takes from this process what decoding needs not, for good. */
#ifndef DECODE_CONFINE_H
#define DECODE_CONFINE_H

#include "base/err.h"

enum {
	CONFINE_FILES_MAX = 32,
	/* Of address space: libheif's images are the largest (IMAGE_HEIF_BYTES_MAX); the libraries map some 300 MB; and
	 * some decoders start a thread for each processor, with its stack. */
	CONFINE_MEMORY_MIB = 2048,
	CONFINE_THREAD_MIB = 16,
};

/* First: only the files of installed software can be read from now on (Landlock, where the kernel has it), none
 * written, and memory, file sizes and core dumps are limited. */
int confine_files(struct err *err);

/* Then, when all is loaded: only the system calls of decoding are left (seccomp). Nothing is opened any more, neither
 * file nor socket; nothing is executed; only DECODER_OUT is written, only DECODER_SOCKET is asked. Any other call is
 * answered EACCES, so that a library that tries in vain goes on. */
int confine_calls(struct err *err);

#endif
