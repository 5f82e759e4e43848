/* Notes of images about to be stored: which a sweep finds, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>

#include "blob/intent.h"
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
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count - 2;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMPDIR_TEST(what_is_done_leaves_no_note),
		TEMPDIR_TEST(what_is_under_way_is_not_swept),
		TEMPDIR_TEST(what_ended_undone_is_swept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
