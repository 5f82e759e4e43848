/* Errors: finished sentences that never overflow, lose their reason or end in half a character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "base/err.h"
#include "base/text.h"

static void setting_returns_failure_and_keeps_code_and_sentence(void **state)
{
	(void)state;
	struct err err = { 0 };

	assert_int_equal(err_set(&err, ERR_NOT_FOUND, "no dataset is called %s", "cats"), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.text, "no dataset is called cats");
}

static void nobody_need_want_the_message(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_INTERNAL, "unheard"), -1);
	assert_int_equal(err_errno(NULL, ERR_INTERNAL, "unheard"), -1);
	assert_int_equal(err_prefix(NULL, "unheard"), -1);
}

static void a_message_may_be_made_of_itself(void **state)
{
	(void)state;
	struct err err;

	err_set(&err, ERR_CONFLICT, "taken");
	err_set(&err, ERR_UPSTREAM, "the store said: %s", err.text);
	assert_string_equal(err.text, "the store said: taken");
	assert_int_equal(err.code, ERR_UPSTREAM);
}

static void a_prefix_keeps_the_code(void **state)
{
	(void)state;
	struct err err;

	err_set(&err, ERR_CONFLICT, "taken");
	assert_int_equal(err_prefix(&err, "label %d", 7), -1);
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_string_equal(err.text, "label 7: taken");
}

static void a_long_message_is_cut(void **state)
{
	(void)state;
	struct err err;
	char text[2 * ERR_TEXT_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, ERR_INTERNAL, "%s", text);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	err_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
}

static void no_cut_leaves_half_a_character(void **state)
{
	(void)state;
	static const char *const characters[] = { "é", "猫", "🐈" };

	for (size_t c = 0; c < 3; c++) {
		for (size_t shift = 0; shift < 4; shift++) {
			struct err err;
			char text[2 * ERR_TEXT_MAX] = "";
			size_t len = shift, size = strlen(characters[c]);

			memset(text, 'x', shift);
			for (; len + size < sizeof(text); len += size)
				memcpy(text + len, characters[c], size);
			text[len] = '\0';
			err_set(&err, ERR_INTERNAL, "%s", text);
			assert_true(text_utf8_valid(err.text, strlen(err.text)));
			assert_in_range(strlen(err.text), ERR_TEXT_MAX - size, ERR_TEXT_MAX - 1);
		}
	}
}

static void a_whole_last_character_stays(void **state)
{
	(void)state;
	struct err err;
	char text[ERR_TEXT_MAX];

	memset(text, 'x', sizeof(text));
	memcpy(text + sizeof(text) - 4, "猫", 4); /* ends exactly at the last byte */
	err_set(&err, ERR_INTERNAL, "%sx", text);
	assert_string_equal(err.text, text);
}

static void errno_is_told_in_words(void **state)
{
	(void)state;
	struct err err;

	errno = ENOENT;
	assert_int_equal(err_errno(&err, ERR_NOT_FOUND, "%s can't be opened", "/a"), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.text, "/a can't be opened: No such file or directory");
	assert_int_equal(errno, ENOENT);
}

static void a_full_disk_is_told_apart(void **state)
{
	(void)state;
	struct err err;

	errno = ENOSPC;
	err_errno(&err, ERR_INTERNAL, "write");
	assert_int_equal(err.code, ERR_NO_SPACE);
	errno = EDQUOT;
	err_errno(&err, ERR_INTERNAL, "write");
	assert_int_equal(err.code, ERR_NO_SPACE);
	errno = EFBIG;
	err_errno(&err, ERR_INTERNAL, "write");
	assert_int_equal(err.code, ERR_NO_SPACE);
	errno = EACCES;
	err_errno(&err, ERR_INTERNAL, "write");
	assert_int_equal(err.code, ERR_INTERNAL);
}

static void what_fails_at_this_moment_alone_is_no_bug(void **state)
{
	(void)state;
	static const int numbers[] = { EIO, EMFILE, ENFILE, ENOMEM, EROFS };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct err err;

		errno = numbers[i];
		err_errno(&err, ERR_INTERNAL, "read");
		assert_int_equal(err.code, ERR_UNAVAILABLE);
		assert_int_equal(err.exhausted, numbers[i] != EIO && numbers[i] != EROFS);
		err_prefix(&err, "here");
		assert_int_equal(err.exhausted, numbers[i] != EIO && numbers[i] != EROFS);
		errno = numbers[i];
		err_errno(&err, ERR_NOT_FOUND, "read");
		assert_int_equal(err.code, ERR_NOT_FOUND);
		err_set(&err, ERR_NOT_FOUND, "none");
		assert_false(err.exhausted);
	}
}

static void a_long_path_does_not_push_the_reason_out(void **state)
{
	(void)state;
	struct err err;
	char path[4096];

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	errno = EACCES;
	err_errno(&err, ERR_INTERNAL, "%s can't be opened", path);
	assert_non_null(strstr(err.text, ": Permission denied"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_returns_failure_and_keeps_code_and_sentence),
		cmocka_unit_test(nobody_need_want_the_message),
		cmocka_unit_test(a_message_may_be_made_of_itself),
		cmocka_unit_test(a_prefix_keeps_the_code),
		cmocka_unit_test(a_long_message_is_cut),
		cmocka_unit_test(no_cut_leaves_half_a_character),
		cmocka_unit_test(a_whole_last_character_stays),
		cmocka_unit_test(errno_is_told_in_words),
		cmocka_unit_test(a_full_disk_is_told_apart),
		cmocka_unit_test(what_fails_at_this_moment_alone_is_no_bug),
		cmocka_unit_test(a_long_path_does_not_push_the_reason_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
