/* When users were last let in, noted in a file that processes share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/lastuse.h"
#include "base/clock.h"
#include "tempdir.h"

static int64_t at(int64_t seconds)
{
	return seconds * MICROSECONDS;
}

static void the_latest_use_is_known(void **state)
{
	(void)state;
	struct lastuse *lastuse = lastuse_open(temp("last-use"));
	assert_int_equal(lastuse_get(lastuse, "ann"), 0);
	lastuse_note(lastuse, "ann", at(100) + 123456);
	assert_int_equal(lastuse_get(lastuse, "ann"), at(100));
	lastuse_note(lastuse, "ann", at(200));
	lastuse_note(lastuse, "bob", at(150));
	lastuse_note(lastuse, "ann", at(50)); /* told by another machine, late */
	assert_int_equal(lastuse_get(lastuse, "ann"), at(200));
	assert_int_equal(lastuse_get(lastuse, "bob"), at(150));
	assert_int_equal(lastuse_get(lastuse, "an"), 0);
	lastuse_free(lastuse);
}

static void processes_see_each_others_notes(void **state)
{
	(void)state;
	struct lastuse *one = lastuse_open(temp("last-use")), *other = lastuse_open(temp("last-use"));
	lastuse_note(one, "ann", at(100));
	assert_int_equal(lastuse_get(other, "ann"), at(100));
	lastuse_note(other, "ann", at(101));
	assert_int_equal(lastuse_get(one, "ann"), at(101));
	lastuse_free(one);
	lastuse_free(other);
	struct lastuse *later = lastuse_open(temp("last-use"));
	assert_int_equal(lastuse_get(later, "ann"), at(101));
	lastuse_free(later);
}

static void of_more_than_fit_the_oldest_are_forgotten(void **state)
{
	enum { NAMES = 2 * LASTUSE_CELLS };
	(void)state;
	struct lastuse *lastuse = lastuse_open(temp("last-use"));
	char name[32];
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "user %d", i);
		lastuse_note(lastuse, name, at(i + 1));
	}
	int old = 0, recent = 0;
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "user %d", i);
		int64_t known = lastuse_get(lastuse, name);
		assert_true(known == 0 || known == at(i + 1));
		old += i < NAMES / 4 && known != 0;
		recent += i >= NAMES - NAMES / 8 && known != 0;
	}
	lastuse_note(lastuse, "told late", at(1)); /* of whom nobody else knows, which is no reason to forget them */
	assert_int_equal(lastuse_get(lastuse, "told late"), 0);
	assert_true(recent > NAMES / 8 * 9 / 10);
	assert_true(old < NAMES / 4 / 10);
	lastuse_free(lastuse);
}

static void a_file_that_cannot_be_used_notes_nothing(void **state)
{
	(void)state;
	struct lastuse *lastuse = lastuse_open(temp("absent/last-use"));
	lastuse_note(lastuse, "ann", at(100));
	assert_int_equal(lastuse_get(lastuse, "ann"), 0);
	lastuse_free(lastuse);
	lastuse_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMPDIR_TEST(the_latest_use_is_known),
		TEMPDIR_TEST(processes_see_each_others_notes),
		TEMPDIR_TEST(of_more_than_fit_the_oldest_are_forgotten),
		TEMPDIR_TEST(a_file_that_cannot_be_used_notes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
