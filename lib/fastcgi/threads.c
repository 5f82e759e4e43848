/* Starts threads as they are needed. */
#include "fastcgi/threads.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

enum { STACK_BYTES = 512 * 1024 }; /* of a thread; handlers keep paths and names on it, not bodies */

struct threads {
	threads_work *work;
	void *data;
	pthread_attr_t attributes;
	pthread_mutex_t lock; /* protects the fields below */
	int most, count, idle;
	pthread_t thread[THREADS_MAX];
};

static void *threads_run(void *data)
{
	struct threads *threads = data;

	pthread_setname_np(pthread_self(), "serving");
	threads->work(threads->data, threads);
	return NULL;
}

static void threads_add(struct threads *threads)
{
	if (threads->count < threads->most &&
	    pthread_create(&threads->thread[threads->count], &threads->attributes, threads_run, threads) == 0) {
		threads->count++;
		threads->idle++;
	}
}

struct threads *threads_start(int most, threads_work *work, void *data)
{
	struct threads *threads = memory_new(1, sizeof(*threads));

	threads->work = work;
	threads->data = data;
	threads->most = most < THREADS_MAX ? most : THREADS_MAX;
	pthread_mutex_init(&threads->lock, NULL);
	pthread_attr_init(&threads->attributes);
	pthread_attr_setstacksize(&threads->attributes, STACK_BYTES);
	pthread_mutex_lock(&threads->lock);
	threads_add(threads);
	pthread_mutex_unlock(&threads->lock);
	if (threads->count > 0)
		return threads;
	threads_join(threads);
	return NULL;
}

void threads_busy(struct threads *threads)
{
	pthread_mutex_lock(&threads->lock);
	if (--threads->idle == 0)
		threads_add(threads);
	pthread_mutex_unlock(&threads->lock);
}

void threads_idle(struct threads *threads)
{
	pthread_mutex_lock(&threads->lock);
	threads->idle++;
	pthread_mutex_unlock(&threads->lock);
}

/* Finds the nth thread under the lock: a thread that ends may just have added another one. */
static pthread_t *threads_nth(struct threads *threads, int n)
{
	pthread_mutex_lock(&threads->lock);
	pthread_t *thread = n < threads->count ? &threads->thread[n] : NULL;
	pthread_mutex_unlock(&threads->lock);
	return thread;
}

void threads_join(struct threads *threads)
{
	pthread_t *thread;

	for (int n = 0; (thread = threads_nth(threads, n)); n++)
		pthread_join(*thread, NULL);
	pthread_attr_destroy(&threads->attributes);
	pthread_mutex_destroy(&threads->lock);
	free(threads);
}
