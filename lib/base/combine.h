/* Group commit: threads that want the same kind of work done wait in line, and one of them does it for all that
 * wait.
 *
 * The first one leads: it takes those that wait as a batch, with its own job first, does their work at once, and
 * wakes them. Those that come meanwhile are the next batch, which the first of them leads. Any number of threads. */
#ifndef BASE_COMBINE_H
#define BASE_COMBINE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

/* The first member of a thread's job. It lives on the thread's stack: nobody else may touch it once that thread was
 * woken. */
struct combine_job {
	struct combine_job *next; /* in the line, then in the batch */
	bool taken, leads;
	sem_t wake;
};
struct combine {
	pthread_mutex_t mutex; /* protects the fields below, and each job's next, taken and leads */
	struct combine_job *head, *tail;
	struct combine_job *batch; /* the one being done */
	bool leading;
	size_t most;
};

void combine_init(struct combine *line, size_t most /* jobs of a batch */);
void combine_release(struct combine *line);

/* Takes the batch: each combine_run calls it once when it is ready, so that all jobs that have come by then are in
 * it. The list must be unchanged when combine_run returns. */
struct combine_job *combine_take(struct combine *line);
/* Does the work of a batch. Only one runs at a time. */
typedef void combine_run(void *owner, struct combine *line);
/* Returns 0 when the job's work was done by some thread's `run`. A job that has waited for wait_seconds and is in no
 * batch fails; 0: wait as long as it takes. */
int combine_do(struct combine *line, struct combine_job *job, combine_run *run, void *owner, int wait_seconds);

#endif
