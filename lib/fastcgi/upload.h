/* What a request that uploads images passes to lib/intake, and the addresses in its answer. One request, one thread. */
#ifndef FASTCGI_UPLOAD_H
#define FASTCGI_UPLOAD_H

#include "fastcgi/app.h"
#include "intake/batch.h"
#include "intake/ingest.h"
#include "intake/receive.h"

/* Fills *out for call->dataset from its place and, where there is a quota, its counts. Borrows from call. */
int upload_ingest(struct call *call, struct ingest *out, struct err *err);

/* Finds the label that the client names in ?label=; *out is malloced, NULL when it names none. */
int upload_label(struct call *call, char **out, struct err *err);

/* Fills *out for the request's body, which must not be compressed. Borrows from call. */
int upload_receive(struct call *call, struct receive *out, struct err *err);

/* Stores the files of a form, like batch_store; call is the data of result. strict: see struct receive. */
int upload_batch(struct batch *batch, struct call *call, bool strict, batch_result *result, struct err *err);
/* Answers with `answer` (taken): 200 when any file was stored, else the status of the worst failure. */
void upload_reply(struct call *call, const struct batch *batch, cJSON *answer);

/* Sets in call->info whether the dataset is public, as ingest has found it; call it before the answer's addresses
 * are made. */
void upload_follow(struct call *call, const struct ingest *ingest);

/* Appends the address, with scheme and host, from which a client fetches an uploaded image; for a private image in a
 * store that clients access directly it is valid for SERVE_URL_SECONDS. */
int upload_url(struct call *call, const struct sample *sample, struct buf *out, struct err *err);

#endif
