/* A few threads that do jobs beside the one that gives them. */
#ifndef ARCHIVE_CREW_H
#define ARCHIVE_CREW_H

#include <stdbool.h>

struct crew;

/* The beginning of each job; the giver's until it is given, and again once it has been waited for. */
struct crew_job {
	struct crew_job *next;
	bool done;
};
typedef void crew_work(struct crew_job *job);

/* request_id is put on the threads' log lines. Where no thread can be started, jobs are done when they are given. */
struct crew *crew_start(int threads, crew_work *work, const char *request_id);
void crew_give(struct crew *crew, struct crew_job *job);
void crew_wait(struct crew *crew, struct crew_job *job);
/* Ends the threads, when every job has been waited for. */
void crew_end(struct crew *crew);

#endif
