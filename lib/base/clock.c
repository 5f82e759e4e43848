/* Time as numbers, and the clock to measure it by. */
#include "base/clock.h"

int64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return clock_us_of(now);
}

int64_t clock_us_of(struct timespec time)
{
	return time.tv_sec * MICROSECONDS + time.tv_nsec / 1000;
}

int64_t clock_ns_of(struct timespec time)
{
	return time.tv_sec * NANOSECONDS + time.tv_nsec;
}

struct timespec clock_timespec(int64_t microseconds)
{
	return (struct timespec){.tv_sec = microseconds / MICROSECONDS, .tv_nsec = microseconds % MICROSECONDS * 1000};
}
