/* Does the same with many images, several at once, since a store far away answers each of them in its time. */
#ifndef DATASETS_SEVERAL_H
#define DATASETS_SEVERAL_H

#include <stddef.h>

#include "base/err.h"

/* 0, or -1 with *err: then none is begun any more. Called on several threads. */
typedef int several_work(void *data, size_t index, struct err *err);

/* Calls work for each index below count. The first failure is returned, once all that was begun has ended. */
int several(size_t count, several_work *work, void *data, const char *request_id, struct err *err);

#endif
