/* Slow work, done once for all threads that ask for the same at the same time, and a few works at a time.
 * Thread-safe. */
#ifndef FASTCGI_ONCE_H
#define FASTCGI_ONCE_H

#include "base/buf.h"
#include "base/err.h"

struct once;

struct once_limits {
	size_t at_once;  /* works that run at the same time */
	size_t inside;   /* threads that work or wait for work: the program's other threads stay free */
	size_t per_user; /* of these threads, for one user */
};
struct once *once_new(const struct once_limits *limits);
void once_free(struct once *once); /* NULL is fine; no thread may be inside */

/* Appends what `run` makes to out, or fails as it does: run by this thread, or by another one that asked for the
 * same key before and has not finished. Those that wait take turns: a user who asks for much is served no sooner
 * than one who asks for little. ERR_UNAVAILABLE when too many are inside. */
typedef int once_run(void *data, struct buf *out, struct err *err);
int once_do(struct once *once, const char *user, const char *key, once_run *run, void *data, struct buf *out,
            struct err *err);
/* How many threads work, or wait for work. */
size_t once_inside(struct once *once);

#endif
