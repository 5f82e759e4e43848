/* What labels, votes and leases mean: the only place that derives a sample's label, state and offer from what people
 * said of it.
 *
 * Pure: no store, no clock, no state; any thread. Stores load, ask here, and save.
 *
 * A vote is what one person said of a sample, as a task or by /classify; a later vote replaces the same person's
 * earlier one. Votes are kept whatever the overlap is, so that the state depends on them and on the present policy,
 * never on the policy at the time when they were given.
 *
 * A decision is a label, or the lack of one, that is nobody's vote: a seed's, an upload's (its sender says what the
 * image is, and is not asked again), or that of a sample that was skipped for all. The last decision stands until
 * enough votes agree on something, one of them newer than the decision: repeating an old vote changes nothing.
 *
 * Votes are enough when as many people as the policy's overlap have voted. With an overlap of 1 the newest vote is
 * the label, as in the older systems, where each label replaces the one before. Above that the label is what more
 * than half of the voters said; while there is no such majority, one more person is asked, until as many as the
 * policy's overlap_max have voted: then the sample is in review, offered to nobody, until somebody decides, or one
 * more vote makes a majority. A person who passed a sample on ("requeue_for_others") is not asked again and does not
 * count. */
#ifndef DATASET_RULES_H
#define DATASET_RULES_H

#include "dataset/answers.h"
#include "dataset/dataset.h"

enum { RULES_VOTE_LATER = -1 }; /* in place of an event's number (rules_gold.h): wants it after all others */
struct rules_vote {
	const char *user;
	const char *label; /* NULL: passed the sample on for good */
	int64_t n;         /* its event's number among the sample's events, from 1; 0 when it has none */
	int64_t at;
};

struct rules_decision {
	bool made;
	enum sample_state state;
	const char *label; /* "" = none */
	const char *by;    /* "" = nobody */
	int64_t n, at;     /* like a vote's; at is 0 when nobody made it */
};

/* How many people are asked, and how many at most if they do not agree; the latter means nothing for one. */
struct rules_quorum {
	int64_t overlap, most;
};
struct rules_quorum rules_quorum_of(const struct dataset_policy *policy);
bool rules_quorum_differs(const struct dataset_policy *policy, const struct dataset_policy *other);

struct rules_outcome {
	enum sample_state state; /* never SAMPLE_UNREADABLE, which is about the file, and the store's to know */
	const char *label;       /* "" = none; borrowed from the vote or the decision */
	const char *by;          /* who gave it last */
	int64_t at;
	int64_t wanted; /* people still to ask: 0 unless unlabelled, else at least 1 */
	/* somebody has to look: votes differ from each other, and made the label or a tie; or from the known answer */
	bool disputed;
};

/* votes in any order, one for each person. */
struct rules_outcome rules_outcome(const struct rules_vote *votes, size_t count, const struct rules_decision *decision,
                                   struct rules_quorum quorum);

/* Whether an event with this source is a vote. The macro is the same as a list for SQL. */
bool rules_is_vote(const char *source);
#define RULES_VOTE_SOURCES "'task', 'classify'"

/* Whether an event gives a label, as far as statistics count it. Beside other sources than these (the macro is the
 * same for SQL), it needs a user and a label. */
bool rules_gives(const struct label_event *event);
#define RULES_GIVES(source) \
	source " <> 'seed' AND " source " <> 'undo' AND " source " <> 'merge' AND " source " <> 'gold'"

/* "undo" and "merge" are neither. */
bool rules_is_decision(const char *source);

/* The decision that an event makes. */
struct rules_decision rules_decision_of(const struct label_event *event, int64_t n);

/* A sample's label and state follow from its *effective* events: all but those that an "undo" takes back, and each
 * "undo" itself. A "merge" changes earlier events, and cannot be undone on the sample.
 * All functions here take the sample's events in order, so that events[i] has the number i + 1.
 *
 * A decision that there is no label reopens the sample: earlier votes do not count any more, and their users may be
 * asked again. */
