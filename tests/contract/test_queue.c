/* Contract: who gets which sample next. */
#include "fixture.h"

#include "base/text.h"
#include "dataset/task.h"

static void samples_come_in_order_until_none_is_unlabelled(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct dataset_seed seeds[] = {{"a.png", ""}, {"b.png", "dog"}, {"c.png", ""}};
	struct dataset_merged merged = {0};
	struct task task;

	must(dataset_merge(dataset, NULL, 0, seeds, 3, &merged, &failure));
	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "ada", 2, "cat");
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND);
	assert_string_equal(failure.text, "Sample not found");
}

static void an_empty_dataset_has_nothing_to_give(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task tasks[3];

	refused(lease_next(dataset, "ada", &tasks[0], &failure), ERR_NOT_FOUND);
	lease_tasks(dataset, "ada", 3, tasks, 0);
}

static void the_same_user_asking_again_gets_the_same_one(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 3);
	struct task first = next_task(dataset, "ada"), again = next_task(dataset, "ada");
	assert_int_equal(first.sample.id, 0);
	assert_int_equal(again.sample.id, 0);
	assert_string_equal(first.token, again.token);
	assert_int_equal(leased(dataset), 1);
	task_release(&first);
	task_release(&again);
}

static void another_user_gets_another_one(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 3);
	assert_int_equal(next_id(dataset, "ada"), 0);
	assert_int_equal(next_id(dataset, "bob"), 1);
	assert_int_equal(next_id(dataset, "cyd"), 2);
	assert_int_equal(next_id(dataset, "bob"), 1);
}

static void when_all_are_leased_the_oldest_lease_is_shared(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	struct task ada = next_task(dataset, "ada"), bob = next_task(dataset, "bob");
	struct task cyd = next_task(dataset, "cyd");
	assert_int_equal(cyd.sample.id, 0);
	assert_string_not_equal(cyd.token, ada.token);
	assert_int_equal(next_id(dataset, "ada"), 0); /* and keeps it */
	assert_int_equal(next_id(dataset, "cyd"), 0);

	/* Whoever labels first ends both. */
	must(lease_label(dataset, "cyd", cyd.token, "dog", -1, NULL, &failure));
	refused(lease_label(dataset, "ada", ada.token, "cat", -1, NULL, &failure), ERR_CONFLICT);
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_int_equal(next_id(dataset, "ada"), 1); /* bob's, shared */
	assert_int_equal(next_id(dataset, "bob"), 1);
	task_release(&ada);
	task_release(&bob);
	task_release(&cyd);
}

static void who_shares_a_lease_holds_the_sample(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task task;

	add_pictures(dataset, 1);
	struct task ada = next_task(dataset, "ada"), bob = next_task(dataset, "bob");
	must(lease_give_back(dataset, "ada", ada.token, &failure));
	lease_tasks(dataset, "cyd", 1, &task, 0);
	assert_int_equal(next_id(dataset, "dan"), 0); /* shares with bob, who was first */
	must(lease_skip(dataset, "bob", bob.token, DATASET_SKIP_REQUEUE_FOR_OTHERS, &failure));
	lease_tasks(dataset, "cyd", 1, &task, 0);
	clock_advance(LEASE_SECONDS);
	lease_tasks(dataset, "cyd", 1, &task, 1);
	task_release(&ada);
	task_release(&bob);
	task_release(&task);
}

static void a_shared_lease_that_outlives_the_first_keeps_the_sample(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task task;

	add_pictures(dataset, 1);
	struct task ada = next_task(dataset, "ada");
	clock_advance(LEASE_SECONDS - 60);
	struct task bob = next_task(dataset, "bob");
	clock_advance(60); /* ada's ran out */
	assert_token_is_void(dataset, "ada", ada.token);
	lease_tasks(dataset, "cyd", 1, &task, 0);
	must(lease_label(dataset, "bob", bob.token, "cat", -1, NULL, &failure));
	task_release(&ada);
	task_release(&bob);
}

