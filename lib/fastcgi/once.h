/* Work that takes long, done once for all who ask for the same at the same time, and a little of it at a time.
 * Thread-safe. */
#ifndef FASTCGI_ONCE_H
#define FASTCGI_ONCE_H

#include "base/buf.h"
#include "base/err.h"

struct once;

struct once_limits {
	size_t at_once;  /* works under way */
	size_t inside;   /* threads that work, or wait for it: the program's others stay free */
	size_t per_user; /* of them, for one user */
};
struct once *once_new(const struct once_limits *limits);
void once_free(struct once *once); /* NULL is fine; nobody is inside any more */

/* Appends to out what `run` makes, or fails as it does: run by this thread, or by another one that was asked for the
 * same key before and is not done. Those that wait come in turns: a user who asks for much comes no sooner than one
 * who asks for little. ERR_UNAVAILABLE when too many are inside. */
typedef int once_run(void *data, struct buf *out, struct err *err);
int once_do(struct once *once, const char *user, const char *key, once_run *run, void *data, struct buf *out,
            struct err *err);
/* How many threads work, or wait for it. */
size_t once_inside(struct once *once);

#endif
