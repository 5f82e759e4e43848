/* Lets the time of day jump for programs under LD_PRELOAD: so many seconds as the file that $CLOCK_FILE names holds (eight
 * bytes) it is ahead of the true one, in all programs from the moment at which they are written.
 *
 * Clocks that no one can set are left alone, and so are the times of files, which the kernel gives. Waits until a time of day
 * last as long as they would have without a jump meanwhile.
 *
 * Why it is here: Debian's libfaketime keeps semaphores in /dev/shm that bear the number of a process. Those of a process that
 * was killed stay there, and the next one of that number ends at its start. */
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SHARED __attribute__((visibility("default")))
#define LONGEST_UPTIME 1000000000 /* seconds: what is more is a time of day, not one of the monotonic clock */

static const _Atomic int64_t none;
static const _Atomic int64_t *ahead = &none;

__attribute__((constructor)) static void open_clock(void)
{
	const char *path = getenv("CLOCK_FILE");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *seconds = mmap(NULL, sizeof(*ahead), PROT_READ, MAP_SHARED, file, 0);

	if (seconds == MAP_FAILED) {
		perror("CLOCK_FILE");
		_exit(127);
	}
	close(file);
	ahead = seconds;
}

SHARED int clock_gettime(clockid_t clock, struct timespec *out)
{
	int failed = (int)syscall(SYS_clock_gettime, clock, out);

	if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI))
		out->tv_sec += *ahead;
	return failed;
}

SHARED int timespec_get(struct timespec *out, int base)
{
	return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, out) == 0 ? base : 0;
}

SHARED int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}

SHARED time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

/* As the kernel's clock has it. */
static struct timespec true_time(const struct timespec *told)
{
	return (struct timespec){.tv_sec = told->tv_sec - *ahead, .tv_nsec = told->tv_nsec};
}

SHARED int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until)
{
	const struct timespec end = true_time(until);

	return sem_clockwait(semaphore, CLOCK_REALTIME, &end);
}

SHARED int pthread_cond_timedwait(pthread_cond_t *restrict changed, pthread_mutex_t *restrict mutex, const struct timespec *restrict until)
{
	const struct timespec end = true_time(until);

	if (until->tv_sec < LONGEST_UPTIME)
		return pthread_cond_clockwait(changed, mutex, CLOCK_MONOTONIC, until);
	return pthread_cond_clockwait(changed, mutex, CLOCK_REALTIME, &end);
}
