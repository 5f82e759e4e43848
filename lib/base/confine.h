/* Takes from this process, a worker (base/worker.h), what its work needs not, for good.
 *
 * Needs libseccomp, with which only workers are linked. */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { CONFINE_FILES_MAX = 32 }; /* open at once */

/* A system call, by its number (SYS_…), on this descriptor alone. */
struct confine_call {
	int call, fd;
};

/* What a worker keeps, beside memory, the time, and messages with whoever started it (WORKER_SOCKET). */
struct confinement {
	const char *name;       /* the program's, for messages */
	int memory_mib;         /* of address space, with what the libraries map */
	int memory_each_mib;    /* and this much more for each processor, where there is a thread for each */
	int64_t file_bytes_max; /* of a file that is written; 0: none is */
	bool threads;           /* whether it may start some, and wait for them */
	const struct confine_call *calls;
	size_t call_count;
};

/* First: only the files of installed software can be read from now on (Landlock, where the kernel has it), none
 * written, and memory, file sizes and core dumps are limited. */
int confine_files(const struct confinement *confinement, struct err *err);

/* Then, when all is loaded: only the system calls of its work are left (seccomp). Nothing is opened any more, neither
 * file nor socket; nothing is executed; nothing is written, or asked, but by `calls`. Any other call is answered
 * EACCES, so that a library that tries in vain goes on. ERR_INTERNAL where the kernel has no seccomp. */
int confine_calls(const struct confinement *confinement, struct err *err);

#endif
