/* Workers: programs beside this one that do for it what could be taken over by the bytes it works on: each a process of
 * its own, confined (base/confine.h).
 *
 * A worker has one socket to whoever started it, of messages that come whole or not at all (SOCK_SEQPACKET), and else
 * nothing of it: neither variables nor files. Its log stays stderr, but it cannot write to it once it is confined. */
#ifndef BASE_WORKER_H
#define BASE_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

enum {
	WORKER_SOCKET = 3, /* its descriptor in the worker; others that are handed over come after it, */
	WORKER_MODULE = 4, /* but until the worker is ready: the file of its module */
	WORKER_START_SECONDS_MAX = 30,
};

/* --- for who starts it -------------------------------------------------------------------------------------------- */

/* What workers are started from. */
struct worker_program {
	const char *name, *module;     /* module: that it loads; NULL for none */
	pthread_mutex_t mutex;         /* protects the fields below */
	int program_file, module_file; /* -1: not open yet */
};

/* Opens the program and its module, as they are now: those that are started later are of this version, even if an
 * upgrade has replaced the files. Once is enough; else worker_start does it. Thread-safe. Errors as of worker_start. */
int worker_prepare(struct worker_program *program, struct err *err);

/* Used by one thread at a time. */
struct worker {
	pid_t pid;
	int socket;
};

/* Starts one, sends it a message, if `first` is not NULL, and waits until it is confined and ready. Thread-safe.
 * ERR_UNAVAILABLE: it cannot be had now, for want of memory or descriptors, or because an upgrade has put another
 * version there; ERR_INTERNAL: it cannot be had here. */
int worker_start(struct worker *out, struct worker_program *program, const void *first, size_t size, struct err *err);
/* Ends it, whatever it does; the log says so if a signal had ended it before. */
void worker_end(struct worker *worker);

/* Waits for nothing: non-zero with errno EAGAIN when it does not take what it was sent before, else it has ended. */
int worker_send(const struct worker *worker, const void *message, size_t size);
/* Waits up to ms milliseconds, and returns the length of the message, which was cut if that is more than size; 0: the
 * worker has ended; -1: nothing came in time. */
ssize_t worker_receive(const struct worker *worker, void *message, size_t size, int ms);
/* Sets err to the error that a worker answers, of which nothing is believed: neither that its text ends, nor that it is
 * UTF-8, nor that it is more than a refusal of the bytes or a failure here. Returns -1. */
int worker_failure(const struct err *said, struct err *err);

/* --- for the worker itself ---------------------------------------------------------------------------------------- */

/* Whether it was started by worker_start, with or without a module; closes what else it may have inherited. */
bool worker_begin(bool module);
/* Answers worker_start: it is ready, or why not (NULL: it is). Non-zero: whoever started it has ended. */
int worker_tell_ready(const struct err *why_not);
/* Non-zero: whoever started it has ended. */
int worker_tell(const void *message, size_t size);
/* The length of the message, of which the first `size` bytes come to `message` and others to `rest`; 0: whoever started
 * it has ended. */
size_t worker_hear(void *message, size_t size, void *rest, size_t rest_size);

#endif
