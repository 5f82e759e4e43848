/* Contract: samples of which people say different things are found until somebody decides; and what each person says. */
#include "fixture.h"

#include <string.h>

#include "dataset/gold.h"
#include "dataset/history.h"
#include "dataset/move.h"
#include "saying.h"

static const struct correction cleo = {.user = "cleo"};

static void say(struct dataset *dataset, const char *user, int id, const char *label)
{
	bool accepted;

	must(dataset_label_path(dataset, user, "/pictures", picture(id), label, &accepted, &failure));
	assert_true(accepted);
}

/* "0 2 3": the ids that a filter finds, for this user or (NULL) as they are. */
static const char *found(struct dataset *dataset, const char *user, const struct sample_filter *filter)
{
	static char text[256];
	struct gold_view view = {.count = 0};
	struct sample_page page = {.after = -1, .limit = 100};
	size_t used = 0;

	if (user)
		must(gold_view_load(dataset, user, &view, &failure));
	must(gold_view_page(dataset, &view, filter, &page, &failure));
	text[0] = '\0';
	for (size_t i = 0; i < page.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%lld", i ? " " : "", (long long)page.item[i].id);
	sample_page_release(&page);
	gold_view_release(&view);
	return text;
}

static const char *disputed(struct dataset *dataset)
{
	return found(dataset, NULL, &(struct sample_filter){.disputed = SAMPLE_WITH});
}

static void it_is_disputed_while_a_majority_outvotes_somebody_or_there_is_none(void **state)
{
	struct dataset_policy policy = {.overlap = 2, .overlap_max = 3};
	struct dataset *dataset = make_dataset(*state, "disputed", &policy);

	add_pictures(dataset, 5);
	for (int id = 0; id < 4; id++)
		say(dataset, "ada", id, "cat");
	say(dataset, "bob", 0, "cat");
	say(dataset, "bob", 1, "dog"); /* one more is asked: not yet */
	say(dataset, "bob", 2, "dog");
	say(dataset, "bob", 3, "dog");
	assert_string_equal(disputed(dataset), "");
	say(dataset, "cyd", 2, "dog");
	say(dataset, "cyd", 3, "bird");
	assert_sample(dataset, 2, "dog", SAMPLE_LABELLED);
	assert_sample(dataset, 3, "", SAMPLE_REVIEW);
	assert_string_equal(disputed(dataset), "2 3");
	assert_string_equal(found(dataset, NULL, &(struct sample_filter){.disputed = SAMPLE_WITHOUT}), "0 1 4");
	assert_string_equal(found(dataset, NULL, &(struct sample_filter){.disputed = SAMPLE_WITH, .label = "dog"}), "2");
	dataset_close(dataset);
}

static void whoever_comes_later_makes_or_ends_a_dispute_without_a_new_version(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 1);

	say(dataset, "ada", 0, "cat");
	say(dataset, "bob", 0, "cat");
	int64_t version = version_of(dataset, 0);
	say(dataset, "cyd", 0, "dog");
	assert_string_equal(disputed(dataset), "0");
	assert_int_equal(version_of(dataset, 0), version);
	say(dataset, "cyd", 0, "cat");
	assert_string_equal(disputed(dataset), "");
	dataset_close(dataset);
}

static void a_decision_ends_it_also_one_for_the_same_label_and_undoing_that_brings_it_back(void **state)
{
	struct dataset *dataset = surveyed(*state, 1, 2);

	say(dataset, "ada", 0, "cat");
	say(dataset, "bob", 0, "dog");
	assert_string_equal(disputed(dataset), "0");
	decide(dataset, 0, "dog", &cleo);
	assert_string_equal(disputed(dataset), "");
	undo(dataset, 0, &cleo);
	assert_string_equal(disputed(dataset), "0");
	decide(dataset, 0, "", &cleo);
	assert_string_equal(disputed(dataset), "");
	dataset_close(dataset);
}

static void it_follows_the_policy(void **state)
{
	struct dataset_policy policy = {.overlap = 3, .overlap_max = 3};
	struct dataset *dataset = make_dataset(*state, "policies", &policy);

	add_pictures(dataset, 1);
	say(dataset, "ada", 0, "cat");
	say(dataset, "bob", 0, "dog");
	assert_string_equal(disputed(dataset), "");
	policy.overlap = 2;
	policy.overlap_max = 2;
	set_policy(dataset, &policy);
	assert_string_equal(disputed(dataset), "0");
	dataset_close(dataset);
}

