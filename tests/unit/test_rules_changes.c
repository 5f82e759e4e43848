/* What changes of samples, seeds, uploads, a policy and labels mean, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataset/rules.h"

enum { NOW = 1000, LEASE = 100 };

/* A change, what it meets, and what is to come of it. */
struct change_example {
	const char *what;
	struct sample_change change;
	struct rules_facts facts;
	enum err_code refused;
	struct rules_effect effect;
};

#define LABEL .user = "ada", .token = "t", .label = "cat", .lead_time_ms = 7
#define HELD .found = true, .lease_ends = NOW + 1
#define GIVES_LABEL .label = "cat", .vote = RULES_VOTE, .leases = RULES_USERS_LEASES_END, .settles = true, .accepted = true
#define ENDS_LEASE .leases = RULES_LEASE_ENDS, .settles = true, .accepted = true

#define DECIDE(given) {.act = SAMPLE_DECIDE, .user = "ann", .label = given}
#define DECIDABLE {.found = true, .known_label = true, .version = 3, .label = "dog", .by = "", .quorum = {1, 3}}

#define IMPORT(given, who, when, time) \
	{.act = SAMPLE_DECIDE, .user = "ada", .label = given, .imported = true, .says_who = who, .says_when = when, .at = time}
static const struct label_event told[] = {{.label = "cat", .by = "ada", .at = 5000, .source = "label"},
                                          {.label = "dog", .by = "ada", .at = 6000, .source = "import"},
                                          {.label = "bird", .by = "bob", .at = 7000, .source = "label"}};
#define TOLD {.found = true, .known_label = true, .label = "bird", .by = "bob", .at = 7000, .quorum = {1, 3}, .events = told, .event_count = 3}
#define ADDS(given) {.accepted = true, .source = "import", .label = given, .settles = true}

