/* When each user or token was last let in, to a few seconds: noted cheaply, in a file of this machine of fixed size,
 * whose loss does no other harm.
 *
 * The file is a table of LASTUSE_CELLS cells, in each of which a name is one 64-bit hash; when more names are in
 * use, those used longest ago are forgotten. Nothing is synced. A process notes a name at most once in
 * LASTUSE_SECONDS, with one read and one write; if two take the same free cell at once, one note is lost until the
 * next one. Thread-safe, even between processes. */
#ifndef AUTH_LASTUSE_H
#define AUTH_LASTUSE_H

#include <stdint.h>

enum { LASTUSE_CELLS = 32 * 1024, LASTUSE_SECONDS = 1 };

#define LASTUSE_NAME "last-use" /* of its file in the state folder */

struct lastuse;

/* Opens the table in `path`, and makes it if absent; a table that cannot be used notes nothing. Never NULL. */
struct lastuse *lastuse_open(const char *path);
void lastuse_free(struct lastuse *lastuse); /* NULL is fine */

void lastuse_note(struct lastuse *lastuse, const char *name, int64_t now_us);
/* Microseconds since 1970, in whole seconds; 0: not known. */
int64_t lastuse_get(struct lastuse *lastuse, const char *name);

#endif
