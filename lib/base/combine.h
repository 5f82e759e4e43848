/* Group commit: threads that want the same kind of work done wait in line, and one of them does it for all that wait.
 *
 * The first that comes leads: it takes those that wait as a batch, its own job the first of them, does their work at
 * once, and wakes them. Those that came meanwhile are the next batch, led by the first of them. Any number of
 * threads. */
#ifndef BASE_COMBINE_H
#define BASE_COMBINE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

/* The first member of what a thread wants done. It lives on its thread's stack: nobody else may touch it once that
 * thread was woken. */
struct combine_job {
	struct combine_job *next; /* in the line, then in the batch */
	bool taken, leads;
	sem_t wake;
};
struct combine {
	pthread_mutex_t mutex; /* guards what follows, and each job's next, taken and leads */
	struct combine_job *head, *tail;
	struct combine_job *batch; /* under way */
	bool leading;
	size_t most;
};

void combine_init(struct combine *line, size_t most /* jobs of a batch */);
void combine_release(struct combine *line);

/* Takes the batch: called once by each combine_run, when it is ready for it, so that who comes until then is in it. The
 * list is to be as it was when combine_run returns. */
struct combine_job *combine_take(struct combine *line);
/* Does the work of a batch. One is under way at a time. */
typedef void combine_run(void *owner, struct combine *line);
/* Returns 0 when the job's work was done by somebody's `run`. wait_seconds: who has waited for so long, and is in no
 * batch, goes, and gets non-zero; 0: waits for as long as it takes. */
int combine_do(struct combine *line, struct combine_job *job, combine_run *run, void *owner, int wait_seconds);

#endif
