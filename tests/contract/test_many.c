/* Contract: many samples labelled or undone at once, all or none. */
#include "fixture.h"

#include <string.h>

#include "base/memory.h"
#include "saying.h"

static const struct correction ada = {.user = "ada"}, bob = {.user = "bob"};

enum { MANY = 1200 };

static void many_are_labelled_at_once_or_none(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	int64_t ids[MANY + 1];
	size_t done;

	add_pictures(dataset, MANY);
	for (int i = 0; i < MANY; i++)
		ids[i] = MANY - 1 - i;
	ids[MANY] = 5; /* twice */
	struct task task = next_task(dataset, "cyd");
	must(samples_decide(dataset, ids, NULL, MANY + 1, "cat", &ada, &done, &failure));
	assert_int_equal(done, MANY);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_sample(dataset, MANY - 1, "cat", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 5), "cat ada label");
	assert_token_is_void(dataset, "cyd", task.token);
	task_release(&task);
	assert_counts_true(dataset);
	ids[700] = MANY; /* is not there */
	refused(samples_decide(dataset, ids, NULL, MANY, "dog", &ada, &done, &failure), ERR_NOT_FOUND);
	assert_string_equal(failure.text, "There is no sample 1200");
	refused(samples_decide(dataset, ids, NULL, 2, "cow", &ada, &done, &failure), ERR_UNPROCESSABLE);
	for (int i = 0; i < MANY; i += 100)
		assert_string_equal(history(dataset, i), "cat ada label");
	assert_counts_true(dataset);
	must(samples_decide(dataset, ids, NULL, 500, "", &bob, &done, &failure));
	assert_int_equal(done, 500);
	assert_sample(dataset, MANY - 1, "", SAMPLE_UNLABELLED);
	assert_string_equal(undo(dataset, MANY - 1, &ada), "cat labelled ada 3");
	must(samples_decide(dataset, NULL, NULL, 0, "cat", &ada, &done, &failure));
	assert_int_equal(done, 0);
	assert_counts_true(dataset);
}

static void many_are_undone_at_once_or_none(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const int64_t ids[] = {2, 0, 1, 1}, both[] = {0, 1}, versions[] = {1, 1};
	size_t done;

	add_pictures(dataset, 3);
	must(samples_decide(dataset, ids, NULL, 4, "cat", &ada, &done, &failure));
	decide(dataset, 1, "dog", &bob);
	refused(samples_take_back(dataset, both, versions, 2, &ada, &done, &failure), ERR_CONFLICT);
	assert_non_null(strstr(failure.text, "Sample 1 is at version 2"));
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	must(samples_take_back(dataset, ids, NULL, 4, &ada, &done, &failure));
	assert_int_equal(done, 3);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	assert_sample(dataset, 1, "cat", SAMPLE_LABELLED);
	refused(samples_take_back(dataset, both, NULL, 2, &ada, &done, &failure), ERR_CONFLICT);
	assert_string_equal(failure.text, "There is nothing to undo");
	assert_sample(dataset, 1, "cat", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 1), "cat ada label; dog bob label; cat ada undo");
	must(samples_take_back(dataset, NULL, NULL, 0, &ada, &done, &failure));
	assert_int_equal(done, 0);
	assert_counts_true(dataset);
}

static void of_many_one_that_has_changed_keeps_all_as_they_were(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const int64_t ids[] = {0, 1, 2}, versions[] = {0, 0, 0};
	size_t done;

	add_pictures(dataset, 3);
	decide(dataset, 1, "dog", &bob);
	refused(samples_decide(dataset, ids, versions, 3, "cat", &ada, &done, &failure), ERR_CONFLICT);
	assert_non_null(strstr(failure.text, "Sample 1 is at version 1"));
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	assert_string_equal(history(dataset, 2), "");
}

/* Gives each sample a past of its own, none of which is long enough to take long. */
static void live(struct dataset *dataset, int count)
{
	static const char *const labels[] = {"cat", "dog", ""};

	for (int id = 0; id < count; id++) {
		struct sample sample;

		for (int i = 0; i < id % 12; i++) {
			if (i % 5 == 3)
				undo(dataset, id, &bob);
			else if (i % 5 == 4)
				assert_true(classify(dataset, "cyd", id, "bird"));
			else
				decide(dataset, id, labels[(id + i) % 3], &bob);
		}
		if (id % 10 == 7)
			must(sample_mark_gold(dataset, id, "dog", &bob, &sample, &failure));
		if (id % 10 == 7)
			sample_release(&sample);
	}
}

static void assert_equal_lives(struct dataset *one, struct dataset *other, int count)
{
	for (int64_t id = 0; id < count; id++) {
		struct sample left = sample_of(one, id), right = sample_of(other, id);
		char *past = memory_text(history(one, id));

		assert_string_equal(history(other, id), past);
		assert_string_equal(left.label, right.label);
		assert_int_equal(left.state, right.state);
		assert_int_equal(left.version, right.version);
		assert_string_equal(left.labelled_by, right.labelled_by);
		assert_int_equal(left.disputed, right.disputed);
		free(past);
		sample_release(&left);
		sample_release(&right);
	}
	assert_counts_true(one);
}

static void many_become_what_each_would_alone_whatever_their_pasts(void **state)
{
	enum { LIVES = 40 };
	struct dataset *together = ((struct fixture *)*state)->dataset, *alone = make_dataset(*state, "alone", NULL);
	int64_t ids[LIVES];
	size_t done;

	add_pictures(together, LIVES);
	add_pictures(alone, LIVES);
	live(together, LIVES);
	live(alone, LIVES);
	for (int64_t id = 0; id < LIVES; id++) {
		ids[id] = id;
		decide(alone, id, "dog", &ada);
	}
	must(samples_decide(together, ids, NULL, LIVES, "dog", &ada, &done, &failure));
	assert_equal_lives(together, alone, LIVES);
	for (int rounds = 0; rounds < 2; rounds++) {
		size_t count = 0;

		for (int64_t id = 0; id < LIVES; id++) {
			if (id % 10 == 7 || id % 12 < rounds) /* a known answer is not undone, and these have no past */
				continue;
			ids[count++] = id;
			undo(alone, id, &ada);
		}
		must(samples_take_back(together, ids, NULL, count, &ada, &done, &failure));
		assert_equal_lives(together, alone, LIVES);
	}
	dataset_close(alone);
}

static void more_than_the_most_are_refused(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	int64_t ids[SAMPLES_DECIDED_MAX + 1];
	size_t done;

	add_pictures(dataset, 1);
	memset(ids, 0, sizeof(ids)); /* all the same one */
	must(samples_decide(dataset, ids, NULL, SAMPLES_DECIDED_MAX, "cat", &ada, &done, &failure));
	assert_int_equal(done, 1);
	refused(samples_decide(dataset, ids, NULL, SAMPLES_DECIDED_MAX + 1, "dog", &ada, &done, &failure), ERR_BAD_REQUEST);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(many_are_labelled_at_once_or_none),
		DATASET_TEST(many_are_undone_at_once_or_none),
		DATASET_TEST(of_many_one_that_has_changed_keeps_all_as_they_were),
		DATASET_TEST(many_become_what_each_would_alone_whatever_their_pasts),
		DATASET_TEST(more_than_the_most_are_refused),
	};

	return RUN(tests);
}