static void tasks_are_never_shared(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task tasks[5];

	add_pictures(dataset, 3);
	assert_int_equal(next_id(dataset, "ada"), 0);
	lease_tasks(dataset, "bob", 5, tasks, 2);
	assert_int_equal(tasks[0].sample.id, 1);
	assert_int_equal(tasks[1].sample.id, 2);
	tasks_release(tasks, 2);
	lease_tasks(dataset, "bob", 5, tasks, 0);
	lease_tasks(dataset, "cyd", 1, tasks, 0);
}

static void tasks_are_never_what_the_asker_holds_already(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task first[2], second[2];

	add_pictures(dataset, 4);
	lease_tasks(dataset, "ada", 2, first, 2);
	lease_tasks(dataset, "ada", 2, second, 2);
	assert_int_equal(second[0].sample.id, 2);
	assert_int_equal(second[1].sample.id, 3);
	tasks_release(first, 2);
	tasks_release(second, 2);
	assert_int_equal(next_id(dataset, "ada"), 0); /* /obtain gives the oldest of one's own */
}

static void a_task_tells_its_sample_and_when_it_ends(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	int64_t before = text_now();
	struct task task = next_task(dataset, "ada");
	int64_t after = text_now();
	assert_string_equal(task.sample.filepath, picture(0));
	assert_string_equal(task.sample.label, "");
	/* By the store's clock, which may be another machine's. */
	assert_true(task.expires_at >= before + (LEASE_SECONDS - 1) * 1000000LL);
	assert_true(task.expires_at <= after + (LEASE_SECONDS + 1) * 1000000LL);
	task_release(&task);
}

