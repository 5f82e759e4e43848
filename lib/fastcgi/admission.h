/* How many requests may wait for their bodies at once, so that slow clients never hold all of a program's threads.
 *
 * nginx passes a large body on as it comes, so each such request holds a thread until its client has sent all of it.
 * A POST (a form, an archive) may hold three of four threads, any other request (one image) seven of eight, and one
 * user half of that. The remaining threads refuse further requests at once. nginx's limit_conn cannot do this: it
 * counts before the password is checked, when the user's name is only a claim. Thread-safe. */
#ifndef FASTCGI_ADMISSION_H
#define FASTCGI_ADMISSION_H

#include <stdbool.h>

#include "base/err.h"

struct admission;

struct admission *admission_new(int threads);
void admission_free(struct admission *admission); /* NULL is fine */

/* Takes a place, or fails: ERR_TOO_MANY (this user holds too many), ERR_UNAVAILABLE (all are taken). Keeps the
 * pointer `user` until admission_leave(…, *place). */
int admission_enter(struct admission *admission, const char *user, bool post, int *place, struct err *err);
void admission_leave(struct admission *admission, int place);

#endif
