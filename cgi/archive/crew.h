/* A few threads that do jobs for another one. */
#ifndef ARCHIVE_CREW_H
#define ARCHIVE_CREW_H

#include <stdbool.h>

struct crew;

/* The beginning of each job; it belongs to its giver before crew_give, and again after crew_wait. */
struct crew_job {
	struct crew_job *next;
	bool done;
};
typedef void crew_work(struct crew_job *job);

/* The threads' log lines bear the calling thread's request. If no thread can be started, crew_give does the job
 * itself. */
struct crew *crew_start(int threads, crew_work *work);
void crew_give(struct crew *crew, struct crew_job *job);
void crew_wait(struct crew *crew, struct crew_job *job);
/* Ends the threads; every job must have been waited for. */
void crew_end(struct crew *crew);

#endif
