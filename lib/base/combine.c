/* Implements group commit. */
#include "base/combine.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

#include "base/clock.h"

void combine_init(struct combine *line, size_t most)
{
	memset(line, 0, sizeof(*line));
	pthread_mutex_init(&line->mutex, NULL);
	line->most = most;
}

void combine_release(struct combine *line)
{
	pthread_mutex_destroy(&line->mutex);
}

/* Adds the job to the line; returns whether its thread must lead. */
static bool combine_join(struct combine *line, struct combine_job *job)
{
	pthread_mutex_lock(&line->mutex);
	bool leads = !line->leading;
	line->leading = true;
	if (line->tail)
		line->tail->next = job;
	else
		line->head = job;
	line->tail = job;
	pthread_mutex_unlock(&line->mutex);
	return leads;
}

struct combine_job *combine_take(struct combine *line)
{
	pthread_mutex_lock(&line->mutex);
	struct combine_job *first = line->head, *last = first;
	for (size_t count = 1; count < line->most && last->next; count++) {
		last->taken = true;
		last = last->next;
	}
	last->taken = true;
	line->head = last->next;
	if (!line->head)
		line->tail = NULL;
	last->next = NULL;
	line->batch = first;
	pthread_mutex_unlock(&line->mutex);
	return first;
}

/* Does a batch. Wakes threads only after releasing the mutex, for which they would wait, and the next leader first:
 * it works while the others answer. */
static void combine_lead(struct combine *line, const struct combine_job *own, combine_run *run, void *owner)
{
	run(owner, line);
	pthread_mutex_lock(&line->mutex);
	struct combine_job *successor = line->head, *done = line->batch;
	line->leading = successor;
	if (successor)
		successor->leads = true;
	pthread_mutex_unlock(&line->mutex);
	if (successor)
		sem_post(&successor->wake);
	for (struct combine_job *job = done, *next; job; job = next) {
		next = job->next;
		if (job != own)
			sem_post(&job->wake);
	}
}

/* Removes the job from the line; false: its work is being done, or it must lead. */
static bool withdraw(struct combine *line, struct combine_job *job)
{
	pthread_mutex_lock(&line->mutex);
	bool waits = !job->taken && !job->leads;
	struct combine_job *before = NULL;
	for (struct combine_job *at = line->head; waits && at != job; at = at->next)
		before = at;
	if (waits) {
		if (before)
			before->next = job->next;
		else
			line->head = job->next;
		if (line->tail == job)
			line->tail = before;
	}
	pthread_mutex_unlock(&line->mutex);
	return waits;
}

/* By the steady clock: sem_timedwait goes by the time of day, and would wait for an hour more when that is set back. */
static int wait_at_most(sem_t *wake, int seconds)
{
	const struct timespec end = clock_timespec(clock_us() + seconds * MICROSECONDS);
	int failed = sem_clockwait(wake, CLOCK_MONOTONIC, &end);

#ifdef __SANITIZE_THREAD__ /* which does not know this call */
	if (!failed)
		__tsan_acquire(wake);
#endif
	return failed;
}

/* Waits until the job's work is done, or it must lead. False: it has waited too long. */
static bool wait_for_turn(struct combine *line, struct combine_job *job, int wait_seconds)
{
	while ((wait_seconds ? wait_at_most(&job->wake, wait_seconds) : sem_wait(&job->wake)) != 0) {
		if (errno == ETIMEDOUT && withdraw(line, job))
			return false;
	}
	return true;
}

int combine_do(struct combine *line, struct combine_job *job, combine_run *run, void *owner, int wait_seconds)
{
	*job = (struct combine_job){.next = NULL};
	sem_init(&job->wake, 0, 0);
	bool leads = combine_join(line, job), served = leads || wait_for_turn(line, job, wait_seconds);
	if (leads || (served && job->leads))
		combine_lead(line, job, run, owner);
	sem_destroy(&job->wake);
	return !served;
}
