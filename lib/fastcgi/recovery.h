/* Gives samples that were passed over back to the queue once their files are there again, by itself.
 *
 * A program notes the datasets of which it has passed samples over, and looks at these now and then: the more
 * seldom, the longer none has come back. What another process passed over is met by who finds nothing else to do,
 * and at the next start or reload. Thread-safe. */
#ifndef FASTCGI_RECOVERY_H
#define FASTCGI_RECOVERY_H

#include <stdbool.h>

struct app;
struct call;
struct recovery;

struct recovery *recovery_new(void);
void recovery_free(struct recovery *recovery); /* NULL is fine */

/* Notes that samples of the dataset were passed over. */
void recovery_expect(struct recovery *recovery, const char *dataset);

/* Looks at some of call->dataset's (after call_place) whose images lie on this machine: whether any came back. */
bool recovery_look(struct call *call);

enum { RECOVERY_SECONDS = 1 };
/* To be called about every RECOVERY_SECONDS, by one thread. */
void recovery_tick(struct app *app);

#endif
