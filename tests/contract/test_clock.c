/* Contract: leases when a clock is wrong, or goes back. */
#include "fixture.h"

#include "base/text.h"
#include "dataset/answers.h"
#include "dataset/task.h"

enum { HOURS = 10 * 3600 };

static void after_the_clock_went_back_a_lease_ends_when_a_new_one_would(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task task, *held;
	size_t count;

	add_pictures(dataset, 1);
	struct task ada = next_task(dataset, "ada");
	clock_advance(-HOURS);
	lease_tasks(dataset, "bob", 1, &task, 0); /* it is ada's still, */
	must(lease_held(dataset, "ada", &held, &count, &failure));
	assert_int_equal(count, 1);
	tasks_release(held, count);
	free(held);
	clock_advance(LEASE_SECONDS); /* but not for ten hours */
	assert_token_is_void(dataset, "ada", ada.token);
	lease_tasks(dataset, "bob", 1, &task, 1);
	task_release(&ada);
	task_release(&task);
}

static void one_asked_for_again_after_the_clock_went_back_is_told_to_end_soon(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	struct task first = next_task(dataset, "ada");
	clock_advance(-HOURS);
	struct task again = next_task(dataset, "ada");
	assert_string_equal(again.token, first.token);
	assert_in_range(again.expires_at, 0, text_now() + (LEASE_SECONDS + 60) * INT64_C(1000000));
	must(lease_label(dataset, "ada", again.token, "cat", -1, NULL, &failure));
	task_release(&first);
	task_release(&again);
}

static void a_claim_of_a_key_is_given_up_though_the_clock_went_back(void **state)
{
	struct fixture *fixture = *state;
	enum idempotency found;
	char *body;
	int status;

	must(idempotency_claim(fixture->store, "ada", "key", "print", &found, &status, &body, &failure));
	clock_advance(-HOURS);
	must(idempotency_claim(fixture->store, "ada", "key", "print", &found, &status, &body, &failure));
	assert_int_equal(found, IDEMPOTENCY_NEW);
}

/* Of a store that several machines share. */
static void a_machine_whose_clock_is_ahead_takes_nothing_that_another_holds(void **state)
{
	struct fixture *fixture = *state;
	struct task ada, task;
	enum idempotency found;
	char *body;
	int status;

	add_pictures(fixture->dataset, 1);
	ada = next_task(fixture->dataset, "ada");
	must(idempotency_claim(fixture->store, "ada", "key", "print", &found, &status, &body, &failure));
	clock_skew(HOURS);
	struct dataset_store *store = another_store(fixture);
	struct dataset *dataset = open_dataset(store, "animals");
	lease_tasks(dataset, "bob", 1, &task, 0);
	assert_int_equal(leased(dataset), 1);
	must(idempotency_claim(store, "ada", "key", "print", &found, &status, &body, &failure));
	assert_int_equal(found, IDEMPOTENCY_BUSY);
	must(lease_label(dataset, "ada", ada.token, "cat", -1, NULL, &failure));
	task_release(&ada);
	dataset_close(dataset);
	dataset_store_free(store);
}

static void nor_does_one_whose_clock_is_behind_hold_for_longer(void **state)
{
	struct fixture *fixture = *state;
	struct task task;

	add_pictures(fixture->dataset, 1);
	clock_skew(HOURS);
	assert_int_equal(next_id(fixture->dataset, "ada"), 0);
	clock_skew(-HOURS);
	clock_advance(LEASE_SECONDS);
	lease_tasks(fixture->dataset, "bob", 1, &task, 1);
	task_release(&task);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(after_the_clock_went_back_a_lease_ends_when_a_new_one_would),
		DATASET_TEST(one_asked_for_again_after_the_clock_went_back_is_told_to_end_soon),
		STORE_TEST(a_claim_of_a_key_is_given_up_though_the_clock_went_back),
	};
	const struct CMUnitTest of_several_machines[] = {
		DATASET_TEST(a_machine_whose_clock_is_ahead_takes_nothing_that_another_holds),
		DATASET_TEST(nor_does_one_whose_clock_is_behind_hold_for_longer),
	};
	int failed = RUN(tests);

	return clock_is_the_servers() ? failed + RUN(of_several_machines) : failed;
}
