/* How many requests may wait for a body, and how slow a body may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fastcgi/admission.h"
#include "fastcgi/pace.h"

enum { THREADS = 64, POSTS = 48, OTHERS = 56 };

static struct err err;
static int place[THREADS];

/* How many places these users get, one after the other until one is refused. */
static int take(struct admission *admission, const char *const *users, int count, bool post, enum err_code refusal)
{
	int taken = 0;

	while (admission_enter(admission, users[taken % count], post, &place[taken], &err) == 0)
		taken++;
	assert_int_equal(err.code, refusal);
	return taken;
}

static void a_user_gets_half_of_the_places(void **state)
{
	static const char *const ann = "ann", *const bob = "bob";

	(void)state;
	for (int post = 0; post < 2; post++) {
		struct admission *admission = admission_new(THREADS);
		int half = (post ? POSTS : OTHERS) / 2, other;

		assert_int_equal(take(admission, &ann, 1, post, ERR_TOO_MANY), half);
		assert_int_equal(admission_enter(admission, bob, post, &other, &err), 0);
		admission_leave(admission, place[3]);
		assert_int_equal(admission_enter(admission, ann, post, &place[3], &err), 0);
		assert_true(admission_enter(admission, ann, post, &other, &err));
		admission_free(admission);
	}
}

static void all_together_leave_some_threads(void **state)
{
	static const char *const users[] = {"ann", "bob", "carl"};
	int put;

	(void)state;
	for (int post = 0; post < 2; post++) {
		struct admission *admission = admission_new(THREADS);

		assert_int_equal(take(admission, users, 3, post, ERR_UNAVAILABLE), post ? POSTS : OTHERS);
		assert_int_equal(!admission_enter(admission, "dave", false, &put, &err), post);
		admission_free(admission);
	}
}

static void a_body_must_come_on(void **state)
{
	struct pace pace = {.seconds = 3, .bytes_a_second = 100};

	(void)state;
	assert_int_equal(pace_add(&pace, 2 * MICROSECONDS, 1, &err), 0); /* not judged yet */
	assert_int_equal(pace_add(&pace, MICROSECONDS - 1, 0, &err), 0);
	assert_int_equal(pace_add(&pace, 1, 299, &err), 0); /* 300 in 3 s */
	assert_int_equal(pace_add(&pace, 0, 1000000, &err), 0);
	assert_int_equal(pace_add(&pace, 3 * MICROSECONDS, 0, &err), 0);
	assert_true(pace_add(&pace, 3 * MICROSECONDS, 299, &err)); /* what came before is no credit */
	assert_int_equal(err.code, ERR_SLOW);
	pace = (struct pace){.seconds = 3};
	assert_int_equal(pace_add(&pace, 30 * MICROSECONDS, 1, &err), 0); /* any rate */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_gets_half_of_the_places),
		cmocka_unit_test(all_together_leave_some_threads),
		cmocka_unit_test(a_body_must_come_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