static void tokens_are_long_random_and_all_different(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task tasks[DATASET_TASKS_MAX];

	add_pictures(dataset, DATASET_TASKS_MAX);
	lease_tasks(dataset, "ada", DATASET_TASKS_MAX, tasks, DATASET_TASKS_MAX);
	for (size_t i = 0; i < DATASET_TASKS_MAX; i++) {
		assert_true(strlen(tasks[i].token) >= 22); /* 128 bits in base64url */
		assert_int_equal(strspn(tasks[i].token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
		                 strlen(tasks[i].token));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(tasks[i].token, tasks[j].token);
	}
	tasks_release(tasks, DATASET_TASKS_MAX);
}

static void a_count_out_of_bounds_is_refused(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task task;
	size_t taken;

	refused(lease_take(dataset, "ada", 0, &task, &taken, &failure), ERR_BAD_REQUEST);
	refused(lease_take(dataset, "ada", DATASET_TASKS_MAX + 1, &task, &taken, &failure), ERR_BAD_REQUEST);
}

static void held_lists_my_live_leases_oldest_first(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task tasks[3], *held;
	size_t count;

	add_pictures(dataset, 6);
	lease_tasks(dataset, "ada", 2, tasks, 2);
	tasks_release(tasks, 2);
	assert_int_equal(next_id(dataset, "bob"), 2);
	lease_tasks(dataset, "ada", 1, tasks, 1);
	must(lease_held(dataset, "ada", &held, &count, &failure));
	assert_int_equal(count, 3);
	assert_int_equal(held[0].sample.id, 0);
	assert_int_equal(held[1].sample.id, 1);
	assert_int_equal(held[2].sample.id, 3);
	assert_string_equal(held[2].token, tasks[0].token);
	assert_int_equal(held[2].expires_at, tasks[0].expires_at);
	assert_string_equal(held[2].sample.filepath, picture(3));
	tasks_release(held, count);
	free(held);
	tasks_release(tasks, 1);
	must(lease_held(dataset, "eve", &held, &count, &failure));
	assert_int_equal(count, 0);
	free(held);
}

static void nobody_holds_more_than_the_limit(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task tasks[DATASET_TASKS_MAX], *held;
	size_t taken, count;

	add_pictures(dataset, DATASET_TASKS_HELD_MAX + 10);
	for (int i = 0; i < DATASET_TASKS_HELD_MAX / DATASET_TASKS_MAX; i++) {
		lease_tasks(dataset, "ada", DATASET_TASKS_MAX, tasks, DATASET_TASKS_MAX);
		tasks_release(tasks, DATASET_TASKS_MAX);
	}
	refused(lease_take(dataset, "ada", 1, tasks, &taken, &failure), ERR_CONFLICT);
	must(lease_held(dataset, "ada", &held, &count, &failure));
	assert_int_equal(count, DATASET_TASKS_HELD_MAX);
	must(lease_give_back(dataset, "ada", held[0].token, &failure));
	tasks_release(held, count);
	free(held);
	lease_tasks(dataset, "ada", 1, tasks, 1);
	tasks_release(tasks, 1);
	lease_tasks(dataset, "bob", 5, tasks, 5); /* others may */
	tasks_release(tasks, 5);
}

/* --- chosen samples ------------------------------------------------------------------------------------------------ */

/* Leases those of the samples that can be had; their ids as text, valid until the next call. */
static const char *choose(struct dataset *dataset, const char *user, size_t count, const int64_t *ids)
{
	static char text[1000];
	struct task tasks[DATASET_TASKS_MAX];
	size_t taken, length = 0;

	must(lease_take_chosen(dataset, user, ids, count, tasks, &taken, &failure));
	text[0] = '\0';
	for (size_t i = 0; i < taken; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%lld", i ? " " : "",
		                           (long long)tasks[i].sample.id);
	tasks_release(tasks, taken);
	return text;
}

#define CHOOSE(dataset, user, ...)                                                                                        \
	choose(dataset, user, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

static void chosen_samples_are_leased_in_the_order_asked(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task *held;
	size_t count;

	add_pictures(dataset, 8);
	assert_string_equal(CHOOSE(dataset, "ada", 5, 2, 7, 2), "5 2 7");
	assert_int_equal(leased(dataset), 3);
	must(lease_held(dataset, "ada", &held, &count, &failure));
	assert_int_equal(count, 3);
	for (size_t i = 0; i < count; i++)
		must(lease_label(dataset, "ada", held[i].token, "cat", -1, NULL, &failure));
	tasks_release(held, count);
	free(held);
	assert_sample(dataset, 2, "cat", SAMPLE_LABELLED);
	label_next(dataset, "bob", 0, "dog"); /* the queue goes on beside them */
	assert_counts_true(dataset);
}

static void of_chosen_samples_those_are_left_out_that_somebody_holds(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 5);
	assert_int_equal(next_id(dataset, "ada"), 0);
	assert_string_equal(CHOOSE(dataset, "bob", 0, 1, 2), "1 2");
	assert_string_equal(CHOOSE(dataset, "bob", 2, 1, 3), "3");
	assert_string_equal(CHOOSE(dataset, "ada", 0, 1, 2, 3), "");
	assert_int_equal(next_id(dataset, "cyd"), 4);
	clock_advance(LEASE_SECONDS + 1);
	assert_string_equal(CHOOSE(dataset, "ada", 3, 0), "3 0");
}

static void a_labelled_sample_is_leased_to_be_corrected_by_one_at_a_time(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task task;
	size_t taken;
	const int64_t first = 0;

	add_pictures(dataset, 3);
	label_next(dataset, "ada", 0, "cat");
	must(lease_take_chosen(dataset, "bob", &first, 1, &task, &taken, &failure));
	assert_int_equal(taken, 1);
	assert_string_equal(task.sample.label, "cat");
	assert_string_equal(CHOOSE(dataset, "ada", 0, 1), "1");
	assert_string_equal(CHOOSE(dataset, "bob", 0), "");
	assert_int_equal(next_id(dataset, "bob"), 2); /* /obtain gives what is unlabelled */
	must(lease_label(dataset, "bob", task.token, "dog", -1, NULL, &failure));
	task_release(&task);
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 0), "cat ada task; dog bob task");
	assert_counts_true(dataset);

	/* One given back stays as it was, one skipped for all can be had, too. */
	must(lease_take_chosen(dataset, "ada", &first, 1, &task, &taken, &failure));
	must(lease_give_back(dataset, "ada", task.token, &failure));
	task_release(&task);
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	must(lease_take_chosen(dataset, "ada", &first, 1, &task, &taken, &failure));
	must(lease_skip(dataset, "ada", task.token, DATASET_SKIP_IGNORE, &failure));
	task_release(&task);
	assert_sample(dataset, 0, "", SAMPLE_SKIPPED);
	assert_string_equal(CHOOSE(dataset, "bob", 0), "0");
	assert_counts_true(dataset);
}