enum { RULES_NOTHING = 0 };
/* The number of the event that an undo takes back: the newest effective one of this user (NULL: of anybody).
 * RULES_NOTHING when there is none, or when somebody else has reopened the sample since a user's. */
int64_t rules_to_undo(const struct label_event *events, size_t count, const char *user);
/* The number of the event by which this user says what the sample is: the one that rules_to_undo finds among those
 * that are shown (NULL: all), if it gives a label; else RULES_NOTHING. known: the sample's answer is known
 * (rules_gold.h), so that nobody else ends what the user says. *label: what its label has become since, by merges. */
int64_t rules_says(const struct label_event *events, size_t count, const bool *shown, const char *user, bool known,
                   const char **label);
/* Fills, for each event, whether an undo takes it back. */
void rules_taken_back(const struct label_event *events, size_t count, bool *out);
/* Computes what the effective events say without the event with number `undone` (or RULES_NOTHING). votes has room
 * for count; returns how many there are. Texts belong to the events. noted: a decision known to the store, which
 * counts where no event is one; or none. */
size_t rules_fold(const struct label_event *events, size_t count, int64_t undone, const struct rules_decision *noted,
                  struct rules_vote *votes, struct rules_decision *decision);
/* The same of those events alone that are shown. */
size_t rules_fold_shown(const struct label_event *events, size_t count, const bool *shown, struct rules_vote *votes,
                        struct rules_decision *decision);
/* The same for a sample whose answer is known (rules_gold.h): the last answer that was set is the decision, and what
 * anybody says counts as that person's vote. */
size_t rules_fold_gold(const struct label_event *events, size_t count, int64_t undone, struct rules_vote *votes,
                       struct rules_decision *decision);

/* The decision implied by the sample's state where none is noted: as long as nobody has voted, its label was
 * decided. */
struct rules_decision rules_decision_implied(const struct sample *sample, const struct rules_vote *votes, size_t count);

/* The outcome for the sample, of which `gold` is looked at: then it is what was decided, for nobody else to label. */
struct rules_outcome rules_outcome_for(const struct sample *sample, const struct rules_vote *votes, size_t count,
                                       const struct rules_decision *decision, struct rules_quorum quorum);

/* How many more people may be given the sample now: every live lease takes a place, even a shared one. */
int64_t rules_places(const struct rules_outcome *outcome, int64_t leases);

/* What a sample becomes by its votes, its decision (`made`: one is noted) and the policy; `was` is its label and
 * state so far, who labelled it when, and whether it is disputed. A sample whose file cannot be read is offered to
 * nobody, but may be labelled. */
struct rules_settled {
	struct rules_outcome outcome;
	bool changes;    /* the sample becomes what the outcome says, in a new version */
	bool disputes;   /* it becomes disputed, or is no longer: that alone is no new version */
	bool leases_end; /* it has become something: who still works on it works on what is no more */
	int64_t places;  /* for further people, beside those with `leases` */
};
struct rules_settled rules_settle(const struct sample *was, const struct rules_vote *votes, size_t count,
                                  const struct rules_decision *decision, struct rules_quorum quorum,
                                  int64_t leases);

/* ERR_NOT_FOUND, naming the sample, unless it was found. */
int rules_check_found(int64_t id, bool found, struct err *err);
/* Whether a sample that a user chose may be leased to that user: as one of the queue's, or, if something was said of it
 * already, to correct that, while nobody else does. places: for further people; done: the user has voted on it, passed
 * it on, or holds it; leases: live ones. */
bool rules_may_choose(enum sample_state state, int64_t places, bool done, int64_t leases);

/* --- changes of samples ------------------------------------------------------------------------------------------- */

