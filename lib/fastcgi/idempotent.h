/* Idempotency-Key: a POST that is sent again gets the first one's answer, and is done only once. One request, one
 * thread. */
#ifndef FASTCGI_IDEMPOTENT_H
#define FASTCGI_IDEMPOTENT_H

#include "fastcgi/app.h"

struct idempotent {
	const char *key;   /* NULL: the request has none, or is no POST */
	struct spool body; /* the whole body, which the fingerprint needs and the handler reads */
	bool claimed;
};

/* Call it before the handler: it reads the body and claims the key. *answered is true when call->reply is the first
 * request's answer. ERR_UNPROCESSABLE: the key was used with another request; ERR_CONFLICT: the first request is
 * still under way after IDEMPOTENT_WAIT_SECONDS. */
enum { IDEMPOTENT_WAIT_SECONDS = 30 };
int idempotent_begin(struct idempotent *idempotent, struct call *call, bool *answered, struct err *err);

/* Call it after the handler, when call->reply is complete: keeps the reply under the key, unless it is a failure of
 * the server, or streamed. */
void idempotent_end(struct idempotent *idempotent, struct call *call);

#endif
