/* Buffers: they grow to their ceiling and not a byte beyond, and are always readable as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void an_empty_buffer_is_the_empty_text(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 10);
	assert_string_equal(buf_text(&buf), "");
	assert_int_equal(buf.len, 0);
	buf_release(&buf);
}

static void appends_follow_each_other(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 1000);
	assert_int_equal(buf_str(&buf, "one"), 0);
	assert_int_equal(buf_char(&buf, ' '), 0);
	assert_int_equal(buf_add(&buf, "two!", 3), 0);
	assert_int_equal(buf_printf(&buf, " %d", 3), 0);
	assert_string_equal(buf.data, "one two 3");
	assert_string_equal(buf_text(&buf), "one two 3");
	assert_int_equal(buf.len, 9);
	buf_release(&buf);
}

static void nul_bytes_are_bytes(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 10);
	buf_str(&buf, "longer");
	buf_clear(&buf);
	buf_add(&buf, "a\0b", 3);
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.data, "a\0b", 4);
	buf_release(&buf);
}

static void the_ceiling_itself_fits(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 5);
	assert_int_equal(buf_str(&buf, "12345"), 0);
	assert_int_equal(buf_str(&buf, ""), 0);
	assert_false(buf.overflow);
	buf_release(&buf);
}

static void beyond_the_ceiling_nothing_is_appended(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 5);
	buf_str(&buf, "123");
	assert_true(buf_str(&buf, "456"));
	assert_true(buf.overflow);
	assert_string_equal(buf_text(&buf), "123");
	buf_release(&buf);
}

static void after_an_overflow_even_what_fits_is_left_out(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 5);
	buf_str(&buf, "123456");
	assert_true(buf_char(&buf, 'x'));
	assert_true(buf_printf(&buf, "x"));
	assert_null(buf_reserve(&buf, 1));
	assert_string_equal(buf_text(&buf), "");
	buf_clear(&buf);
	assert_int_equal(buf_char(&buf, 'x'), 0);
	assert_string_equal(buf_text(&buf), "x");
	buf_release(&buf);
}

static void printf_counts_before_it_writes(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 8);
	buf_str(&buf, "1234");
	assert_true(buf_printf(&buf, "%s", "56789"));
	assert_string_equal(buf_text(&buf), "1234");
	buf_clear(&buf);
	assert_int_equal(buf_printf(&buf, "%08d", 42), 0);
	assert_string_equal(buf_text(&buf), "00000042");
	buf_release(&buf);
}

static void a_length_that_would_wrap_around_does_not_fit(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, SIZE_MAX);
	buf_str(&buf, "x");
	assert_null(buf_reserve(&buf, SIZE_MAX));
	assert_true(buf.overflow);
	assert_string_equal(buf_text(&buf), "x");
	buf_release(&buf);
}

static void reserved_room_counts_once_it_is_used(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 100);
	buf_str(&buf, "ab");
	char *room = buf_reserve(&buf, 50);
	assert_ptr_equal(room, buf.data + 2);
	assert_string_equal(buf_text(&buf), "ab");
	memset(room, 'x', 50);
	buf.len += 3;
	assert_string_equal(buf_text(&buf), "abxxx");
	buf_release(&buf);
}

static void growing_keeps_what_is_there(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 100000);
	for (int i = 0; i < 100000; i++)
		buf_char(&buf, (char)('a' + i % 26));
	assert_int_equal(buf.len, 100000);
	assert_true(buf.capacity <= 100001);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf.data[i], 'a' + i % 26);
	assert_true(buf_char(&buf, 'x'));
	buf_release(&buf);
}

static void clearing_keeps_the_memory(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 100);
	buf_str(&buf, "something");
	size_t capacity = buf.capacity;
	buf_clear(&buf);
	assert_string_equal(buf_text(&buf), "");
	assert_int_equal(buf.capacity, capacity);
	buf_release(&buf);
}

static void a_released_buffer_keeps_its_ceiling(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 3);
	buf_str(&buf, "abc");
	buf_release(&buf);
	assert_true(buf_str(&buf, "abcd"));
	buf_clear(&buf);
	assert_int_equal(buf_str(&buf, "abc"), 0);
	buf_release(&buf);
}

static void detaching_hands_over_the_text(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 100);
	char *empty = buf_detach(&buf);
	assert_string_equal(empty, "");
	free(empty);
	buf_str(&buf, "mine");
	char *text = buf_detach(&buf);
	assert_string_equal(text, "mine");
	assert_string_equal(buf_text(&buf), "");
	assert_int_equal(buf.max, 100);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buffer_is_the_empty_text),
		cmocka_unit_test(appends_follow_each_other),
		cmocka_unit_test(nul_bytes_are_bytes),
		cmocka_unit_test(the_ceiling_itself_fits),
		cmocka_unit_test(beyond_the_ceiling_nothing_is_appended),
		cmocka_unit_test(after_an_overflow_even_what_fits_is_left_out),
		cmocka_unit_test(printf_counts_before_it_writes),
		cmocka_unit_test(a_length_that_would_wrap_around_does_not_fit),
		cmocka_unit_test(reserved_room_counts_once_it_is_used),
		cmocka_unit_test(growing_keeps_what_is_there),
		cmocka_unit_test(clearing_keeps_the_memory),
		cmocka_unit_test(a_released_buffer_keeps_its_ceiling),
		cmocka_unit_test(detaching_hands_over_the_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
