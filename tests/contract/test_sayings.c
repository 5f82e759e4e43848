/* Contract: what one person says of samples, the newest first, decided or not. */
#include "fixture.h"
#include "saying.h"

#include <stdlib.h>

#include "dataset/label.h"
#include "dataset/removal.h"
#include "dataset/sayings.h"

static const struct correction boss = {.user = "boss"};

/* "2 cat; 0 dog; …", read in pages of that size. */
static const char *told(struct dataset *dataset, const char *user, const char *seen_by, size_t limit)
{
	static char text[4000];
	struct sayings_page page = {.after = SAYINGS_NEWEST, .limit = limit};
	int64_t last = INT64_MAX;
	size_t used = 0;

	text[0] = '\0';
	do {
		must(dataset_sayings(dataset, user, seen_by, &page, &failure));
		for (size_t i = 0; i < page.count; i++) {
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%lld %s", used ? "; " : "",
			                         (long long)page.item[i].sample.id, page.item[i].label);
			assert_true(page.item[i].at <= last);
			last = page.item[i].at;
		}
		page.after = page.reached;
		sayings_release(&page);
	} while (page.more);
	return text;
}

static const char *says(struct dataset *dataset, const char *user)
{
	return told(dataset, user, NULL, 100);
}

static struct correction own(const char *user)
{
	return (struct correction){.user = user, .annotates = true};
}

static void votes_that_decided_nothing_are_told_newest_first(void **state)
{
	struct dataset *dataset = surveyed(*state, 3, 3);

	assert_string_equal(says(dataset, "ada"), "");
	classify(dataset, "ada", 1, "cat");
	classify(dataset, "bob", 1, "dog");
	classify(dataset, "ada", 0, "dog");
	classify(dataset, "ada", 2, "bird");
	assert_sample(dataset, 1, "", SAMPLE_UNLABELLED);
	assert_string_equal(says(dataset, "ada"), "2 bird; 0 dog; 1 cat");
	assert_string_equal(says(dataset, "bob"), "1 dog");
	classify(dataset, "ada", 1, "dog");
	assert_string_equal(says(dataset, "ada"), "1 dog; 2 bird; 0 dog");
}

static void what_was_taken_back_is_not_told(void **state)
{
	struct dataset *dataset = surveyed(*state, 3, 2);
	const struct correction ada = own("ada");

	classify(dataset, "ada", 0, "cat");
	classify(dataset, "ada", 1, "cat");
	classify(dataset, "ada", 0, "dog");
	undo(dataset, 0, &ada);
	assert_string_equal(says(dataset, "ada"), "1 cat; 0 cat");
	undo(dataset, 0, &ada);
	assert_string_equal(says(dataset, "ada"), "1 cat");
	decide(dataset, 1, "", &boss); /* opened anew: what was said counts no more */
	assert_string_equal(says(dataset, "ada"), "");
}

static void ones_own_is_taken_back_under_what_others_said_since(void **state)
{
	struct dataset *dataset = surveyed(*state, 3, 1);
	struct dataset *one = ((struct fixture *)*state)->dataset;
	const struct correction con = {.user = "con", .own = true}; /* a contributor, who could take back anybody's */

	classify(dataset, "con", 0, "cat");
	classify(dataset, "bob", 0, "dog");
	assert_string_equal(undo(dataset, 0, &con), " unlabelled  0");
	assert_string_equal(says(dataset, "con"), "");
	assert_string_equal(says(dataset, "bob"), "0 dog");
	nothing_to_undo(dataset, 0, &con);
	add_pictures(one, 1);
	classify(one, "con", 0, "cat");
	decide(one, 0, "dog", &boss);
	undo(one, 0, &con);
	assert_sample(one, 0, "dog", SAMPLE_LABELLED);
	assert_string_equal(says(one, "con"), "");
}

