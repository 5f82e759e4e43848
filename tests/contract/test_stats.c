/* Contract: statistics follow every change of what people said. */
#include "fixture.h"

#include <math.h>

#include "base/clock.h"
#include "base/text.h"
#include "dataset/correct.h"
#include "dataset/label.h"
#include "dataset/removal.h"
#include "dataset/stats.h"

enum { DAY = 24 * 3600 }; /* seconds */

static struct dataset_stats stats_now(struct dataset *dataset)
{
	struct dataset_stats stats;

	must(dataset_stats(dataset, NULL, &stats, &failure));
	return stats;
}

static void label_in(struct dataset *dataset, const char *user, const char *label, int64_t lead_time_ms)
{
	struct task task = next_task(dataset, user);

	must(lease_label(dataset, user, task.token, label, lead_time_ms, NULL, &failure));
	task_release(&task);
}

static void say(struct dataset *dataset, const char *user, int id, const char *label)
{
	bool accepted;

	must(dataset_label_path(dataset, user, "/pictures", picture(id), label, &accepted, &failure));
	assert_true(accepted);
}

static const struct correction by_ada = {.user = "ada"};

static void take_back(struct dataset *dataset, int64_t id)
{
	struct sample sample;

	must(sample_undo(dataset, id, &by_ada, &sample, &failure));
	sample_release(&sample);
}

static void decide_label(struct dataset *dataset, int64_t id, const char *label)
{
	struct sample sample;

	must(sample_decide(dataset, id, label, &by_ada, &sample, &failure));
	sample_release(&sample);
}

/* "user labelled median; …" */
static const char *people(struct dataset *dataset)
{
	static char text[500];
	struct dataset_stats stats = stats_now(dataset);
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < stats.person_count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %d %g", i ? "; " : "", stats.people[i].user,
		                        (int)stats.people[i].labelled, stats.people[i].median_ms);
	dataset_stats_release(&stats);
	return text;
}

/* "one other n: a/b count, …; …" */
static const char *confusion(struct dataset *dataset)
{
	static char text[1000];
	struct dataset_stats stats = stats_now(dataset);
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < stats.two_count; i++) {
		const struct stats_two *two = &stats.twos[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s %d:", i ? "; " : "", two->one, two->other,
		                        (int)two->n);
		for (size_t j = 0; j < two->said_count; j++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, " %s/%s %d", two->said[j].text[2],
			                        two->said[j].text[3], (int)two->said[j].n);
	}
	dataset_stats_release(&stats);
	return text;
}

/* "voters a/b n, …", in any order: as a sum that tells them apart. */
static const char *pairs(struct dataset *dataset)
{
	static char text[1000];
	struct dataset_stats stats = stats_now(dataset);
	static const char *const labels[] = {"bird", "cat", "dog"};
	size_t len = 0;

	text[0] = '\0';
	for (int64_t voters = 2; voters < 5; voters++) {
		for (size_t a = 0; a < 3; a++) {
			for (size_t b = a; b < 3; b++) {
				for (size_t i = 0; i < stats.kept.count[STATS_PAIR]; i++) {
					const struct stats_row *row = &stats.kept.rows[STATS_PAIR][i];

					if (row->number == voters && strcmp(row->text[0], labels[a]) == 0 && strcmp(row->text[1], labels[b]) == 0)
						len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%d %s/%s %d", len ? "; " : "", (int)voters,
						                        labels[a], labels[b], (int)row->n);
				}
			}
		}
	}
	dataset_stats_release(&stats);
	return text;
}

/* --- people, days, lead times ------------------------------------------------------------------------------------- */

static void an_empty_dataset_has_none(void **state)
{
	struct dataset_stats stats = stats_now(((struct fixture *)*state)->dataset);

	assert_int_equal(stats.person_count, 0);
	assert_int_equal(stats.day_count, 0);
	assert_int_equal(stats.two_count, 0);
	assert_true(isnan(stats.median_ms) && isnan(stats.fleiss) && isnan(stats.krippendorff));
	dataset_stats_release(&stats);
}

