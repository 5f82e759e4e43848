/* The datasets that a store keeps open: a bounded cache of handles for all threads of a process.
 *
 * A handle has users; one without any is kept until the cache exceeds its size, and then the handles unused for
 * longest go first. While all are in use, the cache exceeds its size. Thread-safe; handles are opened and freed
 * without the mutex, so that a dataset that takes long delays no other. */
#ifndef DATASET_HANDLES_H
#define DATASET_HANDLES_H

#include <pthread.h>

#include "dataset/backend.h"

struct handles {
	pthread_mutex_t mutex; /* protects the fields below, and those of struct dataset for this cache */
	pthread_cond_t opened; /* signals that one of `opening` is done */
	struct dataset *first;
	struct opening *opening;
	int64_t count, max;
	uint64_t clock;
	void (*free)(struct dataset *dataset);
};

/* max handles; `free` frees a handle that nobody uses any more. */
void handles_init(struct handles *handles, int64_t max, void (*free)(struct dataset *dataset));
/* Frees all handles; none may have a user. */
void handles_release(struct handles *handles);

/* Opens the dataset of that name, and sets base.name. */
typedef int handle_open(void *data, const char *name, struct dataset **out, struct err *err);

/* The handle of that name, with one more user: a cached one, or a new one from `open`, which one thread at a time
 * calls for a name while those that want the same wait. End it with handles_put. */
int handles_get(struct handles *handles, const char *name, handle_open *open, void *data, struct dataset **out,
                struct err *err);
void handles_put(struct handles *handles, struct dataset *dataset);
/* Before handles_put, by one that goes through many datasets: a handle that was opened just for that makes room before
 * all others. So who goes through more than there is room for finds the same ones open each time, and those that people
 * work on stay. */
void handles_pass(struct dataset *dataset);
/* Removes a handle that has users from the cache: the next handles_get opens another, and the last handles_put frees
 * this one. */
void handles_drop(struct handles *handles, struct dataset *dataset);

#endif
