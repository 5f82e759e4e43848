/* Works on many images, several at once, since each answer of a distant store takes its time. */
#ifndef DATASETS_SEVERAL_H
#define DATASETS_SEVERAL_H

#include <stddef.h>

#include "base/err.h"

/* Called on several threads. Once it has failed, no further call begins. */
typedef int several_work(void *data, size_t index, struct err *err);

/* Calls work for each index below count. Returns the first failure, after all calls have ended. */
int several(size_t count, several_work *work, void *data, struct err *err);

#endif
