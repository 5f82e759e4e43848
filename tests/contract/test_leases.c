/* Contract: the life of a lease. */
#include "fixture.h"

#include "base/text.h"
#include "dataset/task.h"

enum { SHORT_LEASE = 60 };

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
	tasks_release(tasks, 3);
	lease_tasks(dataset, "ada", 1, tasks, 1);
	clock_advance(60);
	assert_int_equal(leased(dataset), 1);
	must(lease_held(dataset, "ada", &held, &count, &failure));
	assert_int_equal(count, 1);
	assert_int_equal(held[0].sample.id, 3);
	tasks_release(held, count);
	free(held);
	tasks_release(tasks, 1);
	lease_tasks(dataset, "bob", 4, tasks, 3); /* those of ada's that ran out */
	for (int i = 0; i < 3; i++)
		assert_int_equal(tasks[i].sample.id, i);
	tasks_release(tasks, 3);
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
	clock_advance(LEASE_SECONDS - 60);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(a_token_serves_its_holder_alone),
		DATASET_TEST(a_released_sample_is_free_at_its_old_place),
		DATASET_TEST(a_lease_that_ran_out_is_given_to_another),
		DATASET_TEST(leases_that_ran_out_are_not_held_and_not_counted),
		DATASET_TEST(renewing_prolongs_a_lease),
		DATASET_TEST(asking_again_late_gives_the_same_one_with_time_to_work),
		DATASET_TEST(a_lease_lives_on_in_another_process),
	};

	return RUN(tests);
}
