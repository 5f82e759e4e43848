/* A program's threads: as many as its requests have needed at once, up to a limit. */
#ifndef FASTCGI_THREADS_H
#define FASTCGI_THREADS_H

enum { THREADS_MAX = 256 };

struct threads;
/* What each thread does until it has to end: threads_busy when it has something to do, threads_idle when it has
 * not. */
typedef void threads_work(void *data, struct threads *threads);

/* Starts the first of at most `most` threads; NULL when there can be none. */
struct threads *threads_start(int most, threads_work *work, void *data);
void threads_busy(struct threads *threads); /* starts another one where none is idle any more */
void threads_idle(struct threads *threads);
/* Waits until all have ended; they must know by then that they have to. */
void threads_join(struct threads *threads);

#endif
