/* The datasets a user may see, one after the other. One request, one thread. */
#ifndef FASTCGI_VISIBLE_H
#define FASTCGI_VISIBLE_H

#include "fastcgi/app.h"

/* Calls visit with call->dataset set, and call->info as `read` (call_info, …) reads it, for each dataset greater
 * than `after` ("" = from the first) that the user may see, in order of name, until visit returns false. A dataset
 * that cannot be read is logged and left out; not for want of memory or descriptors, which may be of any of them. */
typedef bool visible_visit(void *data, struct call *call, const char *name);
int visible_datasets(struct call *call, const char *after, app_handler *read, visible_visit *visit, void *data,
                     struct err *err);

#endif