static void who_corrects_a_sample_loses_it_to_another_correction(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const int64_t first = 0;
	struct task task;
	size_t taken;
	bool accepted;

	add_pictures(dataset, 1);
	label_next(dataset, "ada", 0, "cat");
	must(lease_take_chosen(dataset, "ada", &first, 1, &task, &taken, &failure));
	must(dataset_label_path(dataset, "bob", "/pictures", picture(0), "dog", &accepted, &failure));
	assert_token_is_void(dataset, "ada", task.token);
	task_release(&task);
	assert_int_equal(leased(dataset), 0);
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
}

static void where_several_are_asked_each_chooses_what_is_open_to_each(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_policy policy = dataset_policy_default();

	policy.overlap = 2;
	struct dataset *dataset = make_dataset(fixture, "surveyed", &policy);
	add_pictures(dataset, 2);
	label_next(dataset, "ada", 0, "cat");
	assert_string_equal(CHOOSE(dataset, "ada", 0, 1), "1"); /* who has voted is not asked again */
	assert_string_equal(CHOOSE(dataset, "bob", 0, 1), "0 1");
	assert_string_equal(CHOOSE(dataset, "cyd", 0, 1), "");
	dataset_close(dataset);
}

static void an_unreadable_sample_cannot_be_chosen(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	must(dataset_mark_unreadable(dataset, 0, &failure));
	assert_string_equal(CHOOSE(dataset, "ada", 0, 1), "1");
}

static void an_unknown_sample_among_the_chosen_is_named_and_nothing_is_leased(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	int64_t ids[DATASET_TASKS_MAX + 1] = {1, 4711, 0};
	struct task tasks[DATASET_TASKS_MAX + 1];
	size_t taken;

	add_pictures(dataset, 2);
	refused(lease_take_chosen(dataset, "ada", ids, 3, tasks, &taken, &failure), ERR_NOT_FOUND);
	assert_non_null(strstr(failure.text, "4711"));
	assert_int_equal(leased(dataset), 0);
	refused(lease_take_chosen(dataset, "ada", ids, 0, tasks, &taken, &failure), ERR_BAD_REQUEST);
	refused(lease_take_chosen(dataset, "ada", ids, DATASET_TASKS_MAX + 1, tasks, &taken, &failure), ERR_BAD_REQUEST);
	for (size_t i = 0; i < DATASET_TASKS_MAX; i++)
		ids[i] = (int64_t)(i % 2);
	must(lease_take_chosen(dataset, "ada", ids, DATASET_TASKS_MAX, tasks, &taken, &failure));
	assert_int_equal(taken, 2);
	tasks_release(tasks, taken);
}

enum { CHOOSERS = 4, CHOSEN = 40 };

struct choosing {
	struct dataset *dataset;
	int times[CHOSEN]; /* each was given */
};

static void choose_all(void *data, int number)
{
	struct choosing *choosing = data;
	int64_t ids[CHOSEN];
	char user[16];
	struct task tasks[CHOSEN];
	struct err err;
	size_t taken = 0;

	snprintf(user, sizeof(user), "user%d", number);
	for (int i = 0; i < CHOSEN; i++)
		ids[i] = (i * 7 + number) % CHOSEN;
	expect(lease_take_chosen(choosing->dataset, user, ids, CHOSEN, tasks, &taken, &err) == 0);
	for (size_t i = 0; i < taken; i++)
		__atomic_fetch_add(&choosing->times[tasks[i].sample.id], 1, __ATOMIC_SEQ_CST);
	tasks_release(tasks, taken);
}

