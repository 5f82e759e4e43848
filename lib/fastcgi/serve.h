/* Finds a sample's image and hands it to nginx. One request, one thread. */
#ifndef FASTCGI_SERVE_H
#define FASTCGI_SERVE_H

#include "blob/locate.h"
#include "fastcgi/app.h"

/* Each needs call_info before.
 * The file of a sample of call->dataset. ERR_NOT_FOUND "Image file not found". */
int serve_locate(struct call *call, const char *filepath, struct located *out, struct err *err);

/* Leases the next sample whose image can be read; those that can't be are marked and passed over.
 * ERR_NOT_FOUND "Sample not found". The caller releases *task. */
int serve_next(struct call *call, struct task *task, struct located *file, struct err *err);
/* Leases up to `count` samples whose images can be read, as dataset_lease does. */
int serve_lease(struct call *call, size_t count, struct task *out, size_t *taken, struct err *err);

#endif
