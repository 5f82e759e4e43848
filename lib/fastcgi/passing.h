/* Leases the next samples whose images can be read, and passes over those whose can't. One request, one thread.
 *
 * A sample is marked only if its image alone is proven unreadable (images_locate's ERR_NOT_FOUND); any other failure
 * is the store's, ends the request (503) and marks nothing. A request passes over at most PASSING_MAX samples, then
 * says so (ERR_UNAVAILABLE); sent again, it goes on. */
#ifndef FASTCGI_PASSING_H
#define FASTCGI_PASSING_H

#include "dataset/task.h"
#include "fastcgi/app.h"
#include "fastcgi/images.h"

enum {
	PASSING_MAX = 2000,
	PASSING_FETCHED_MAX = 50, /* of those that were looked for in a bucket, each of which takes a while */
};

struct passing {
	struct call *call;
	struct images images;      /* known after call_place */
	const char *user;          /* gets the leases */
	struct recovery *recovery; /* is asked, and notified */
	size_t passed;             /* how many so far in this request, */
	size_t fetched;            /* and how many of them by passing_over */
	size_t ahead;              /* how many samples were looked at last time together with a missing one */
	bool recovered;            /* the samples passed over earlier were looked at again */
};

/* For one request; borrows from call. */
struct passing passing_begin(struct call *call);

/* Leases the next sample whose image can be read (call_place before). ERR_NOT_FOUND "Sample not found" when there is
 * none. The caller releases *task. */
int passing_next(struct passing *passing, struct task *task, struct located *file, struct err *err);

/* Call it after images_fetch has failed for a leased sample (err): passes the sample over if its image is missing
 * (ERR_NOT_FOUND), so that the next one can be leased; ERR_UNAVAILABLE when it is one too many. Any other failure is
 * not the sample's: non-zero, and err stays as it is. */
int passing_over(struct passing *passing, const struct sample *sample, struct err *err);

/* Leases up to `count` samples whose images can be read, as lease_take does. */
int passing_lease(struct passing *passing, size_t count, struct task *out, size_t *taken, struct err *err);

/* Leases those of the samples that can be had, as lease_take_chosen does, and whose images can be read. */
int passing_lease_chosen(struct passing *passing, const int64_t *ids, size_t count, struct task *out, size_t *taken,
                         struct err *err);

#endif
