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

#include "dataset/answers.h"
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
	const char *by;          /* who said so last */
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

/* What the votes, the decision (made: one is noted) and the policy make of a sample, of which label, state, and who
 * gave it when are as they were. A file that cannot be read is offered to nobody, but may be labelled. What is
 * decided is in nobody's hands any more: unless the sample is unlabelled then, its leases end. */
struct rules_settled {
	struct rules_outcome outcome;
	bool changes;   /* the sample becomes what the outcome says, which is a version more */
	int64_t places; /* for more people beside those `leases` */
};
struct rules_settled rules_settle(const struct sample *was, const struct rules_vote *votes, size_t count,
                                  const struct rules_decision *decision, int64_t overlap, int64_t leases);

/* --- changes of samples ------------------------------------------------------------------------------------------- */

enum sample_act {
	SAMPLE_LABEL,    /* as a task, with its lease */
	SAMPLE_CLASSIFY, /* by its filepath, whether leased or not */
	SAMPLE_SKIP,
	SAMPLE_RELEASE,
	SAMPLE_RENEW,
	SAMPLE_MARK_UNREADABLE,
	SAMPLE_MARK_READABLE,
	SAMPLE_SETTLE, /* brought in line with the policy, which is all */
};
/* What is asked, and the answer. */
struct sample_change {
	enum sample_act act;
	int64_t id;           /* of the sample, */
	const char *filepath; /* unless it is named by this: then it is each of that filepath, */
	const char *base_dir; /* in this folder */
	const char *user, *token, *label;
	const char *request; /* NULL: none */
	int64_t lead_time_ms;
	enum dataset_skip skip;

	bool accepted;      /* it was done, or had been by the same request; else there was nothing to do it to */
	int64_t expires_at; /* of a lease that was renewed */
	struct sample *out; /* unless NULL: the sample afterwards */
};
/* What the change meets. Only what its act asks for need be looked up (rules_asks). */
struct rules_facts {
	bool found; /* there is such a sample */
	enum sample_state state;
	bool voted;         /* its user has said something of it, or passed it on */
	bool given;         /* its request has given the label already */
	bool known_label;   /* the label is one of the dataset's */
	bool in_folder;     /* base_dir is the dataset's */
	int64_t lease_ends; /* when the user's lease with that token ends; 0: there is none */
};
enum rules_fact {
	RULES_STATE = 1,
	RULES_VOTED = 2,
	RULES_GIVEN = 4,
	RULES_KNOWN_LABEL = 8,
	RULES_IN_FOLDER = 16,
	RULES_LEASE = 32,
};
unsigned rules_asks(const struct sample_change *change);

/* What is to be written, in this order, before the sample is settled. */
struct rules_effect {
	bool accepted;
	const char *source; /* of an event by the change's user, now; NULL: none */
	const char *label;  /* the event's, and the vote's */
	enum { RULES_NO_VOTE, RULES_VOTE, RULES_PASS } vote; /* the user's: for the label; for not to be asked again */
	bool to_the_end; /* of the queue */
	enum { RULES_LEASES_STAY, RULES_LEASE_ENDS, RULES_USERS_LEASES_END, RULES_LEASES_END } leases;
	int64_t renewed; /* until when the lease lives now; 0: as before */
	bool sets_state; /* a version more */
	enum sample_state state;
	bool settles; /* what follows is to be found out by rules_settle */
};
/* lease_us: how long a lease lives. ERR_CONFLICT where the lease is lost, ERR_UNPROCESSABLE for an unknown label. */
int rules_change(const struct sample_change *change, const struct rules_facts *facts, int64_t now, int64_t lease_us,
                 struct rules_effect *out, struct err *err);

/* --- seeds, uploads, changes of a dataset ------------------------------------------------------------------------- */

/* Does the sample take its seed's label? When it has none, and nobody ever gave or took one. */
bool rules_takes_seed(enum sample_state state, const char *label, bool any_event);

/* An upload, and what it meets. */
struct rules_upload {
	const struct dataset_image *image;
	bool same_bytes;            /* a sample has them */
	bool taken;                 /* a sample has the filepath */
	bool known_label;           /* or it comes with none */
	int64_t bytes, quota_bytes; /* of the dataset's uploads; 0: no quota */
};
/* *duplicate: it is there already, and nothing is added. Else the errors of dataset_add_image. */
int rules_upload(const struct rules_upload *upload, const struct dataset_policy *policy, bool *duplicate,
                 struct err *err);

/* What the claim of an idempotency key is answered where one was made age_us ago (below 0 where the clock has gone
 * back), by the same request or another. A claim whose process died is given up after IDEMPOTENCY_CLAIM_SECONDS. */
enum { IDEMPOTENCY_CLAIM_SECONDS = 60 };
enum idempotency rules_claim(bool same_request, bool answered, int64_t age_us);

/* The policy with the fields that the change names. */
void rules_merge_policy(struct dataset_policy *policy, const struct dataset_change *change);
/* ERR_CONFLICT when the dataset's folder is not the one that the change expects. */
int rules_check_base_dir(const struct dataset_change *change, const char *base_dir, struct err *err);

#endif
