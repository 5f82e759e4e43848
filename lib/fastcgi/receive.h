/* Reads uploaded files out of a request's body, within the configuration's limits. One request, one thread. */
#ifndef FASTCGI_RECEIVE_H
#define FASTCGI_RECEIVE_H

#include "intake/spool.h"
#include "fastcgi/app.h"
#include "fastcgi/multipart.h"

/* The folder for files on their way: on the image store's file system where it has one. */
const char *receive_dir(const struct call *call);

/* Reads the whole body as one file into `out` (finished; the caller releases it, also after a failure). */
int receive_body(struct call *call, struct spool *out, struct err *err);

/* One file of a multipart body. `file` is finished, or, when it could not be read whole, failed says why. Returns -1
 * to end the request with err. */
typedef int receive_visit(void *data, struct call *call, const char *filename, struct spool *file,
                          const struct err *failed, struct err *err);

/* The label that a form names by a field of its own. Returns -1 to end the request with err. */
typedef int receive_label(void *data, struct call *call, const char *given, struct err *err);

/* Visits the files of the body's parts with one of the names in fields (NULL-ended; in any case), in order, and
 * gives the field "label" to `label` where it stands, unless the address has one (?label=), which wins; others are
 * passed over. A file over limits.file_bytes, or after limits.files_per_request of them, is a failed one; very many
 * end the request. One that a whole boundary does not follow ends the request, unvisited. *count gets how many were
 * visited. */
int receive_files(struct call *call, const char *const *fields, receive_visit *visit, receive_label *label, void *data,
                  int64_t *count, struct err *err);

#endif
