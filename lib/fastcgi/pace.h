/* Whether a body comes fast enough: the bytes that came in the time that was spent waiting for them.
 *
 * Only waiting counts, not what is done with the bytes meanwhile. Of one request, on one thread. */
#ifndef FASTCGI_PACE_H
#define FASTCGI_PACE_H

#include <stdint.h>

#include "base/err.h"

struct pace {
	int64_t seconds;        /* a stretch of waiting that is judged; no byte in so long is too slow, too */
	int64_t bytes_a_second; /* what must have come in it on average; 0: anything */
	int64_t waited_us, bytes;
};

/* Adds a wait and the bytes that ended it: ERR_SLOW once a whole stretch brought too little. */
int pace_add(struct pace *pace, int64_t waited_us, int64_t bytes, struct err *err);
int pace_stalled(const struct pace *pace, struct err *err); /* ERR_SLOW: nothing came */

#endif
