/* Leases the next samples whose images can be read, and passes over those whose can't. One request, one thread; each
 * needs call_place before.
 *
 * A sample is marked only if its image alone is proven unreadable (serve_locate's ERR_NOT_FOUND); any other failure
 * is the store's, ends the request (503) and marks nothing. A request passes over at most PASSING_MAX samples, then
 * says so (ERR_UNAVAILABLE); sent again, it goes on. */
#ifndef FASTCGI_PASSING_H
#define FASTCGI_PASSING_H

#include "blob/locate.h"
#include "fastcgi/app.h"
#include "dataset/task.h"

enum {
	PASSING_MAX = 2000,
	PASSING_FETCHED_MAX = 50, /* of those that were looked for in a bucket, each of which takes a while */
};

struct passing {
	size_t passed;  /* how many so far in this request, */
	size_t fetched; /* and how many of them by passing_over */
	size_t ahead;   /* how many samples were looked at last time together with a missing one */
	bool recovered; /* the samples passed over earlier were looked at again */
};

/* Leases the next sample whose image can be read. ERR_NOT_FOUND "Sample not found" when there is none. The caller
 * releases *task, and starts each request with an empty `passing`. */
int passing_next(struct call *call, struct passing *passing, struct task *task, struct located *file, struct err *err);

/* Call it after serve_fetch has failed for a leased sample (err): passes the sample over if its image is missing
 * (ERR_NOT_FOUND), so that the next one can be leased; ERR_UNAVAILABLE when it is one too many. Any other failure is
 * not the sample's: non-zero, and err stays as it is. */
int passing_over(struct call *call, struct passing *passing, const struct sample *sample, struct err *err);

/* Leases up to `count` samples whose images can be read, as lease_take does. */
int passing_lease(struct call *call, size_t count, struct task *out, size_t *taken, struct err *err);

#endif
