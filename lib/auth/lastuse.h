/* When each user or token was last let in, to a few seconds: noted cheaply, in a file of this machine of fixed size,
 * whose loss costs nothing else.
 *
 * The file is a table of LASTUSE_CELLS cells, in each of which a name is one 64-bit hash; of more names than fit it the
 * ones that were used longest ago are forgotten. Nothing is synced. A process notes a name at most once in
 * LASTUSE_SECONDS, by one read and one write; two that take the same free cell at once lose one note, until the next
 * one. Thread-safe, and so between processes. */
#ifndef AUTH_LASTUSE_H
#define AUTH_LASTUSE_H

#include <stdint.h>

enum { LASTUSE_CELLS = 32 * 1024, LASTUSE_SECONDS = 1 };

#define LASTUSE_NAME "last-use" /* of its file in the state folder */

struct lastuse;

/* The table in `path`, made if it is not there; one that cannot be used notes nothing. Never NULL. */
struct lastuse *lastuse_open(const char *path);
void lastuse_free(struct lastuse *lastuse); /* NULL is fine */

void lastuse_note(struct lastuse *lastuse, const char *name, int64_t now_us);
/* Microseconds since 1970, in whole seconds; 0: not that anybody knows. */
int64_t lastuse_get(struct lastuse *lastuse, const char *name);

#endif
