/* The connections from nginx to a program: new ones on the listening socket, and kept ones that wait for their next
 * request. Any number of threads share one struct; a connection that waits holds no thread. */
#ifndef FASTCGI_CONNECTIONS_H
#define FASTCGI_CONNECTIONS_H

#include "base/err.h"

struct connections;

/* `listening` stays the caller's, and becomes non-blocking. Fails with ERR_INTERNAL. */
int connections_open(struct connections **out, int listening, struct err *err);
/* No thread may be in a call below any more. Kept connections close with the process. NULL is fine. */
void connections_free(struct connections *connections);

/* Waits for a connection that has a request, or that nginx has closed. The caller then owns it, and closes or keeps
 * it. Once connections_stop was called: one that waits on the listening socket, else -1. */
int connections_next(struct connections *connections);
/* Takes a connection back to wait for its next request; closes it where that fails, or after connections_stop. */
void connections_keep(struct connections *connections, int connection);
/* Takes a connection back whose request was answered before all of it was read: ends the answer, and discards what
 * comes, without holding a thread, until nginx closes it. Closing it with bytes unread would reset it, and lose the
 * answer. */
void connections_linger(struct connections *connections, int connection);
/* Ends connections_next in every thread, now and in the future, once it has handed out what waits on the listening
 * socket: a reload has given its name to another one. Requests under way are not touched. A request that
 * nginx sends on a kept connection at this moment finds it closed, and nginx sends it again where it is configured
 * so (nginx.conf). */
void connections_stop(struct connections *connections);
/* Whether that was called: a request that waits for something ends then. */
bool connections_stopped(struct connections *connections);

#endif
