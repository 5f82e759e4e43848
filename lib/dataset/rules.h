/* What labels, votes and leases mean: the one place where a sample's label, state and offer are made of what was
 * said of it.
 *
 * Pure: no store, no clock, nothing kept; any thread. Stores load, ask here, and save.
 *
 * A vote is what one person said of a sample, as a task or by /classify; one that comes later takes the place of
 * that person's own earlier one. Votes are kept whatever the overlap is, so that the state depends on them and on
 * the policy, and never on which policy held when they were given.
 *
 * A decision is a label, or the lack of one, that is nobody's vote: a seed's, an upload's (its sender names what
 * the image is, and is not asked again), a sample that was skipped for all. The last one stands until votes that
 * are enough, and of which one is newer than it, agree on something: somebody who says the same once more takes
 * nothing away.
 *
 * Votes are enough when as many people as the policy's overlap have voted. With an overlap of 1 the newest vote is
 * the label, as in the older systems, where each label replaces the one before it. Above that it is what more than
 * half of the voters said; while there is no such majority, one more person is asked. Who passed a sample on
 * ("requeue_for_others") is not asked again and does not count. */
#ifndef DATASET_RULES_H
#define DATASET_RULES_H

#include "dataset/dataset.h"

struct rules_vote {
	const char *user;
	const char *label; /* NULL: passed the sample on for good */
	int64_t n;         /* the number of its event among the sample's, from 1; 0 when it has none */
	int64_t at;
};

struct rules_decision {
	bool made;
	enum sample_state state;
	const char *label; /* "" = none */
	const char *by;    /* "" = nobody */
	int64_t n, at;     /* as a vote's; at is 0 when nobody made it */
};

struct rules_outcome {
	enum sample_state state; /* SAMPLE_UNREADABLE never: that is of the file, and the store's to know */
	const char *label;       /* "" = none; of the vote or the decision, as is */
	const char *by;          /* whoever said so last */
	int64_t at;
	int64_t wanted; /* people still to be asked: 0 unless unlabelled, else at least 1 */
};

/* votes in any order, one a person. */
struct rules_outcome rules_outcome(const struct rules_vote *votes, size_t count, const struct rules_decision *decision,
                                   int64_t overlap);

/* Is an event of this source a vote? Else it is a decision. The same as a list for SQL. */
bool rules_is_vote(const char *source);
#define RULES_VOTE_SOURCES "'task', 'classify'"

/* The decision that an event, which is no vote, makes. */
struct rules_decision rules_decision_of(const struct label_event *event, int64_t n);

/* The decision that the sample's state is evidence of where none is noted: nobody has voted, so what it has was
 * decided. */
struct rules_decision rules_decision_implied(const struct sample *sample, const struct rules_vote *votes, size_t count);

/* How many more people may be given the sample now: every live lease takes a place, a shared one, too. */
int64_t rules_places(const struct rules_outcome *outcome, int64_t leases);

/* The policy with the fields that the change names. */
void rules_merge_policy(struct dataset_policy *policy, const struct dataset_change *change);
/* ERR_CONFLICT when the dataset's folder is not the one that the change expects. */
int rules_check_base_dir(const struct dataset_change *change, const char *base_dir, struct err *err);
/* ERR_CONFLICT when the dataset is not as public as the image is stored. */
int rules_check_public(const struct dataset_image *image, const struct dataset_policy *policy, struct err *err);

#endif