static void decisions_are_told_although_others_decided_since(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 3);
	decide(dataset, 0, "cat", &(struct correction){.user = "ada"});
	decide(dataset, 1, "cat", &(struct correction){.user = "ada"});
	decide(dataset, 0, "dog", &boss);
	assert_string_equal(says(dataset, "ada"), "1 cat; 0 cat");
	assert_string_equal(says(dataset, "boss"), "0 dog");
	decide(dataset, 1, "", &(struct correction){.user = "ada"});
	assert_string_equal(says(dataset, "ada"), "0 cat");
}

static void pages_go_on_where_the_last_one_ended(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct correction ada = {.user = "ada"};
	int64_t ids[] = {0, 1, 2, 3, 4};
	size_t done;

	add_pictures(dataset, 6);
	must(samples_decide(dataset, ids, NULL, 5, "cat", &ada, &done, &failure)); /* all at one time */
	decide(dataset, 5, "cat", &ada);
	decide(dataset, 2, "dog", &ada);
	for (size_t limit = 1; limit <= 7; limit++)
		assert_string_equal(told(dataset, "ada", NULL, limit), "2 dog; 5 cat; 4 cat; 3 cat; 1 cat; 0 cat");
}

static void limits_are_checked(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sayings_page page = {.after = SAYINGS_NEWEST, .limit = 0};

	refused(dataset_sayings(dataset, "ada", NULL, &page, &failure), ERR_BAD_REQUEST);
	page.limit = DATASET_PAGE_MAX + 1;
	refused(dataset_sayings(dataset, "ada", NULL, &page, &failure), ERR_BAD_REQUEST);
}

static void labels_are_told_as_they_are_called_now(void **state)
{
	struct dataset *dataset = surveyed(*state, 3, 2);

	classify(dataset, "ada", 0, "cat");
	classify(dataset, "ada", 1, "bird");
	rename_to(dataset, 0, "tabby");
	must(dataset_label_merge(dataset, 2, 1, "boss", &failure));
	assert_string_equal(says(dataset, "ada"), "1 dog; 0 tabby");
}

static void removed_samples_and_other_datasets_are_not_told(void **state)
{
	struct dataset *dataset = surveyed(*state, 3, 3);
	struct dataset *other = make_dataset(*state, "other", NULL);
	struct tombstone *removed;
	size_t count;

	add_pictures(other, 1);
	classify(other, "ada", 0, "dog");
	classify(dataset, "ada", 0, "cat");
	classify(dataset, "ada", 1, "cat");
	must(dataset_remove_sample(dataset, 0, "boss", &removed, &count, &failure));
	tombstones_release(removed, count);
	assert_string_equal(says(dataset, "ada"), "1 cat");
	dataset_close(other);
}

static void known_answers_look_like_others_to_who_is_asked(void **state)
{
	struct dataset *dataset = surveyed(*state, 3, 3);
	struct sample sample;

	must(sample_mark_gold(dataset, 1, "bird", &boss, &sample, &failure));
	sample_release(&sample);
	for (int id = 0; id < 3; id++)
		classify(dataset, "ada", id, "cat");
	assert_string_equal(told(dataset, "ada", "ada", 100), "2 cat; 1 cat; 0 cat");
	assert_string_equal(says(dataset, "ada"), "2 cat; 1 cat; 0 cat");
	assert_string_equal(says(dataset, "boss"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(votes_that_decided_nothing_are_told_newest_first),
		DATASET_TEST(what_was_taken_back_is_not_told),
		DATASET_TEST(ones_own_is_taken_back_under_what_others_said_since),
		DATASET_TEST(decisions_are_told_although_others_decided_since),
		DATASET_TEST(pages_go_on_where_the_last_one_ended),
		DATASET_TEST(limits_are_checked),
		DATASET_TEST(labels_are_told_as_they_are_called_now),
		DATASET_TEST(removed_samples_and_other_datasets_are_not_told),
		DATASET_TEST(known_answers_look_like_others_to_who_is_asked),
	};

	return RUN(tests);
}
