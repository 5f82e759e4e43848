/* Which datasets stay open, who opens one, and when one is freed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sched.h>
#include <stdatomic.h>

#include "dataset/handles.h"

enum { ROOM = 2, THREADS = 8, YIELDS = 1000 };

static struct err failure;
static atomic_int opened, entered, expected; /* threads that ask, of those that will */
static int freed;
static char last_freed[8];

/* Fails for names that begin with '!'. */
static int open_one(void *data, const char *name, struct dataset **out, struct err *err)
{
	struct dataset *dataset = calloc(1, sizeof(*dataset));

	++*(atomic_int *)data;
	while (entered < expected && opened < 2)
		sched_yield();
	for (int i = 0; i < YIELDS && opened < 2 && expected; i++) /* those that ask may not have come to wait yet */
		sched_yield();
	if (!dataset || !(dataset->name = strdup(name)))
		abort();
	if (name[0] == '!') {
		free(dataset->name);
		free(dataset);
		return err_set(err, ERR_NOT_FOUND, "Database not found");
	}
	*out = dataset;
	return 0;
}

static void free_one(struct dataset *dataset)
{
	freed++;
	snprintf(last_freed, sizeof(last_freed), "%s", dataset->name);
	free(dataset->name);
	free(dataset);
}

static int set_up(void **state)
{
	static struct handles handles;

	opened = entered = expected = 0;
	freed = 0;
	last_freed[0] = '\0';
	handles_init(&handles, ROOM, free_one);
	*state = &handles;
	return 0;
}

static int tear_down(void **state)
{
	handles_release(*state);
	assert_int_equal(opened, freed);
	return 0;
}

static struct dataset *get(struct handles *handles, const char *name)
{
	struct dataset *dataset;

	assert_int_equal(handles_get(handles, name, open_one, &opened, &dataset, &failure), 0);
	assert_string_equal(dataset->name, name);
	return dataset;
}

static void one_that_was_used_is_kept(void **state)
{
	struct dataset *first = get(*state, "a");

	handles_put(*state, first);
	assert_ptr_equal(get(*state, "a"), first);
	assert_ptr_equal(get(*state, "a"), first);
	assert_int_equal(opened, 1);
	handles_put(*state, first);
	handles_put(*state, first);
	assert_int_equal(freed, 0);
}

static void the_one_used_longest_ago_goes_first(void **state)
{
	handles_put(*state, get(*state, "a"));
	handles_put(*state, get(*state, "b"));
	handles_put(*state, get(*state, "a"));
	handles_put(*state, get(*state, "c"));
	assert_string_equal(last_freed, "b");
	handles_put(*state, get(*state, "a"));
	assert_int_equal(opened, 3);
}

static void pass(struct handles *handles, const char *name)
{
	struct dataset *dataset = get(handles, name);

	handles_pass(dataset);
	handles_put(handles, dataset);
}

static void who_goes_through_many_finds_the_same_ones_open_each_time(void **state)
{
	for (int times = 0; times < 3; times++) {
		for (char name[] = "a"; *name <= 'd'; name[0]++)
			pass(*state, name);
	}
	assert_int_equal(opened, 4 + 3 + 3); /* "a" stays */
}

static void one_in_use_stays_when_somebody_goes_through_many(void **state)
{
	handles_put(*state, get(*state, "x"));
	for (char name[] = "a"; *name <= 'd'; name[0]++)
		pass(*state, name);
	handles_put(*state, get(*state, "x"));
	assert_int_equal(opened, 5);
	handles_put(*state, get(*state, "y"));
	assert_string_equal(last_freed, "d");
}

static void none_goes_that_is_in_use(void **state)
{
	struct dataset *held[] = {get(*state, "a"), get(*state, "b"), get(*state, "c")};

	assert_int_equal(freed, 0);
	for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++)
		handles_put(*state, held[i]);
	handles_put(*state, get(*state, "d")); /* there is room for two again */
	assert_int_equal(freed, 2);
}

static void one_that_was_dropped_is_freed_by_its_last_user(void **state)
{
	struct dataset *old = get(*state, "a");

	assert_ptr_equal(get(*state, "a"), old);
	handles_drop(*state, old);
	handles_drop(*state, old);
	struct dataset *new = get(*state, "a");
	assert_ptr_not_equal(new, old);
	handles_put(*state, old);
	assert_int_equal(freed, 0);
	handles_put(*state, old);
	assert_int_equal(freed, 1);
	handles_put(*state, new);
	assert_int_equal(freed, 1);
}

static void what_cannot_be_opened_is_asked_for_anew(void **state)
{
	struct dataset *dataset;
	atomic_int tries = 0;

	for (int i = 0; i < 2; i++) {
		assert_true(handles_get(*state, "!", open_one, &tries, &dataset, &failure));
		assert_int_equal(failure.code, ERR_NOT_FOUND);
	}
	assert_int_equal(tries, 2);
}

static void *get_and_put(void *data)
{
	entered++;
	handles_put(data, get(data, "a"));
	return NULL;
}

static void threads_that_want_the_same_open_it_once(void **state)
{
	pthread_t threads[THREADS];

	expected = THREADS;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, get_and_put, *state), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(opened, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_was_used_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_one_used_longest_ago_goes_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_goes_through_many_finds_the_same_ones_open_each_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_in_use_stays_when_somebody_goes_through_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(none_goes_that_is_in_use, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_was_dropped_is_freed_by_its_last_user, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_opened_is_asked_for_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(threads_that_want_the_same_open_it_once, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
