/* One batch of requests for leases in MongoDB, for lease.c, lease_these.c and claim.c. One thread. */
#ifndef DATASET_MONGODB_TAKING_H
#define DATASET_MONGODB_TAKING_H

#include "dataset/mongodb/internal.h"

enum { LEASE_ROUNDS_MAX = 50 };

struct request {
	struct combine_job job;
	const char *user;
	size_t wanted;
	bool next;          /* as for /obtain: the user's own lease again, and a shared one when nothing is free */
	const int64_t *ids; /* of the samples that are wanted; NULL: any */
	struct task *out;
	size_t taken;

	/* an earlier request of the batch for the same user's next sample, which answers this one, too */
	struct request *same;
	bool settled; /* nothing more is tried for it */
	int result;
	struct err err;
};

/* A sample that a request gets if nobody was quicker. */
struct claim {
	struct request *request;
	size_t record;
	char token[DATASET_TOKEN_MAX];
	int64_t expires_at;
};

/* The requests of one batch, and how far they are. */
struct taking {
	struct mongodb_dataset *dataset;
	struct work *work;
	struct combine_job *jobs;
	struct window window;
	struct claim *claims;
	size_t claim_count;
};

static inline struct request *request_of(struct combine_job *job)
{
	return (struct request *)job; /* its first member */
}

static inline size_t lacking(const struct request *request)
{
	return request->settled ? 0 : request->wanted - request->taken;
}

/* Gives the request a lease that it has. */
void lease_give(struct request *request, const struct sample *sample, const char *token, int64_t expires_at);
/* Where the sample's record is; records->count: nowhere. */
size_t records_at(const struct records *records, int64_t id);
/* Appends the samples with these ids. */
int lease_read_these(struct taking *taking, const int64_t *ids, size_t count, struct records *found, struct err *err);
/* Claims the window's record `at` for the request. */
void lease_claim(struct taking *taking, struct request *request, size_t at);
/* Writes the claims, each on condition that its sample is unchanged, and gives out those that hold. */
int lease_execute(struct taking *taking, struct err *err);

/* Settles a request for chosen samples. When another one took a sample first, it is tried again whether it can still
 * be had. */
int lease_serve_chosen(struct taking *taking, struct request *request, struct err *err);
/* Gives the request up to so many samples whose answer is known, from a random place on; at_end as for gold_may_offer.
 * Of what others are quicker to take, less is given. */
int lease_serve_gold(struct taking *taking, struct request *request, size_t wanted, bool at_end, struct err *err);
/* By chance, each of the tasks that the request wants may be one. */
int lease_serve_gold_due(struct taking *taking, struct request *request, struct err *err);
/* Puts the tasks into a random order: the place of a known answer would give it away. */
void lease_shuffle(struct request *request);

#endif