static const struct change_example change_examples[] = {
	{"imported, as it is", IMPORT("bird", false, false, 9000), TOLD, 0, {0}},
	{"imported, as it is, by another", IMPORT("bird", true, false, 9000), TOLD, 0, ADDS("bird")},
	{"imported, as it is, in that millisecond", IMPORT("bird", false, true, 7999), TOLD, 0, {0}},
	{"imported, as it is, in another", IMPORT("bird", false, true, 8000), TOLD, 0, ADDS("bird")},
	{"imported, as it was then", IMPORT("cat", true, true, 5000), TOLD, 0, {0}},
	{"imported, as it was some time", IMPORT("cat", true, false, 9000), TOLD, 0, ADDS("cat")},
	{"imported, as it was imported", IMPORT("dog", false, false, 9000), TOLD, 0, {0}},
	{"imported, as it was imported by that person", IMPORT("dog", true, false, 9000), TOLD, 0, {0}},
	{"imported, as this import said before", IMPORT("dog", false, false, 6000), TOLD, 0, ADDS("dog")},
	{"a label", {.act = SAMPLE_LABEL, LABEL}, {HELD, .known_label = true}, 0, {.source = "task", GIVES_LABEL}},
	{"a label, its lease over", {.act = SAMPLE_LABEL, LABEL}, {.found = true, .lease_ends = NOW, .known_label = true},
	 ERR_CONFLICT, {0}},
	{"a label, no lease", {.act = SAMPLE_LABEL, LABEL}, {.found = true, .known_label = true}, ERR_CONFLICT, {0}},
	{"a label, no sample", {.act = SAMPLE_LABEL, LABEL}, {.lease_ends = NOW + 1, .known_label = true}, ERR_CONFLICT, {0}},
	{"an unknown label", {.act = SAMPLE_LABEL, LABEL}, {HELD}, ERR_UNPROCESSABLE, {0}},
	{"an unknown label, no lease", {.act = SAMPLE_LABEL, LABEL}, {.found = true}, ERR_CONFLICT, {0}},
	{"a label given already", {.act = SAMPLE_LABEL, LABEL}, {.found = true, .given = true}, 0, {.accepted = true}},
	{"classified", {.act = SAMPLE_CLASSIFY, LABEL}, {.found = true, .in_folder = true, .known_label = true}, 0,
	 {.source = "classify", GIVES_LABEL}},
	{"classified once more", {.act = SAMPLE_CLASSIFY, LABEL},
	 {.found = true, .in_folder = true, .known_label = true, .given = true}, 0, {.accepted = true}},
	{"classified elsewhere", {.act = SAMPLE_CLASSIFY, LABEL}, {.found = true, .known_label = true}, 0, {0}},
	{"classified with an unknown label", {.act = SAMPLE_CLASSIFY, LABEL}, {.found = true, .in_folder = true}, 0, {0}},
	{"classified, no sample", {.act = SAMPLE_CLASSIFY, LABEL}, {.in_folder = true, .known_label = true}, 0, {0}},
	{"skipped for me", {.act = SAMPLE_SKIP, .skip = DATASET_SKIP_REQUEUE_FOR_ME}, {HELD}, 0,
	 {.to_the_end = true, ENDS_LEASE}},
	{"skipped for others", {.act = SAMPLE_SKIP, .skip = DATASET_SKIP_REQUEUE_FOR_OTHERS}, {HELD}, 0,
	 {.vote = RULES_PASS, ENDS_LEASE}},
	{"skipped for others, after a vote", {.act = SAMPLE_SKIP, .skip = DATASET_SKIP_REQUEUE_FOR_OTHERS},
	 {HELD, .voted = true}, 0, {ENDS_LEASE}},
	{"skipped for all", {.act = SAMPLE_SKIP, .skip = DATASET_SKIP_IGNORE}, {HELD}, 0,
	 {.source = "skip", .label = "", ENDS_LEASE}},
	{"skipped, no lease", {.act = SAMPLE_SKIP, .skip = DATASET_SKIP_IGNORE}, {.found = true}, ERR_CONFLICT, {0}},
	{"released", {.act = SAMPLE_RELEASE}, {HELD}, 0, {ENDS_LEASE}},
	{"released, no lease", {.act = SAMPLE_RELEASE}, {.found = true}, ERR_CONFLICT, {0}},
	{"renewed", {.act = SAMPLE_RENEW}, {HELD}, 0, {.accepted = true, .renewed = NOW + LEASE}},
	{"renewed, no lease", {.act = SAMPLE_RENEW}, {.found = true}, ERR_CONFLICT, {0}},
	{"unreadable", {.act = SAMPLE_MARK_UNREADABLE}, {.found = true, .state = SAMPLE_UNLABELLED}, 0,
	 {.accepted = true, .sets_state = true, .state = SAMPLE_UNREADABLE, .leases = RULES_LEASES_END, .settles = true}},
	{"unreadable, but labelled", {.act = SAMPLE_MARK_UNREADABLE}, {.found = true, .state = SAMPLE_LABELLED}, 0, {0}},
	{"unreadable, no sample", {.act = SAMPLE_MARK_UNREADABLE}, {.found = false}, 0, {0}},
	{"readable", {.act = SAMPLE_MARK_READABLE}, {.found = true, .state = SAMPLE_UNREADABLE}, 0,
	 {.accepted = true, .sets_state = true, .state = SAMPLE_UNLABELLED, .settles = true}},
	{"readable, as it was", {.act = SAMPLE_MARK_READABLE}, {.found = true, .state = SAMPLE_SKIPPED}, 0, {0}},
	{"settled", {.act = SAMPLE_SETTLE}, {.found = true}, 0, {.accepted = true, .settles = true}},
	{"settled, no sample", {.act = SAMPLE_SETTLE}, {.found = false}, 0, {0}},
	{"decided", DECIDE("cat"), DECIDABLE, 0, {.accepted = true, .source = "label", .label = "cat", .settles = true}},
	{"taken away", DECIDE(""), {.found = true, .label = "cat", .quorum = {1, 3}}, 0,
         {.accepted = true, .source = "label", .label = "", .forgets_votes = true, .settles = true}},
	{"decided, unknown label", DECIDE("cow"), {.found = true, .label = "", .quorum = {1, 3}}, ERR_UNPROCESSABLE, {0}},
	{"decided, no sample", DECIDE("cat"), {.known_label = true, .label = "", .quorum = {1, 3}}, ERR_NOT_FOUND, {0}},
	{"decided, that version", {.act = SAMPLE_DECIDE, .user = "ann", .label = "cat", .of_version = true, .version = 3},
         DECIDABLE, 0, {.accepted = true, .source = "label", .label = "cat", .settles = true}},
	{"decided, another version", {.act = SAMPLE_DECIDE, .user = "ann", .label = "cat", .of_version = true, .version = 2},
         DECIDABLE, ERR_CONFLICT, {0}},
	{"decided by one of several", {.act = SAMPLE_DECIDE, .user = "ann", .label = "cat", .annotates = true},
         {.found = true, .known_label = true, .label = "", .quorum = {2, 4}}, ERR_FORBIDDEN, {0}},
	{"decided by who is asked alone", {.act = SAMPLE_DECIDE, .user = "ann", .label = "cat", .annotates = true},
         DECIDABLE, 0, {.accepted = true, .source = "label", .label = "cat", .settles = true}},
	{"decided again by the same request", {.act = SAMPLE_DECIDE, .user = "ann", .label = "cat", .request = "r"},
         {.found = true, .given = true, .label = "", .quorum = {2, 4}}, 0, {.accepted = true}},
	{"undone, nothing there", {.act = SAMPLE_UNDO, .user = "ann"}, DECIDABLE, ERR_CONFLICT, {0}},
	{"undone, no sample", {.act = SAMPLE_UNDO, .user = "ann"}, {.label = "", .quorum = {1, 3}}, ERR_NOT_FOUND, {0}},
	{"undone again by the same request", {.act = SAMPLE_UNDO, .user = "ann", .request = "r"},
         {.found = true, .given = true, .label = "", .quorum = {1, 3}}, 0, {.accepted = true}},
};

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_effect(const struct rules_effect *a, const struct rules_effect *b)
{
	bool state = a->sets_state == b->sets_state && (!a->sets_state || a->state == b->state);

	return a->accepted == b->accepted && same_text(a->source, b->source) && same_text(a->label, b->label) &&
	       a->vote == b->vote && a->forgets_votes == b->forgets_votes && a->to_the_end == b->to_the_end && a->leases == b->leases && a->renewed == b->renewed &&
	       state && a->settles == b->settles;
}

