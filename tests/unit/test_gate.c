/* The brake on guessing passwords that people chose, by the test's own clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/gate.h"
#include "auth/users.h"
#include "tempdir.h"

static const struct user_place place = {.dir = tempdir};

enum { SECOND = 1000000, MINUTE = 60 * SECOND, RATE = 2 };
#define HOME "192.0.2.1"

static struct gate *gate;
static int64_t now, wait_us;

/* pin: a plain password, own: a slow hash of "correct horse". */
static int open_gate(void **state)
{
	struct err err;
	if (tempdir_make(state) != 0)
		return -1;
	temp_text("pin.json", "{\"user\":\"a/pin\",\"password\":\"1234\"}");
	assert_int_equal(users_add(&place, "own", ROLE_VIEWER, NULL, 0, "correct horse", 0, NULL, &err), 0);
	assert_int_equal(gate_open(&gate, tempdir, RATE, &err), 0);
	now = (int64_t)1000 * MINUTE;
	return 0;
}

static int close_gate(void **state)
{
	gate_free(gate);
	return tempdir_remove(state);
}

static enum gate_answer ask(const char *user, const char *password, const char *address)
{
	return gate_ask(gate, user, password, address, now, &wait_us);
}

/* Wrong passwords until it is too many; how many were checked. */
static int guess(const char *user, const char *address)
{
	int checked = 0;
	while (ask(user, "wrong", address) == GATE_WRONG)
		assert_true(++checked < 1000);
	assert_true(wait_us > 0 && wait_us <= MINUTE);
	return checked;
}

static void a_right_password_comes_in(void **state)
{
	(void)state;
	assert_int_equal(ask("a/pin", "1234", HOME), GATE_RIGHT);
	assert_int_equal(ask("own", "correct horse", HOME), GATE_RIGHT);
	assert_int_equal(ask("own", "1234", HOME), GATE_WRONG);
	assert_int_equal(ask("own", "", HOME), GATE_WRONG);
	assert_int_equal(ask("nobody", "1234", HOME), GATE_WRONG);
}

static void guesses_are_braked_alike_for_all_names(void **state)
{
	(void)state;
	static const char *const names[] = {"a/pin", "own", "nobody", "../../../etc/passwd", ""};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(guess(names[i], HOME), GATE_FAILURES);
	assert_int_equal(ask("a/pin", "1234", HOME), GATE_SLOW);
	now += wait_us;
	assert_int_equal(ask("a/pin", "wrong", HOME), GATE_WRONG);
	assert_int_equal(ask("a/pin", "wrong", HOME), GATE_SLOW);
	now += wait_us;
	assert_int_equal(ask("a/pin", "1234", HOME), GATE_RIGHT);
}

static void failures_count_over_all_addresses(void **state)
{
	(void)state;
	char address[32];
	int checked = 0;
	for (int i = 0; i < 250; i++) {
		snprintf(address, sizeof(address), "198.51.100.%d", i);
		checked += ask("own", "wrong", address) == GATE_WRONG;
	}
	assert_int_equal(checked, GATE_FAILURES + GATE_FRESH);
	assert_int_equal(ask("own", "correct horse", "203.0.113.1"), GATE_SLOW);
	now += 2 * MINUTE;
	assert_int_equal(ask("own", "correct horse", "203.0.113.1"), GATE_RIGHT);
}

/* Names share cells by chance, and should not pay for each other: with a single cell each, some 370 of these would. */
static void guesses_of_many_names_brake_no_other(void **state)
{
	(void)state;
	char name[32];
	int braked = 0;
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "guessed%d", i);
		guess(name, HOME);
	}
	for (int i = 0; i < 12000; i++) {
		snprintf(name, sizeof(name), "other%d", i);
		braked += ask(name, "wrong", HOME) == GATE_SLOW;
	}
	assert_in_range(braked, 0, 100);
}

static void one_ipv6_network_is_one_address(void **state)
{
	(void)state;
	char address[64];
	int checked = 0;
	for (int i = 1; i < 100; i++) {
		snprintf(address, sizeof(address), "2001:db8:0:1::%x", i);
		checked += ask("own", "wrong", address) == GATE_WRONG;
	}
	assert_int_equal(checked, GATE_FAILURES);
	assert_int_equal(ask("own", "correct horse", "2001:db8:0:2::1"), GATE_RIGHT);
}

static void a_stranger_cannot_lock_a_person_out(void **state)
{
	(void)state;
	assert_int_equal(ask("own", "correct horse", HOME), GATE_RIGHT);
	for (int hour = 0; hour < 60; hour++) {
		guess("own", "198.51.100.1");
		assert_int_equal(ask("own", "correct horse", HOME), GATE_RIGHT);
		now += MINUTE;
	}
	guess("own", "198.51.100.1");
	assert_int_equal(ask("own", "correct horse", "203.0.113.1"), GATE_RIGHT); /* where it has never been used */
	assert_int_equal(guess("own", HOME), GATE_FAILURES); /* nor can the person's own address guess on */
}

static void a_changed_password_is_another(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(ask("own", "correct horse", HOME), GATE_RIGHT);
	assert_int_equal(users_passwd(&place, "own", "battery staple", NULL, &err), 0);
	assert_int_equal(ask("own", "correct horse", HOME), GATE_WRONG);
	assert_int_equal(ask("own", "battery staple", HOME), GATE_RIGHT);
	assert_int_equal(users_remove(&place, "own", false, &err), 0);
	assert_int_equal(ask("own", "battery staple", HOME), GATE_WRONG);
}

static void a_slow_hash_has_a_rate(void **state)
{
	(void)state;
	int let_in = 0;
	for (int i = 0; i < 100; i++)
		let_in += ask("own", "correct horse", HOME) == GATE_RIGHT;
	assert_int_equal(let_in, GATE_BURST * RATE);
	now += SECOND;
	for (int i = 0; i < 100; i++)
		let_in += ask("own", "correct horse", HOME) == GATE_RIGHT;
	assert_int_equal(let_in, (GATE_BURST + 1) * RATE);
	for (int i = 0; i < 100; i++)
		assert_int_equal(ask("a/pin", "1234", HOME), GATE_RIGHT);
}

static void basic_is_read_as_nginx_does(void **state)
{
	(void)state;
	char space[GATE_BASIC_MAX];
	const char *user, *password;
	assert_true(gate_basic("bAsIc   YTpiOmM=", space, &user, &password)); /* a:b:c */
	assert_string_equal(user, "a");
	assert_string_equal(password, "b:c");
	static const char *const bad[] = {"", "Basic", "Basic ", "Bearer YTpi", "Basic YWI=", "Basic YQA6Yg==", "Basic !!!!"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(gate_basic(bad[i], space, &user, &password));
	char large[2 * GATE_BASIC_MAX] = "Basic ";
	memset(large + 6, 'A', sizeof(large) - 7);
	assert_false(gate_basic(large, space, &user, &password));
}

#define GATE_TEST(name) cmocka_unit_test_setup_teardown(name, open_gate, close_gate)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GATE_TEST(a_right_password_comes_in),
		GATE_TEST(guesses_are_braked_alike_for_all_names),
		GATE_TEST(failures_count_over_all_addresses),
		GATE_TEST(guesses_of_many_names_brake_no_other),
		GATE_TEST(one_ipv6_network_is_one_address),
		GATE_TEST(a_stranger_cannot_lock_a_person_out),
		GATE_TEST(a_changed_password_is_another),
		GATE_TEST(a_slow_hash_has_a_rate),
		cmocka_unit_test(basic_is_read_as_nginx_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