static void who_misses_a_known_answer_disputes_it_and_who_is_asked_finds_neither(void **state)
{
	static const struct sample_filter golds = {.gold = SAMPLE_WITH}, others = {.gold = SAMPLE_WITHOUT},
					  missed = {.gold = SAMPLE_WITH, .disputed = SAMPLE_WITH},
					  in_dispute = {.disputed = SAMPLE_WITH};
	struct dataset *dataset = surveyed(*state, 1, 3);
	struct sample sample;

	for (int id = 0; id < 2; id++) {
		must(sample_mark_gold(dataset, id, "cat", &cleo, &sample, &failure));
		sample_release(&sample);
	}
	say(dataset, "ada", 0, "dog");
	say(dataset, "ada", 1, "cat");
	assert_string_equal(found(dataset, NULL, &golds), "0 1");
	assert_string_equal(found(dataset, NULL, &missed), "0");
	assert_string_equal(found(dataset, "ada", &golds), "");
	assert_string_equal(found(dataset, "ada", &others), "0 1 2");
	assert_string_equal(found(dataset, "ada", &in_dispute), "");
	must(sample_mark_gold(dataset, 0, "dog", &cleo, &sample, &failure));
	sample_release(&sample);
	assert_string_equal(found(dataset, NULL, &missed), "");
	dataset_close(dataset);
}

/* "cat ada, dog bob": what each says now. */
static const char *votes(struct dataset *dataset, int64_t id, const char *user)
{
	static char text[256];
	struct history history;
	struct sample sample;
	size_t used = 0;

	must(dataset_sample(dataset, id, &sample, &failure));
	must(history_load(dataset, &sample, user, &history, &failure));
	text[0] = '\0';
	for (size_t i = 0; i < history.vote_count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s", i ? ", " : "", history.votes[i].label,
		                         history.votes[i].user);
	history_release(&history);
	sample_release(&sample);
	return text;
}

static void a_history_says_what_counts_and_what_was_taken_back(void **state)
{
	struct dataset *dataset = surveyed(*state, 3, 1);
	struct history history;
	struct sample sample;

	say(dataset, "ada", 0, "cat");
	say(dataset, "bob", 0, "dog");
	say(dataset, "ada", 0, "bird");
	assert_string_equal(votes(dataset, 0, NULL), "bird ada, dog bob");
	undo(dataset, 0, &cleo);
	assert_string_equal(votes(dataset, 0, NULL), "cat ada, dog bob");
	must(dataset_sample(dataset, 0, &sample, &failure));
	must(history_load(dataset, &sample, NULL, &history, &failure));
	assert_int_equal(history.events.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(history.taken_back[i], i == 2);
	history_release(&history);
	sample_release(&sample);
	decide(dataset, 0, "", &cleo);
	assert_string_equal(votes(dataset, 0, NULL), "");
	refused(history_load(dataset, &(struct sample){.id = 7}, NULL, &history, &failure), ERR_NOT_FOUND);
	history_release(&history);
	dataset_close(dataset);
}

static void of_a_known_answer_who_is_asked_sees_only_their_own(void **state)
{
	struct dataset *dataset = surveyed(*state, 1, 1);
	struct sample sample;

	must(sample_mark_gold(dataset, 0, "cat", &cleo, &sample, &failure));
	sample_release(&sample);
	say(dataset, "ada", 0, "dog");
	say(dataset, "bob", 0, "cat");
	assert_string_equal(votes(dataset, 0, NULL), "dog ada, cat bob");
	assert_string_equal(votes(dataset, 0, "ada"), "dog ada");
	dataset_close(dataset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(it_is_disputed_while_a_majority_outvotes_somebody_or_there_is_none),
		STORE_TEST(whoever_comes_later_makes_or_ends_a_dispute_without_a_new_version),
		STORE_TEST(a_decision_ends_it_also_one_for_the_same_label_and_undoing_that_brings_it_back),
		STORE_TEST(it_follows_the_policy),
		STORE_TEST(who_misses_a_known_answer_disputes_it_and_who_is_asked_finds_neither),
		STORE_TEST(a_history_says_what_counts_and_what_was_taken_back),
		STORE_TEST(of_a_known_answer_who_is_asked_sees_only_their_own),
	};

	return RUN(tests);
}