static void a_change_has_the_effect_that_what_it_meets_allows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(change_examples) / sizeof(*change_examples); i++) {
		const struct change_example *example = &change_examples[i];
		struct rules_effect effect;
		struct err err = {0};
		int failed = rules_change(&example->change, &example->facts, NOW, LEASE, &effect, &err);

		if (!failed != !example->refused || err.code != example->refused)
			fail_msg("%s: gives %d, code %d", example->what, failed, (int)err.code);
		if (!failed && !same_effect(&effect, &example->effect))
			fail_msg("%s: has another effect", example->what);
	}
}

/* Whatever a change asks for decides; what it does not ask for need not be looked up. */
static void a_change_is_decided_by_what_it_asks_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(change_examples) / sizeof(*change_examples); i++) {
		struct sample_change change = change_examples[i].change;
		struct rules_facts facts = change_examples[i].facts;
		struct rules_effect asked_for, all;
		struct err err = {0}, other = {0};

		if (facts.given)
			change.request = "r";
		unsigned asks = rules_asks(&change);
		int failed = rules_change(&change, &facts, NOW, LEASE, &all, &err);
		facts.state = asks & RULES_STATE ? facts.state : SAMPLE_SKIPPED;
		facts.version = asks & RULES_STATE ? facts.version : -1;
		facts.label = asks & RULES_STATE ? facts.label : "?";
		facts.by = asks & RULES_STATE ? facts.by : "?";
		facts.at = asks & RULES_STATE ? facts.at : -1;
		facts.event_count = asks & (RULES_EVENTS | RULES_HISTORY) ? facts.event_count : 0;
		facts.quorum.overlap = asks & RULES_STATE ? facts.quorum.overlap : 9;
		facts.gold = asks & RULES_STATE ? facts.gold : true;
		facts.voted = asks & RULES_VOTED ? facts.voted : !facts.voted;
		facts.given = asks & RULES_GIVEN ? facts.given : false;
		facts.known_label = asks & RULES_KNOWN_LABEL ? facts.known_label : !facts.known_label;
		facts.in_folder = asks & RULES_IN_FOLDER ? facts.in_folder : !facts.in_folder;
		facts.lease_ends = asks & RULES_LEASE ? facts.lease_ends : NOW + 2 - facts.lease_ends;
		assert_int_equal(rules_change(&change, &facts, NOW, LEASE, &asked_for, &other), failed);
		assert_int_equal(other.code, err.code);
		assert_true(failed || same_effect(&asked_for, &all));
	}
}

