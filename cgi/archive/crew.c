/* Does jobs on threads, in the order in which they are given. */
#include "crew.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"

enum { THREADS_MAX = 16, STACK_BYTES = 512 * 1024 };

struct crew {
	crew_work *work;
	struct log_request request;
	pthread_mutex_t lock; /* protects the fields below */
	pthread_cond_t given, finished;
	struct crew_job *first, **last;
	bool over;
	int count;
	pthread_t threads[THREADS_MAX];
};

static void *crew_run(void *data)
{
	struct crew *crew = data;

	log_request_resume(&crew->request);
	pthread_mutex_lock(&crew->lock);
	for (;;) {
		while (!crew->first && !crew->over)
			pthread_cond_wait(&crew->given, &crew->lock);
		struct crew_job *job = crew->first;
		if (!job)
			break;
		crew->first = job->next;
		if (!crew->first)
			crew->last = &crew->first;
		pthread_mutex_unlock(&crew->lock);
		crew->work(job);
		pthread_mutex_lock(&crew->lock);
		job->done = true;
		pthread_cond_signal(&crew->finished);
	}
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

struct crew *crew_start(int threads, crew_work *work)
{
	struct crew *crew = memory_new(1, sizeof(*crew));
	pthread_attr_t attributes;

	crew->work = work;
	crew->request = log_request_now();
	crew->last = &crew->first;
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->given, NULL);
	pthread_cond_init(&crew->finished, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	while (crew->count < threads && crew->count < THREADS_MAX &&
	       pthread_create(&crew->threads[crew->count], &attributes, crew_run, crew) == 0)
		crew->count++;
	pthread_attr_destroy(&attributes);
	return crew;
}

void crew_give(struct crew *crew, struct crew_job *job)
{
	job->next = NULL;
	job->done = crew->count == 0;
	if (job->done) {
		crew->work(job);
		return;
	}
	pthread_mutex_lock(&crew->lock);
	*crew->last = job;
	crew->last = &job->next;
	pthread_cond_signal(&crew->given);
	pthread_mutex_unlock(&crew->lock);
}

void crew_wait(struct crew *crew, struct crew_job *job)
{
	pthread_mutex_lock(&crew->lock);
	while (!job->done)
		pthread_cond_wait(&crew->finished, &crew->lock);
	pthread_mutex_unlock(&crew->lock);
}

void crew_end(struct crew *crew)
{
	pthread_mutex_lock(&crew->lock);
	crew->over = true;
	pthread_cond_broadcast(&crew->given);
	pthread_mutex_unlock(&crew->lock);
	for (int i = 0; i < crew->count; i++)
		pthread_join(crew->threads[i], NULL);
	pthread_cond_destroy(&crew->given);
	pthread_cond_destroy(&crew->finished);
	pthread_mutex_destroy(&crew->lock);
	free(crew);
}
