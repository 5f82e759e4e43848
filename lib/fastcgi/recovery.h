/* Puts samples that were passed over back into the queue once their files are there again, by itself.
 *
 * A program notes the datasets in which it passed over samples, and looks at them now and then, less often the
 * longer none comes back. Samples passed over by another process are looked at when a request finds nothing else to
 * do, and at the next start or reload. Thread-safe. */
#ifndef FASTCGI_RECOVERY_H
#define FASTCGI_RECOVERY_H

#include <stdbool.h>

struct app;
struct images;
struct recovery;

struct recovery *recovery_new(void);
void recovery_free(struct recovery *recovery); /* NULL is fine */

/* Notes that samples of the dataset were passed over. */
void recovery_expect(struct recovery *recovery, const char *dataset);

/* Looks at some samples of a dataset whose images lie on this machine: returns whether any came back. */
bool recovery_look(struct recovery *recovery, const struct images *images);

enum { RECOVERY_SECONDS = 1 };
/* Call it about every RECOVERY_SECONDS, from one thread. */
void recovery_tick(struct app *app);

#endif
