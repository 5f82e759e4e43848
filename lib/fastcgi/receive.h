/* Reads uploaded files from a request's body, within the configuration's limits. One request, one thread. */
#ifndef FASTCGI_RECEIVE_H
#define FASTCGI_RECEIVE_H

#include "intake/spool.h"
#include "fastcgi/app.h"
#include "intake/multipart.h"

/* Reads the whole body as one file into `out` (finished; the caller releases it, also after a failure). */
int receive_body(struct call *call, struct spool *out, struct err *err);

/* Visits one file of a multipart body. `file` is finished; if it could not be read whole, `failed` says why.
 * Returning non-zero ends the request with err. */
typedef int receive_visit(void *data, struct call *call, const char *filename, struct spool *file,
                          const struct err *failed, struct err *err);

/* Takes the label that a form names in a field of its own. Returning non-zero ends the request with err. */
typedef int receive_label(void *data, struct call *call, const char *given, struct err *err);

/* Visits, in order, the files of the body's parts whose name is in fields (NULL-ended; in any case), and gives the
 * field "label" to `label` where it appears, unless the address has one (?label=), which wins; other parts are
 * ignored. A file over limits.file_bytes, or after limits.files_per_request of them, is visited as failed; very many
 * files end the request. A file that no whole boundary follows ends the request, unvisited. *count gets how many
 * were visited. */
int receive_files(struct call *call, const char *const *fields, receive_visit *visit, receive_label *label, void *data,
                  int64_t *count, struct err *err);

#endif
