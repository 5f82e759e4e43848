/* Time as numbers, and the clock to measure it by. Thread-safe. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define MICROSECONDS INT64_C(1000000) /* in a second */
#define NANOSECONDS INT64_C(1000000000)

/* Microseconds on this machine's clock that never goes back, since an arbitrary moment. For the time of day see
 * text_now. */
int64_t clock_us(void);

int64_t clock_us_of(struct timespec time);
int64_t clock_ns_of(struct timespec time);
struct timespec clock_timespec(int64_t microseconds);

#endif