enum sample_act {
	SAMPLE_LABEL,    /* by a task, with its lease */
	SAMPLE_CLASSIFY, /* by filepath, whether leased or not */
	SAMPLE_SKIP,
	SAMPLE_RELEASE,
	SAMPLE_RENEW,
	SAMPLE_MARK_UNREADABLE,
	SAMPLE_MARK_READABLE,
	SAMPLE_SETTLE,    /* only adapt it to the policy */
	SAMPLE_MARK_GOLD, /* its answer is known: the label, or the sample's own ("") */
	SAMPLE_UNMARK_GOLD,
	SAMPLE_DECIDE, /* directly, without a lease; label "" removes the label */
	SAMPLE_UNDO,
};
/* A request, and its result. */
struct sample_change {
	enum sample_act act;
	int64_t id;           /* of the sample, */
	const char *filepath; /* unless this is given: then every sample with this filepath, */
	const char *base_dir; /* in this folder */
	const char *user, *token, *label;
	const char *request; /* NULL: none */
	int64_t lead_time_ms;
	enum dataset_skip skip;
	bool of_version; /* only for this version of the sample */
	int64_t version;
	bool annotates; /* its user is one of several people who are asked, where several are */
	bool own;       /* takes back only what its user said */
	bool imported;  /* another system says so, */
	bool says_who;  /* that its user did, */
	bool says_when; /* and that it was then: */
	int64_t at;     /* 0: now */

	/* done, now or earlier by the same request, to one sample at least; else there was nothing to change */
	bool accepted;
	int64_t expires_at; /* for a renewed lease */
	struct sample *out; /* gets the sample afterwards, unless NULL */
};
/* What the change finds. Only what rules_asks names must be looked up. */
struct rules_facts {
	bool found; /* the sample exists */
	enum sample_state state;
	int64_t version;
	const char *label; /* the sample's */
	const char *by;    /* who gave it, */
	int64_t at;        /* and when */
	struct rules_quorum quorum;
	bool gold;
	int64_t golds;      /* samples of the dataset whose answer is known */
	bool voted;         /* its user has voted on it, or passed it on */
	bool given;         /* its request has already given the label */
	bool known_label;   /* the dataset has the label */
	bool in_folder;     /* base_dir is the dataset's */
	int64_t lease_ends; /* when the user's lease with that token ends; 0: there is none */
	const struct label_event *events;
	size_t event_count;
	struct rules_decision noted; /* a decision without an event */
	struct rules_vote *room;     /* for event_count votes, to which rules_effect then points */
};
enum rules_fact {
	/* found, state, version, label, by, at, quorum, gold; if that is true, also events, event_count, room */
	RULES_STATE = 1,
	RULES_VOTED = 2,
	RULES_GIVEN = 4,
	RULES_KNOWN_LABEL = 8,
	RULES_IN_FOLDER = 16,
	RULES_LEASE = 32,
	RULES_EVENTS = 64,   /* events (also of a label that came without one), event_count, noted, room */
	RULES_HISTORY = 128, /* events, event_count */
	RULES_GOLDS = 256,
};
unsigned rules_asks(const struct sample_change *change);

/* What to write, in this order, before the sample is settled. */
struct rules_effect {
	bool accepted;
	const char *source; /* of a new event by the change's user; NULL: none */
	const char *label;  /* for the event and the vote */
	int64_t at;         /* of the event */
	/* of the user: for the label; or never to be asked again, or after all others; or what the user said is forgotten */
	enum { RULES_NO_VOTE, RULES_VOTE, RULES_PASS, RULES_LATER, RULES_UNSAY } vote;
	bool of_user; /* the event is that of the user's vote alone: it decides nothing */
	bool to_the_end; /* move the sample to the queue's end */
	enum { RULES_LEASES_STAY, RULES_LEASE_ENDS, RULES_USERS_LEASES_END, RULES_LEASES_END } leases;
	int64_t renewed; /* the lease's new end; 0: unchanged */
	bool sets_state; /* in a new version */
	enum sample_state state;
	bool forgets_votes; /* all votes for labels */
	enum { RULES_GOLD_STAYS, RULES_GOLD_BEGINS, RULES_GOLD_ENDS } gold;
	int64_t undoes;     /* for the event */
	bool replaces_said; /* the sample gets these votes for labels, and this decision: */
	const struct rules_vote *votes;
	size_t vote_count;
	struct rules_decision decision;
	bool settles; /* then call rules_settle */
};
/* lease_us: the length of a lease. ERR_CONFLICT when the lease is lost, the sample has another version, or there is
 * nothing to undo; ERR_UNPROCESSABLE for an unknown label, ERR_NOT_FOUND for an unknown sample, ERR_FORBIDDEN. */
