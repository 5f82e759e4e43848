/* The datasets that a store keeps open: a bounded cache of handles for all threads of a process.
 *
 * A handle has users; one without any is kept until the cache is over its size, and then those go first that were used
 * longest ago. While all are in use the cache is larger than its size. Thread-safe; what is opened and freed is so
 * without the mutex, so that one dataset that takes long keeps no other waiting. */
#ifndef DATASET_HANDLES_H
#define DATASET_HANDLES_H

#include <pthread.h>

#include "dataset/backend.h"

struct handles {
	pthread_mutex_t mutex; /* guards what follows, and what struct dataset has for it */
	pthread_cond_t opened; /* one of `opening` is done */
	struct dataset *first;
	struct opening *opening;
	int64_t count, max;
	uint64_t clock;
	void (*free)(struct dataset *dataset);
};

/* max handles; free frees one that nobody uses any more. */
void handles_init(struct handles *handles, int64_t max, void (*free)(struct dataset *dataset));
/* Frees all; none may have a user. */
void handles_release(struct handles *handles);

/* Opens the dataset of that name, with base.name set. */
typedef int handle_open(void *data, const char *name, struct dataset **out, struct err *err);

/* The handle of that name, with a user more: the one that is there, or a new one by `open`, which one thread at a time
 * does, and on which only those wait that want the same. Ended with handles_put. */
int handles_get(struct handles *handles, const char *name, handle_open *open, void *data, struct dataset **out,
                struct err *err);
void handles_put(struct handles *handles, struct dataset *dataset);
/* Takes one that has users out of the cache: the next handles_get opens another, and the last handles_put frees it. */
void handles_drop(struct handles *handles, struct dataset *dataset);

#endif
