/* How many requests may wait for their bodies at once, so that slow clients never hold all of a program's threads.
 *
 * nginx passes a large body on as it comes, so each holds a thread until its client has sent it. A POST (a form, an
 * archive) may hold three of four threads, any other (one image) seven of eight, and a user half of that. The
 * threads that are left refuse at once what comes beyond. It is asked here and not by nginx's limit_conn, which
 * knows a user only by a claim: it counts before the password is checked. Thread-safe. */
#ifndef FASTCGI_ADMISSION_H
#define FASTCGI_ADMISSION_H

#include <stdbool.h>

#include "base/err.h"

struct admission;

struct admission *admission_new(int threads);
void admission_free(struct admission *admission); /* NULL is fine */

/* Takes a place, or fails: ERR_TOO_MANY (this user holds too many), ERR_UNAVAILABLE (all are taken). `user` is kept by
 * pointer until admission_leave(…, *place). */
int admission_enter(struct admission *admission, const char *user, bool post, int *place, struct err *err);
void admission_leave(struct admission *admission, int place);

#endif
