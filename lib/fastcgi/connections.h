/* The connections from nginx to a program: new ones on the listening socket, and kept ones that wait for their next
 * request. Any number of threads share one; none is bound to a connection that waits. */
#ifndef FASTCGI_CONNECTIONS_H
#define FASTCGI_CONNECTIONS_H

#include "base/err.h"

struct connections;

/* `listening` stays the caller's, and becomes non-blocking. ERR_INTERNAL. */
int connections_open(struct connections **out, int listening, struct err *err);
/* No thread is in a call below any more; the kept ones close with the process. NULL is fine. */
void connections_free(struct connections *connections);

/* Waits for a connection that has a request, or has been closed by nginx; it is the caller's then, to close or to keep.
 * -1 once connections_stop was called. */
int connections_next(struct connections *connections);
/* Takes it back, to wait for its next request; closes it where that cannot be, or none is to come any more. */
void connections_keep(struct connections *connections, int connection);
/* Takes one back that was answered before all was read that nginx sends: ends the answer, and passes over what comes
 * until nginx closes it, without a thread that waits. To close it with bytes unread would reset it, and lose the
 * answer. */
void connections_linger(struct connections *connections, int connection);
/* Every thread's connections_next ends, now and in the future. Requests under way are not touched; one that nginx sends
 * on a kept connection at this moment finds it closed, and is sent again where nginx is configured so (nginx.conf). */
void connections_stop(struct connections *connections);

#endif