static void what_several_choose_at_once_each_gets_alone(void **state)
{
	struct fixture *fixture = *state;
	struct choosing all = {.dataset = fixture->dataset};

	add_pictures(fixture->dataset, CHOSEN);
	run_threads(CHOOSERS, choose_all, &all);
	for (int i = 0; i < CHOSEN; i++)
		assert_int_equal(all.times[i], 1);
	assert_int_equal(leased(fixture->dataset), CHOSEN);
}

/* --- the order ------------------------------------------------------------------------------------------------------ */

static void in_random_order_each_is_given_once_and_not_in_line(void **state)
{
	struct dataset_policy policy = dataset_policy_default();
	bool seen[200] = {false};
	int in_line = 0;

	policy.order = DATASET_ORDER_RANDOM;
	struct dataset *dataset = make_dataset(*state, "shuffled", &policy);
	add_pictures(dataset, 200);
	for (int i = 0; i < 200; i++) {
		struct task task;

		lease_tasks(dataset, "ada", 1, &task, 1);
		assert_false(seen[task.sample.id]);
		seen[task.sample.id] = true;
		in_line += task.sample.id == i;
		task_release(&task);
	}
	assert_in_range(in_line, 0, 100);
	dataset_close(dataset);
}

static void a_change_of_order_holds_for_what_is_there(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_policy policy = dataset_policy_default();
	struct task tasks[20];
	int in_line = 0;

	add_pictures(dataset, 200);
	policy.order = DATASET_ORDER_RANDOM;
	set_policy(dataset, &policy);
	for (int i = 0; i < 20; i++) {
		lease_tasks(dataset, "ada", 1, &tasks[i], 1);
		in_line += tasks[i].sample.id == i;
	}
	assert_in_range(in_line, 0, 15);
	for (int i = 0; i < 20; i++)
		must(lease_give_back(dataset, "ada", tasks[i].token, &failure));
	tasks_release(tasks, 20);
	policy.order = DATASET_ORDER_SEQUENTIAL;
	set_policy(dataset, &policy);
	lease_tasks(dataset, "ada", 20, tasks, 20);
	for (int i = 0; i < 20; i++)
		assert_int_equal(tasks[i].sample.id, i);
	tasks_release(tasks, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(samples_come_in_order_until_none_is_unlabelled),
		DATASET_TEST(an_empty_dataset_has_nothing_to_give),
		DATASET_TEST(the_same_user_asking_again_gets_the_same_one),
		DATASET_TEST(another_user_gets_another_one),
		DATASET_TEST(when_all_are_leased_the_oldest_lease_is_shared),
		DATASET_TEST(who_shares_a_lease_holds_the_sample),
		DATASET_TEST(a_shared_lease_that_outlives_the_first_keeps_the_sample),
		DATASET_TEST(tasks_are_never_shared),
		DATASET_TEST(tasks_are_never_what_the_asker_holds_already),
		DATASET_TEST(a_task_tells_its_sample_and_when_it_ends),
		DATASET_TEST(tokens_are_long_random_and_all_different),
		DATASET_TEST(a_count_out_of_bounds_is_refused),
		DATASET_TEST(held_lists_my_live_leases_oldest_first),
		DATASET_TEST(nobody_holds_more_than_the_limit),
		DATASET_TEST(chosen_samples_are_leased_in_the_order_asked),
		DATASET_TEST(of_chosen_samples_those_are_left_out_that_somebody_holds),
		DATASET_TEST(a_labelled_sample_is_leased_to_be_corrected_by_one_at_a_time),
		DATASET_TEST(who_corrects_a_sample_loses_it_to_another_correction),
		DATASET_TEST(where_several_are_asked_each_chooses_what_is_open_to_each),
		DATASET_TEST(an_unreadable_sample_cannot_be_chosen),
		DATASET_TEST(an_unknown_sample_among_the_chosen_is_named_and_nothing_is_leased),
		DATASET_TEST(what_several_choose_at_once_each_gets_alone),
		STORE_TEST(in_random_order_each_is_given_once_and_not_in_line),
		DATASET_TEST(a_change_of_order_holds_for_what_is_there),
	};

	return RUN(tests);
}
