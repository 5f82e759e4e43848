/* Notes of images about to be stored: which of them a sweep finds, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "intake/intent.h"
#include "tempdir.h"

enum { NOW = 0 }; /* notes of any age */

static struct {
	int count;
	char last[200];
	bool remove;
} seen;

static bool see(void *data, const char *dataset, const char *key)
{
	(void)data;
	seen.count++;
	snprintf(seen.last, sizeof(seen.last), "%s %s", dataset, key);
	return seen.remove;
}

static int sweep(const char *dir, bool remove)
{
	struct err err;

	seen.count = 0;
	seen.remove = remove;
	assert_int_equal(intent_each(dir, NOW, see, NULL, &err), 0);
	return seen.count;
}

static int files(const char *dir)
{
	DIR *folder = opendir(dir);
	const struct dirent *entry;
	int count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static struct intent *begin(struct intents *intents, const char *key)
{
	struct intent *intent;
	struct err err;

	assert_int_equal(intent_begin(intents, &intent, "cats", key, &err), 0);
	return intent;
}

static void what_is_done_leaves_no_note(void **state)
{
	(void)state;
	struct intents *intents = intents_new(tempdir);

	for (int i = 0; i < 3; i++)
		intent_end(intents, begin(intents, "images/a"), true);
	assert_int_equal(files(tempdir), 1); /* the same one each time */
	intents_free(intents);
	assert_int_equal(files(tempdir), 0);
}

static void what_is_under_way_is_not_swept(void **state)
{
	(void)state;
	struct intents *intents = intents_new(tempdir);
	struct intent *first = begin(intents, "images/a"), *second = begin(intents, "images/b");

	assert_int_equal(sweep(tempdir, true), 0);
	assert_int_equal(files(tempdir), 2);
	intent_end(intents, first, true);
	intent_end(intents, second, true);
	intents_free(intents);
}

static void what_ended_undone_is_swept(void **state)
{
	(void)state;
	struct intents *intents = intents_new(tempdir);

	intent_end(intents, begin(intents, "images/a-long-name"), true); /* another note, longer, was there */
	intent_end(intents, begin(intents, "images/b"), false);
	assert_int_equal(sweep(tempdir, false), 1);
	assert_string_equal(seen.last, "cats images/b");
	assert_int_equal(sweep(tempdir, true), 1); /* it stayed */
	assert_int_equal(sweep(tempdir, true), 0);
	intents_free(intents);
}

/* Files have times of a finer clock than time()'s, which lags behind it at the turn of each second. */
static void what_ended_this_moment_is_swept_at_any_moment(void **state)
{
	(void)state;
	struct intents *intents = intents_new(tempdir);
	int64_t end = clock_us() + 2 * MICROSECONDS;

	while (clock_us() < end) {
		intent_end(intents, begin(intents, "images/a"), false);
		assert_int_equal(sweep(tempdir, true), 1);
	}
	intents_free(intents);
}

static void what_is_stored_again_is_not_swept_meanwhile(void **state)
{
	(void)state;
	struct intents *dead = intents_new(tempdir), *live = intents_new(tempdir);

	intent_end(dead, begin(dead, "images/a"), false);
	intent_end(dead, begin(dead, "images/b"), false);
	struct intent *again = begin(live, "images/a"), *twice = begin(live, "images/a");
	assert_int_equal(sweep(tempdir, true), 1);
	assert_string_equal(seen.last, "cats images/b");
	intent_end(live, again, true);
	assert_int_equal(sweep(tempdir, true), 0); /* the other one has it still */
	intent_end(live, twice, true);
	assert_int_equal(sweep(tempdir, true), 1);
	assert_string_equal(seen.last, "cats images/a");
	intents_free(dead);
	intents_free(live);
}

static struct intents *storing;
static pthread_t storer;
static bool begun; /* by the storer; atomically */

static void *store_again(void *unused)
{
	(void)unused;
	struct intent *intent = begin(storing, "images/a");

	__atomic_store_n(&begun, true, __ATOMIC_SEQ_CST);
	intent_end(storing, intent, true);
	return NULL;
}

/* Whether anyone waits to read what another has locked by an opening: nobody else here does. */
static bool someone_waits(void)
{
	char line[300];
	bool found = false;
	FILE *locks = fopen("/proc/locks", "r");

	assert_non_null(locks);
	while (fgets(line, sizeof(line), locks))
		found = found || (strstr(line, "-> OFDLCK") && strstr(line, "READ"));
	fclose(locks);
	return found;
}

static bool see_while_another_wants_it(void *data, const char *dataset, const char *key)
{
	(void)data, (void)dataset, (void)key;
	assert_int_equal(pthread_create(&storer, NULL, store_again, NULL), 0);
	while (!someone_waits() && !__atomic_load_n(&begun, __ATOMIC_SEQ_CST))
		sched_yield();
	assert_false(__atomic_load_n(&begun, __ATOMIC_SEQ_CST));
	return true;
}

static void what_is_being_swept_is_not_stored_meanwhile(void **state)
{
	(void)state;
	struct err err;

	storing = intents_new(tempdir);
	intent_end(storing, begin(storing, "images/a"), false);
	assert_int_equal(intent_each(tempdir, NOW, see_while_another_wants_it, NULL, &err), 0);
	assert_int_equal(pthread_join(storer, NULL), 0);
	assert_true(begun);
	intents_free(storing);
}

static void a_key_that_is_being_stored_is_not_visited_alone(void **state)
{
	(void)state;
	struct err err;
	bool visited;

	seen.count = 0;
	storing = intents_new(tempdir);
	struct intent *intent = begin(storing, "images/a");
	assert_int_equal(intent_alone(tempdir, "cats", "images/a", see, NULL, &visited, &err), 0);
	assert_false(visited);
	assert_int_equal(seen.count, 0);
	assert_int_equal(intent_alone(tempdir, "cats", "images/b", see, NULL, &visited, &err), 0);
	assert_true(visited);
	intent_end(storing, intent, true);
	assert_int_equal(intent_alone(tempdir, "cats", "images/a", see, NULL, &visited, &err), 0);
	assert_true(visited);
	assert_string_equal(seen.last, "cats images/a");
	intents_free(storing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMPDIR_TEST(what_is_done_leaves_no_note),
		TEMPDIR_TEST(what_is_under_way_is_not_swept),
		TEMPDIR_TEST(what_ended_undone_is_swept),
		TEMPDIR_TEST(what_ended_this_moment_is_swept_at_any_moment),
		TEMPDIR_TEST(what_is_stored_again_is_not_swept_meanwhile),
		TEMPDIR_TEST(what_is_being_swept_is_not_stored_meanwhile),
		TEMPDIR_TEST(a_key_that_is_being_stored_is_not_visited_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