static void a_sample_that_cannot_be_read_is_offered_to_nobody_but_takes_a_label(void **state)
{
	struct sample was = {.label = (char[]){""}, .labelled_by = (char[]){""}, .state = SAMPLE_UNREADABLE};
	const struct rules_vote vote = {"ada", "cat", 1, 5};
	const struct rules_decision none = {.made = false};

	(void)state;
	struct rules_settled settled = rules_settle(&was, NULL, 0, &none, (struct rules_quorum){2, 5}, 0);
	assert_false(settled.changes);
	assert_int_equal(settled.places, 0);
	settled = rules_settle(&was, &vote, 1, &none, (struct rules_quorum){1, 5}, 0);
	assert_true(settled.changes);
	assert_int_equal(settled.outcome.state, SAMPLE_LABELLED);
	assert_int_equal(settled.places, 0);
}

static void a_sample_that_is_as_it_is_to_be_does_not_change(void **state)
{
	struct sample was = {
		.label = (char[]){"cat"}, .labelled_by = (char[]){"ada"}, .labelled_at = 5, .state = SAMPLE_LABELLED};
	struct sample open = {.label = (char[]){""}, .labelled_by = (char[]){""}, .state = SAMPLE_UNLABELLED};
	const struct rules_vote same = {"ada", "cat", 1, 5}, later = {"ada", "cat", 2, 6};
	const struct rules_decision none = {.made = false};

	(void)state;
	assert_false(rules_settle(&was, &same, 1, &none, (struct rules_quorum){1, 5}, 0).changes);
	assert_true(rules_settle(&was, &later, 1, &none, (struct rules_quorum){1, 5}, 0).changes);
	assert_false(rules_settle(&was, NULL, 0, &none, (struct rules_quorum){1, 5}, 0).changes); /* it was decided */
	assert_false(rules_settle(&open, NULL, 0, &none, (struct rules_quorum){3, 5}, 1).changes);
	assert_int_equal(rules_settle(&open, NULL, 0, &none, (struct rules_quorum){3, 5}, 1).places, 2);
}

/* --- seeds, uploads, changes of a dataset -------------------------------------------------------------------------- */

static void only_an_untouched_sample_takes_its_seeds_label(void **state)
{
	(void)state;
	assert_true(rules_takes_seed(SAMPLE_UNLABELLED, "", false));
	assert_true(rules_takes_seed(SAMPLE_UNREADABLE, "", false));
	assert_false(rules_takes_seed(SAMPLE_UNLABELLED, "", true));
	assert_false(rules_takes_seed(SAMPLE_SKIPPED, "", false));
	assert_false(rules_takes_seed(SAMPLE_LABELLED, "cat", false));
}

static void an_upload_is_checked_in_one_order(void **state)
{
	static const enum err_code codes[] = {ERR_CONFLICT, ERR_NONE, ERR_CONFLICT, ERR_UNPROCESSABLE, ERR_NO_SPACE};
	static const char *const texts[] = {"became private", "", "is at a.png", "no label fish", "quota of 9 bytes"};
	struct dataset_policy policy = dataset_policy_default();

	(void)state;
	for (unsigned set = 0; set < 1U << 5; set++) {
		struct dataset_image image = {.filepath = "a.png", .label = "fish", .bytes = 10, .is_public = set & 1};
		struct rules_upload upload = {.image = &image, .same_bytes = set & 2, .taken = set & 4, .known_label = !(set & 8),
		                              .bytes = 0, .quota_bytes = set & 16 ? 9 : 10};
		unsigned first = set ? (unsigned)__builtin_ctz(set) : 1;
		struct err err = {0};
		bool duplicate;
		int failed = rules_upload(&upload, &policy, &duplicate, &err);

		assert_int_equal(!failed, !codes[first]);
		assert_int_equal(err.code, codes[first]);
		assert_non_null(strstr(err.text, texts[first]));
		assert_true(failed || duplicate == (set != 0));
	}
}

static void a_claim_is_told_what_became_of_the_first_one(void **state)
{
	const int64_t second = 1000000, day = IDEMPOTENCY_SECONDS * second, minute = 60 * second;

	(void)state;
	assert_int_equal(rules_claim(true, false, minute - 1), IDEMPOTENCY_BUSY);
	assert_int_equal(rules_claim(true, false, minute), IDEMPOTENCY_NEW);
	assert_int_equal(rules_claim(true, false, 1 - minute), IDEMPOTENCY_BUSY);
	assert_int_equal(rules_claim(true, false, -minute), IDEMPOTENCY_NEW);
	assert_int_equal(rules_claim(true, true, 0), IDEMPOTENCY_DONE);
	assert_int_equal(rules_claim(true, true, day), IDEMPOTENCY_DONE);
	assert_int_equal(rules_claim(true, true, day + 1), IDEMPOTENCY_NEW);
	assert_int_equal(rules_claim(false, true, day), IDEMPOTENCY_OTHER);
	assert_int_equal(rules_claim(false, false, 0), IDEMPOTENCY_OTHER);
	assert_int_equal(rules_claim(false, false, minute), IDEMPOTENCY_OTHER);
	assert_int_equal(rules_claim(false, true, day + 1), IDEMPOTENCY_NEW);
}

