/* Whether a body arrives fast enough: the bytes that came in the time spent waiting for them.
 *
 * The time spent working on the bytes does not count. For one request, on one thread. */
#ifndef FASTCGI_PACE_H
#define FASTCGI_PACE_H

#include <stdint.h>

#include "base/err.h"

struct pace {
	int64_t seconds;        /* a stretch of waiting that is judged; a single wait this long is too slow, too */
	int64_t bytes_a_second; /* the least average within a stretch; 0: anything goes */
	int64_t waited_us, bytes;
};

/* Adds a wait and the bytes that ended it: ERR_SLOW once a whole stretch brought too few. */
int pace_add(struct pace *pace, int64_t waited_us, int64_t bytes, struct err *err);
int pace_stalled(const struct pace *pace, struct err *err); /* ERR_SLOW: nothing came */

#endif
