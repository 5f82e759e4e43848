/* What a request that uploads images hands to lib/intake, and the addresses it answers them with. One request, one
 * thread. */
#ifndef FASTCGI_UPLOAD_H
#define FASTCGI_UPLOAD_H

#include "fastcgi/app.h"
#include "intake/ingest.h"

/* Fills *out for call->dataset, by its place and, where there is a quota, its counts. It borrows from call. */
int upload_ingest(struct call *call, struct ingest *out, struct err *err);

/* Appends the address, with scheme and host, from which a client fetches an uploaded image. */
int upload_url(const struct ingest *ingest, const struct sample *sample, struct buf *out, struct err *err);

#endif
