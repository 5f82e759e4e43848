/* A program's threads: as many as its requests have needed at once, up to a limit. */
#ifndef FASTCGI_THREADS_H
#define FASTCGI_THREADS_H

enum { THREADS_MAX = 256 };

struct threads;
/* The work of each thread until it must end; it calls threads_busy when it begins something, and threads_idle when
 * that is done. */
typedef void threads_work(void *data, struct threads *threads);

/* Starts the first of at most `most` threads; NULL when none can be started. */
struct threads *threads_start(int most, threads_work *work, void *data);
void threads_busy(struct threads *threads); /* starts another one if no thread is idle any more */
void threads_idle(struct threads *threads);
/* Waits until all threads have ended; they must have been told to end before. */
void threads_join(struct threads *threads);

#endif