static void labels_are_counted_by_person_and_day(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 5);
	clock_advance(DAY - text_now() / MICROSECONDS % DAY); /* so that midnight does not come in between */
	say(dataset, "bob", 0, "cat");
	say(dataset, "ada", 1, "cat");
	say(dataset, "ada", 1, "dog");
	decide_label(dataset, 2, "dog");
	decide_label(dataset, 2, ""); /* which gives none */
	clock_advance(DAY);
	say(dataset, "bob", 3, "cat");
	assert_string_equal(people(dataset), "ada 3 nan; bob 2 nan");
	struct dataset_stats stats = stats_now(dataset);
	assert_int_equal(stats.day_count, 2);
	assert_int_equal(stats.days[0].labelled, 4);
	assert_int_equal(stats.days[1].labelled, 1);
	assert_int_equal(stats.days[1].day, stats.days[0].day + 1);
	dataset_stats_release(&stats);
}

static void seeds_do_not_count(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_merged merged = {0};

	must(dataset_merge(dataset, NULL, 0, &(struct dataset_seed){"a.png", "cat"}, 1, &merged, &failure));
	assert_string_equal(people(dataset), "");
	take_back(dataset, 0);
	assert_string_equal(people(dataset), "");
}

static void medians_are_exact(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 6);
	label_in(dataset, "ada", "cat", 4321);
	assert_string_equal(people(dataset), "ada 1 4321");
	label_in(dataset, "ada", "cat", 1000);
	assert_string_equal(people(dataset), "ada 2 2660.5");
	label_in(dataset, "ada", "cat", 86400000);
	label_in(dataset, "ada", "cat", -1);
	label_in(dataset, "bob", "cat", 0);
	assert_string_equal(people(dataset), "ada 4 4321; bob 1 0");
	struct dataset_stats stats = stats_now(dataset);
	assert_true(stats.median_ms == 2660.5);
	assert_true(fabs(stats.people[0].per_hour - 3 * 3600000.0 / 86405321) < 1e-9);
	assert_true(isnan(stats.people[1].per_hour));
	dataset_stats_release(&stats);
}

/* Both stores count the same lead times together. */
static void lead_times_are_counted_in_the_same_steps(void **state)
{
	static const int64_t times[] = {2047, 2048, 2049, 4095, 4096, 4099, 65535, 65536, 1000000, 67108863, 86400000};
	enum { TIMES = sizeof(times) / sizeof(*times) };
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, TIMES);
	for (size_t i = 0; i < TIMES; i++)
		label_in(dataset, "ada", "cat", times[i]);
	struct dataset_stats stats = stats_now(dataset);
	for (size_t i = 0; i < stats.kept.count[STATS_LEAD]; i++) {
		const struct stats_row *row = &stats.kept.rows[STATS_LEAD][i];

		assert_int_equal(row->number, stats_lead_from(row->ms / row->n));
	}
	assert_int_equal(stats.kept.count[STATS_LEAD], TIMES - 2); /* 2048 with 2049, 4096 with 4099 */
	dataset_stats_release(&stats);
}

static void an_undo_takes_back_what_was_counted(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	label_in(dataset, "ada", "cat", 1000);
	label_in(dataset, "ada", "cat", 3000);
	decide_label(dataset, 1, "dog");
	assert_string_equal(people(dataset), "ada 3 2000");
	take_back(dataset, 1);
	take_back(dataset, 1);
	assert_string_equal(people(dataset), "ada 1 1000");
	take_back(dataset, 0);
	assert_string_equal(people(dataset), "");
	label_in(dataset, "ada", "cat", 5);
	assert_string_equal(people(dataset), "ada 1 5");
}

/* --- agreement ---------------------------------------------------------------------------------------------------- */