int rules_change(const struct sample_change *change, const struct rules_facts *facts, int64_t now, int64_t lease_us,
                 struct rules_effect *out, struct err *err);

/* Whether what another system says adds nothing: the sample's label, or one that it had once, was given by the same
 * person in the same millisecond (exports tell no finer time). Where the system does not say by whom, anybody's does.
 * Where it does not say when, whenever does for the present label, but an earlier one must have been imported, too, and
 * not by this import, which has its own time: one import may say something twice of a sample. */
bool rules_was_told(const struct sample_change *change, const struct rules_facts *facts);

/* --- seeds, uploads, changes of a dataset ------------------------------------------------------------------------- */

/* Whether the sample gets its seed's label: when it has none, and nobody ever gave or removed one. */
bool rules_takes_seed(enum sample_state state, const char *label, bool any_event);

/* An upload, and what it finds. */
struct rules_upload {
	const struct dataset_image *image;
	bool same_bytes;            /* a sample has the same bytes */
	bool taken;                 /* a sample has the filepath */
	bool removed_key;           /* the image of a removed sample had its key, and may just be being removed */
	bool known_label;           /* the dataset has the label, or none was given */
	int64_t bytes, quota_bytes; /* of the dataset's uploads; 0: no quota */
};
/* *duplicate: the image is there already, and nothing is added. Otherwise the errors of dataset_add_image. */
int rules_upload(const struct rules_upload *upload, const struct dataset_policy *policy, bool *duplicate,
                 struct err *err);

/* The answer to a claim of an idempotency key that was claimed age_us ago (negative if the clock has gone back), by
 * the same request or another. The claim of a process that died is given up after IDEMPOTENCY_CLAIM_SECONDS. */
enum { IDEMPOTENCY_CLAIM_SECONDS = 60 };
enum idempotency rules_claim(bool same_request, bool answered, int64_t age_us);

/* Copies the policy fields that the change names. */
void rules_merge_policy(struct dataset_policy *policy, const struct dataset_change *change);
/* ERR_BAD_REQUEST when fields of the policy contradict each other. */
int rules_check_policy(const struct dataset_policy *policy, struct err *err);
/* ERR_CONFLICT when the dataset's folder is not the one that the change expects. */
int rules_check_base_dir(const struct dataset_change *change, const char *base_dir, struct err *err);

/* --- changes of labels -------------------------------------------------------------------------------------------- */

/* ERR_CONFLICT: another label has the name. holder: the key of the label that has it, -1: none. */
int rules_rename(int64_t key, const char *name, int64_t holder, struct err *err);
/* ERR_UNPROCESSABLE: a label can only merge into another, existing one. */
int rules_merge_labels(int64_t key, int64_t into, bool into_known, struct err *err);
/* ERR_CONFLICT: something has the label. */
struct rules_uses {
	int64_t samples;
	bool votes, decisions;
};
int rules_remove_label(const char *name, const struct rules_uses *uses, struct err *err);

/* ERR_CONFLICT when the label to which an undo leads does not exist any more. */
int rules_check_undone(const char *label, bool removed, struct err *err);

/* The sources of an event by which the label that it names becomes another one, and of one that sets a known answer. */
#define RULES_MERGE "merge"
#define RULES_GOLD "gold"

#endif
