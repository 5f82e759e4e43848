/* Leases the next samples whose images can be read, and passes over those whose can't. One request, one thread; each
 * needs call_place before.
 *
 * Only what is proven of one image alone marks its sample (serve_locate's ERR_NOT_FOUND); any other failure is the
 * store's, ends the request (503) and marks nothing. A request passes over at most PASSING_MAX samples, and says so
 * (ERR_UNAVAILABLE): it goes on when it is sent again. */
#ifndef FASTCGI_PASSING_H
#define FASTCGI_PASSING_H

#include "blob/locate.h"
#include "fastcgi/app.h"
#include "dataset/task.h"

enum {
	PASSING_MAX = 2000,
	PASSING_FETCHED_MAX = 50, /* of those that were asked for in a bucket, each of which takes a while */
};

struct passing {
	size_t passed;  /* so far, in this request, */
	size_t fetched; /* and of those by passing_over */
	size_t ahead;   /* how many samples were looked at the last time, together with one that is missing */
	bool recovered; /* what was passed over earlier has been looked at again */
};

/* Leases the next sample whose image can be read. ERR_NOT_FOUND "Sample not found" when there is none. The caller
 * releases *task, and begins with an empty `passing` in each request. */
int passing_next(struct call *call, struct passing *passing, struct task *task, struct located *file, struct err *err);

/* After serve_fetch said of that sample, too late, that it is missing (err, ERR_NOT_FOUND): passes it over, so that
 * the next one may be asked for; ERR_UNAVAILABLE when it is one too many. Other failures are not the sample's: -1,
 * as they are. */
int passing_over(struct call *call, struct passing *passing, const struct sample *sample, struct err *err);

/* Leases up to `count` samples whose images can be read, as lease_take does. */
int passing_lease(struct call *call, size_t count, struct task *out, size_t *taken, struct err *err);

#endif