static void a_change_of_the_policy_is_of_what_it_names(void **state)
{
	struct dataset_change change = {.policy = {.overlap = 5, .overlap_max = 7, .gold_rate = 8, .lease_seconds = 6, .order = DATASET_ORDER_RANDOM,
	                                           .skip = DATASET_SKIP_IGNORE, .public_images = true}};

	(void)state;
	for (change.fields = 0; change.fields <= DATASET_POLICY_ALL; change.fields++) {
		struct dataset_policy policy = dataset_policy_default(), was = policy;

		rules_merge_policy(&policy, &change);
		assert_int_equal(policy.overlap, change.fields & DATASET_POLICY_OVERLAP ? 5 : was.overlap);
		assert_int_equal(policy.gold_rate, change.fields & DATASET_POLICY_GOLD_RATE ? 8 : was.gold_rate);
		assert_int_equal(policy.overlap_max, change.fields & DATASET_POLICY_OVERLAP_MAX ? 7 : was.overlap_max);
		assert_int_equal(policy.lease_seconds, change.fields & DATASET_POLICY_LEASE_SECONDS ? 6 : was.lease_seconds);
		assert_int_equal(policy.order, change.fields & DATASET_POLICY_ORDER ? DATASET_ORDER_RANDOM : was.order);
		assert_int_equal(policy.skip, change.fields & DATASET_POLICY_SKIP ? DATASET_SKIP_IGNORE : was.skip);
		assert_int_equal(policy.public_images, (change.fields & DATASET_POLICY_PUBLIC) != 0);
	}
}

/* --- labels -------------------------------------------------------------------------------------------------------- */

static void a_label_gets_no_name_that_another_has(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(rules_rename(3, "cat", -1, &err), 0);
	assert_int_equal(rules_rename(3, "cat", 3, &err), 0);
	assert_int_not_equal(rules_rename(3, "cat", 0, &err), 0);
	assert_int_equal(err.code, ERR_CONFLICT);
}

static void a_label_merges_into_another_one_that_is_there(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(rules_merge_labels(0, 1, true, &err), 0);
	assert_int_not_equal(rules_merge_labels(1, 1, true, &err), 0);
	assert_int_equal(err.code, ERR_UNPROCESSABLE);
	assert_int_not_equal(rules_merge_labels(0, 1, false, &err), 0);
	assert_int_equal(err.code, ERR_UNPROCESSABLE);
}

static void a_label_is_removed_only_when_nothing_has_it(void **state)
{
	static const struct rules_uses used[] = {{.samples = 1}, {.votes = true}, {.decisions = true}};
	struct err err;

	(void)state;
	assert_int_equal(rules_remove_label("cat", &(struct rules_uses){0}, &err), 0);
	for (size_t i = 0; i < sizeof(used) / sizeof(*used); i++) {
		assert_int_not_equal(rules_remove_label("cat", &used[i], &err), 0);
		assert_int_equal(err.code, ERR_CONFLICT);
		assert_non_null(strstr(err.text, "cat"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_has_the_effect_that_what_it_meets_allows),
		cmocka_unit_test(a_change_is_decided_by_what_it_asks_for),
		cmocka_unit_test(a_sample_that_cannot_be_read_is_offered_to_nobody_but_takes_a_label),
		cmocka_unit_test(a_sample_that_is_as_it_is_to_be_does_not_change),
		cmocka_unit_test(only_an_untouched_sample_takes_its_seeds_label),
		cmocka_unit_test(an_upload_is_checked_in_one_order),
		cmocka_unit_test(a_claim_is_told_what_became_of_the_first_one),
		cmocka_unit_test(a_change_of_the_policy_is_of_what_it_names),
		cmocka_unit_test(a_label_gets_no_name_that_another_has),
		cmocka_unit_test(a_label_merges_into_another_one_that_is_there),
		cmocka_unit_test(a_label_is_removed_only_when_nothing_has_it),
	};

	return cmocka_run_group_tests_name("rules of changes", tests, NULL, NULL);
}
