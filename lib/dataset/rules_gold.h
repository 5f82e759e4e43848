/* Gold: samples whose answer is known, mixed in with others to score the people who label.
 *
 * Such a sample has its known answer as its label, whatever people say. Everybody is asked, and each person's newest
 * answer is a vote: by a task, by /classify, or directly. Nobody who is asked may notice: to each person the sample
 * looks as if it were one of those that are asked of as many as the policy says, that person among them. So others'
 * answers are shown only as far as they would leave the sample open, or complete it after one's own.
 *
 * Pure, as rules.h. */
#ifndef DATASET_RULES_GOLD_H
#define DATASET_RULES_GOLD_H

#include "dataset/rules.h"

/* What the user sees of the sample. Texts belong to the events. shown (room for count): which of its events. */
struct gold_seen {
	enum sample_state state;
	const char *label; /* "" = none */
	const char *by;    /* "" = nobody */
	int64_t at, version;
	bool disputed;
};
struct gold_seen gold_see(const struct label_event *events, size_t count, const char *user, struct rules_quorum quorum,
                          bool *shown);

/* What a user has to do with a sample, by that user's vote (label NULL: passed on). */
enum gold_answer { GOLD_OPEN, GOLD_LATER, GOLD_DONE };
enum gold_answer gold_answer_of(bool any, const char *label, int64_t n);
/* Whether the user may be given it now. at_end: nothing else is left for the user; leases: live ones, of which the
 * user has none. */
bool gold_may_offer(enum gold_answer answer, bool at_end, int64_t leases, struct rules_quorum quorum);
/* The same if the user asks for this very sample (rules_may_choose): to answer, or to correct the answer.
 * done: the user has voted on it, passed it on, or holds it; answered: voted. */
bool gold_may_choose(bool done, bool answered, int64_t leases, struct rules_quorum quorum);
/* Whether it is a known answer's turn; random: evenly from 0 to 99. */
bool gold_is_due(const struct dataset_policy *policy, uint32_t random);

/* The changes of a sample that is one, or becomes one, or is one no longer. For rules.c; as rules_change. */
int gold_decide(const struct sample_change *change, const struct rules_facts *facts, struct rules_effect *out);
int gold_undo(const struct sample_change *change, const struct rules_facts *facts, struct rules_effect *out,
              struct err *err);
struct rules_effect gold_pass_over(const struct sample_change *change, const struct rules_facts *facts);
int gold_mark(const struct sample_change *change, const struct rules_facts *facts, int64_t now,
              struct rules_effect *out, struct err *err);
void gold_unmark(const struct sample_change *change, const struct rules_facts *facts, int64_t now,
                 struct rules_effect *out);

#endif
