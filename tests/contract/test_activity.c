/* Contract: who works on a dataset now, and what was labelled last. */
#include "fixture.h"

#include "dataset/activity.h"

/* "user user; by labelled", as of now. */
static const char *activity(struct dataset *dataset)
{
	static char text[4000];
	struct dataset_activity now;
	size_t len = 0;

	must(dataset_activity(dataset, false, &now, &failure));
	text[0] = '\0';
	for (size_t i = 0; i < now.working_count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s ", now.working[i]);
	snprintf(text + len, sizeof(text) - len, "; %s %s", now.labelled_by ? now.labelled_by : "",
	         now.labelled_at ? "labelled" : "");
	dataset_activity_release(&now);
	return text;
}

static void nothing_goes_on_in_a_new_dataset(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	assert_string_equal(activity(dataset), ";  ");
}

static void those_who_hold_leases_work_until_these_run_out(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task tasks[2];

	add_pictures(dataset, 4);
	lease_tasks(dataset, "bob", 2, tasks, 2);
	for (int i = 0; i < 2; i++)
		task_release(&tasks[i]);
	next_id(dataset, "ada");
	assert_string_equal(activity(dataset), "ada bob ;  ");
	clock_advance(LEASE_SECONDS + 1);
	assert_string_equal(activity(dataset), ";  ");
}

static void the_last_label_is_told_with_who_gave_it(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 3);
	label_next(dataset, "bob", 0, "cat");
	clock_advance(1);
	label_next(dataset, "ada", 1, "dog");
	assert_string_equal(activity(dataset), "; ada labelled");
}

static void a_crowd_is_named_up_to_a_limit(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_activity now;

	add_pictures(dataset, ACTIVITY_WORKING_MAX + 1);
	for (int i = 0; i <= ACTIVITY_WORKING_MAX; i++) {
		char user[20];

		snprintf(user, sizeof(user), "user%03d", i);
		next_id(dataset, user);
	}
	must(dataset_activity(dataset, false, &now, &failure));
	assert_int_equal(now.working_count, ACTIVITY_WORKING_MAX);
	assert_string_equal(now.working[ACTIVITY_WORKING_MAX - 1], "user099");
	dataset_activity_release(&now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(nothing_goes_on_in_a_new_dataset),
		DATASET_TEST(those_who_hold_leases_work_until_these_run_out),
		DATASET_TEST(the_last_label_is_told_with_who_gave_it),
		DATASET_TEST(a_crowd_is_named_up_to_a_limit),
	};

	return RUN(tests);
}