static void pairs_of_votes_follow_each_vote(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	say(dataset, "ada", 0, "cat");
	assert_string_equal(pairs(dataset), "");
	say(dataset, "bob", 0, "dog");
	assert_string_equal(pairs(dataset), "2 cat/dog 1");
	assert_string_equal(confusion(dataset), "ada bob 1: cat/dog 1");
	say(dataset, "aaron", 0, "cat");
	assert_string_equal(pairs(dataset), "3 cat/cat 1; 3 cat/dog 2");
	assert_string_equal(confusion(dataset), "aaron ada 1: cat/cat 1; aaron bob 1: cat/dog 1; ada bob 1: cat/dog 1");
	say(dataset, "bob", 0, "cat");
	assert_string_equal(pairs(dataset), "3 cat/cat 3");
	say(dataset, "bob", 0, "bird");
	say(dataset, "bob", 1, "bird");
	say(dataset, "ada", 1, "bird");
	assert_string_equal(pairs(dataset), "2 bird/bird 1; 3 bird/cat 2; 3 cat/cat 1");
	assert_string_equal(confusion(dataset),
	                    "aaron ada 1: cat/cat 1; aaron bob 1: cat/bird 1; ada bob 2: bird/bird 1 cat/bird 1");
}

static void what_is_taken_back_has_no_pairs(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	say(dataset, "ada", 0, "cat");
	say(dataset, "bob", 0, "dog");
	say(dataset, "cyd", 0, "dog");
	take_back(dataset, 0);
	assert_string_equal(pairs(dataset), "2 cat/dog 1");
	decide_label(dataset, 0, "");
	assert_string_equal(pairs(dataset), "");
	assert_string_equal(confusion(dataset), "");
	take_back(dataset, 0);
	assert_string_equal(pairs(dataset), "2 cat/dog 1");
	assert_string_equal(confusion(dataset), "ada bob 1: cat/dog 1");
}

static int64_t key_of(struct dataset *dataset, const char *name)
{
	bool created;
	int64_t key;

	must(dataset_label_add(dataset, name, &key, &created, &failure));
	assert_false(created);
	return key;
}

static void pairs_follow_a_new_name_and_a_merge(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct label_change renamed = {.name = "hound"}, back = {.name = "dog"};
	int64_t dog = key_of(dataset, "dog");

	add_pictures(dataset, 2);
	for (int id = 0; id < 2; id++) {
		say(dataset, "ada", id, "cat");
		say(dataset, "bob", id, "dog");
	}
	must(dataset_label_change(dataset, dog, &renamed, &failure));
	assert_string_equal(confusion(dataset), "ada bob 2: cat/hound 2");
	assert_string_equal(pairs(dataset), "");
	must(dataset_label_change(dataset, dog, &back, &failure));
	assert_string_equal(pairs(dataset), "2 cat/dog 2");
	must(dataset_label_merge(dataset, dog, key_of(dataset, "cat"), "ada", &failure));
	assert_string_equal(pairs(dataset), "2 cat/cat 2");
	assert_string_equal(confusion(dataset), "ada bob 2: cat/cat 2");
	assert_string_equal(people(dataset), "ada 2 nan; bob 2 nan");
}

static void a_removed_sample_counts_no_more(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct tombstone *removed;
	size_t count;

	add_pictures(dataset, 2);
	label_in(dataset, "ada", "cat", 700);
	label_in(dataset, "ada", "dog", 900);
	say(dataset, "bob", 0, "dog");
	decide_label(dataset, 0, "bird");
	take_back(dataset, 0);
	assert_string_equal(people(dataset), "ada 2 800; bob 1 nan");
	must(dataset_remove_sample(dataset, 0, "eve", &removed, &count, &failure));
	tombstones_release(removed, count);
	assert_string_equal(people(dataset), "ada 1 900");
	assert_string_equal(pairs(dataset), "");
	assert_string_equal(confusion(dataset), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(an_empty_dataset_has_none),
		DATASET_TEST(labels_are_counted_by_person_and_day),
		DATASET_TEST(seeds_do_not_count),
		DATASET_TEST(medians_are_exact),
		DATASET_TEST(lead_times_are_counted_in_the_same_steps),
		DATASET_TEST(an_undo_takes_back_what_was_counted),
		DATASET_TEST(pairs_of_votes_follow_each_vote),
		DATASET_TEST(what_is_taken_back_has_no_pairs),
		DATASET_TEST(pairs_follow_a_new_name_and_a_merge),
		DATASET_TEST(a_removed_sample_counts_no_more),
	};

	return RUN(tests);
}
