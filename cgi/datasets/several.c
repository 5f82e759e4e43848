/* Runs a function for several indices at once. */
#include "several.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/log.h"

enum { AT_ONCE = 16, STACK_BYTES = 512 * 1024 };

struct several {
	several_work *work;
	void *data;
	struct log_request request;
	size_t count;
	atomic_size_t next;
	pthread_mutex_t lock; /* protects the fields below */
	bool failed;
	struct err err;
};

static void several_fail(struct several *several, const struct err *err)
{
	atomic_store(&several->next, several->count);
	pthread_mutex_lock(&several->lock);
	if (!several->failed)
		several->err = *err;
	several->failed = true;
	pthread_mutex_unlock(&several->lock);
}

static void *several_run(void *data)
{
	struct several *several = data;
	struct err err;

	log_request_resume(&several->request);
	for (size_t i; (i = atomic_fetch_add(&several->next, 1)) < several->count;) {
		if (several->work(several->data, i, &err))
			several_fail(several, &err);
	}
	return NULL;
}

int several(size_t count, several_work *work, void *data, struct err *err)
{
	struct several several = {.work = work, .data = data, .request = log_request_now(), .count = count};
	pthread_t threads[AT_ONCE];
	pthread_attr_t attributes;
	size_t started = 0;

	pthread_mutex_init(&several.lock, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	while (started + 1 < AT_ONCE && started + 1 < count &&
	       pthread_create(&threads[started], &attributes, several_run, &several) == 0)
		started++;
	pthread_attr_destroy(&attributes);
	several_run(&several);
	while (started > 0)
		pthread_join(threads[--started], NULL);
	pthread_mutex_destroy(&several.lock);
	if (several.failed)
		*err = several.err;
	return several.failed;
}
