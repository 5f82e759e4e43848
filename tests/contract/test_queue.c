/* Contract: who gets which sample next, and the life of a lease. */
#include "fixture.h"

#include "base/text.h"
#include "dataset/task.h"

enum { SHORT_LEASE = 1 };

static void release_tasks(struct task *tasks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		task_release(&tasks[i]);
}

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
	release_tasks(tasks, 2);
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
	release_tasks(first, 2);
	release_tasks(second, 2);
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
	release_tasks(tasks, DATASET_TASKS_MAX);
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
	release_tasks(tasks, 2);
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
	release_tasks(held, count);
	free(held);
	release_tasks(tasks, 1);
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
		release_tasks(tasks, DATASET_TASKS_MAX);
	}
	refused(lease_take(dataset, "ada", 1, tasks, &taken, &failure), ERR_CONFLICT);
	must(lease_held(dataset, "ada", &held, &count, &failure));
	assert_int_equal(count, DATASET_TASKS_HELD_MAX);
	must(lease_give_back(dataset, "ada", held[0].token, &failure));
	release_tasks(held, count);
	free(held);
	lease_tasks(dataset, "ada", 1, tasks, 1);
	release_tasks(tasks, 1);
	lease_tasks(dataset, "bob", 5, tasks, 5); /* others may */
	release_tasks(tasks, 5);
}

/* --- using a lease ------------------------------------------------------------------------------------------------- */

static void a_token_serves_its_holder_alone(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *elsewhere = make_dataset(fixture, "elsewhere", NULL);

	add_pictures(fixture->dataset, 1);
	add_pictures(elsewhere, 1);
	struct task task = next_task(fixture->dataset, "ada");
	assert_token_is_void(fixture->dataset, "bob", task.token);
	assert_token_is_void(elsewhere, "ada", task.token);
	assert_token_is_void(fixture->dataset, "ada", "");
	assert_token_is_void(fixture->dataset, "ada", "0-AAAAAAAAAAAAAAAAAAAAAA");
	assert_token_is_void(fixture->dataset, "ada", "a token far longer than any that was ever handed out");
	assert_sample(fixture->dataset, 0, "", SAMPLE_UNLABELLED);
	must(lease_label(fixture->dataset, "ada", task.token, "cat", -1, NULL, &failure));
	assert_token_is_void(fixture->dataset, "ada", task.token); /* once */
	task_release(&task);
	dataset_close(elsewhere);
}

static void a_released_sample_is_free_at_its_old_place(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 3);
	struct task task = next_task(dataset, "ada");
	must(lease_give_back(dataset, "ada", task.token, &failure));
	assert_int_equal(leased(dataset), 0);
	assert_int_equal(next_id(dataset, "bob"), 0);
	assert_int_equal(next_id(dataset, "ada"), 1);
	assert_token_is_void(dataset, "ada", task.token);
	task_release(&task);
}

static void a_lease_that_ran_out_is_given_to_another(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_policy policy = dataset_policy_default();

	policy.lease_seconds = SHORT_LEASE;
	struct dataset *dataset = make_dataset(fixture, "hasty", &policy);
	add_pictures(dataset, 3);
	struct task ada = next_task(dataset, "ada");
	assert_int_equal(leased(dataset), 1);
	clock_advance(SHORT_LEASE);
	assert_int_equal(leased(dataset), 0);
	assert_token_is_void(dataset, "ada", ada.token);
	struct task bob = next_task(dataset, "bob");
	assert_int_equal(bob.sample.id, 0);
	assert_int_equal(next_id(dataset, "ada"), 1);
	must(lease_label(dataset, "bob", bob.token, "dog", -1, NULL, &failure));
	task_release(&ada);
	task_release(&bob);
	dataset_close(dataset);
}

static void leases_that_ran_out_are_not_held_and_not_counted(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task tasks[4], *held;
	size_t count;

	add_pictures(dataset, 4);
	lease_tasks(dataset, "ada", 3, tasks, 3);
	clock_advance(LEASE_SECONDS - 60);
	assert_int_equal(leased(dataset), 3);
	release_tasks(tasks, 3);
	lease_tasks(dataset, "ada", 1, tasks, 1);
	clock_advance(60);
	assert_int_equal(leased(dataset), 1);
	must(lease_held(dataset, "ada", &held, &count, &failure));
	assert_int_equal(count, 1);
	assert_int_equal(held[0].sample.id, 3);
	release_tasks(held, count);
	free(held);
	release_tasks(tasks, 1);
	lease_tasks(dataset, "bob", 4, tasks, 3); /* those of ada's that ran out */
	for (int i = 0; i < 3; i++)
		assert_int_equal(tasks[i].sample.id, i);
	release_tasks(tasks, 3);
}

static void renewing_prolongs_a_lease(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	int64_t expires;

	add_pictures(dataset, 1);
	struct task task = next_task(dataset, "ada");
	clock_advance(LEASE_SECONDS - 60);
	must(lease_renew(dataset, "ada", task.token, &expires, &failure));
	assert_true(expires >= task.expires_at + (LEASE_SECONDS - 60) * 1000000LL);
	clock_advance(LEASE_SECONDS - 60);
	must(lease_label(dataset, "ada", task.token, "cat", -1, NULL, &failure));
	task_release(&task);
}

static void asking_again_late_gives_the_same_one_with_time_to_work(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	struct task first = next_task(dataset, "ada");
	clock_advance(LEASE_SECONDS - 1);
	struct task again = next_task(dataset, "ada");
	assert_int_equal(again.sample.id, 0);
	assert_string_equal(again.token, first.token);
	assert_true(again.expires_at > first.expires_at);
	clock_advance(60);
	must(lease_label(dataset, "ada", again.token, "cat", -1, NULL, &failure));
	task_release(&first);
	task_release(&again);
}

static void a_lease_lives_on_in_another_process(void **state)
{
	struct fixture *fixture = *state;

	add_pictures(fixture->dataset, 2);
	struct task task = next_task(fixture->dataset, "ada");
	struct dataset_store *store = another_store(fixture);
	struct dataset *dataset = open_dataset(store, "animals");
	assert_int_equal(next_id(dataset, "bob"), 1);
	assert_int_equal(next_id(dataset, "ada"), 0);
	must(lease_label(dataset, "ada", task.token, "cat", -1, NULL, &failure));
	refused(lease_label(fixture->dataset, "ada", task.token, "cat", -1, NULL, &failure), ERR_CONFLICT);
	task_release(&task);
	dataset_close(dataset);
	dataset_store_free(store);
}

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
	release_tasks(tasks, 20);
	policy.order = DATASET_ORDER_SEQUENTIAL;
	set_policy(dataset, &policy);
	lease_tasks(dataset, "ada", 20, tasks, 20);
	for (int i = 0; i < 20; i++)
		assert_int_equal(tasks[i].sample.id, i);
	release_tasks(tasks, 20);
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
		DATASET_TEST(a_token_serves_its_holder_alone),
		DATASET_TEST(a_released_sample_is_free_at_its_old_place),
		DATASET_TEST(a_lease_that_ran_out_is_given_to_another),
		DATASET_TEST(leases_that_ran_out_are_not_held_and_not_counted),
		DATASET_TEST(renewing_prolongs_a_lease),
		DATASET_TEST(asking_again_late_gives_the_same_one_with_time_to_work),
		DATASET_TEST(a_lease_lives_on_in_another_process),
		STORE_TEST(in_random_order_each_is_given_once_and_not_in_line),
		DATASET_TEST(a_change_of_order_holds_for_what_is_there),
	};

	return RUN(tests);
}
