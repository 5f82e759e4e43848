/* Idempotency-Key: a POST that is sent again is answered as the first one was, and done once. One request, one
 * thread. */
#ifndef FASTCGI_IDEMPOTENT_H
#define FASTCGI_IDEMPOTENT_H

#include "fastcgi/app.h"

struct idempotent {
	const char *key;   /* NULL: the request has none, or is no POST */
	struct spool body; /* the whole body, which the fingerprint needs and the handler reads */
	bool claimed;
};

/* Before the handler: reads the body and claims the key. *answered is true when call->reply is the first answer.
 * ERR_UNPROCESSABLE: the key was used with another request; ERR_CONFLICT: the first request is still under way after
 * IDEMPOTENT_WAIT_SECONDS. */
enum { IDEMPOTENT_WAIT_SECONDS = 30 };
int idempotent_begin(struct idempotent *idempotent, struct call *call, bool *answered, struct err *err);

/* After the handler, when call->reply is whole: keeps it under the key, unless it is the server's failure, or
 * streamed. */
void idempotent_end(struct idempotent *idempotent, struct call *call);

#endif
