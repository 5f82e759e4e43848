/* Cursors of lists: each is read as it was made, and nothing else is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fastcgi/cursor.h"

static const char UUID[] = "5a4b8a62-65c4-4c5e-9f4d-5a3c5b7d2e11", OTHER[] = "5a4b8a62-65c4-4c5e-9f4d-5a3c5b7d2e12";

static int reads(const char *list, const char *scope, const char *text)
{
	char key[CURSOR_KEY_MAX];
	struct err err = {0};
	int failed = cursor_read(list, scope, text, key, &err);

	if (failed) {
		assert_int_equal(err.code, ERR_BAD_REQUEST);
		assert_string_equal(err.text, "\"after\" is no cursor of this list");
	}
	return failed;
}

static void a_cursor_gives_back_its_key(void **state)
{
	static const char *const keys[] = {"0", "7", "12", "9223372036854775806", "odd %&é 猫", "-_+/=", "a b"};
	char text[CURSOR_MAX], key[CURSOR_KEY_MAX];
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		cursor_make("samples", UUID, keys[i], text);
		assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), strlen(text));
		assert_int_equal(cursor_read("samples", UUID, text, key, &err), 0);
		assert_string_equal(key, keys[i]);
	}
}

static void the_longest_key_fits(void **state)
{
	char text[CURSOR_MAX], key[CURSOR_KEY_MAX], longest[CURSOR_KEY_MAX];
	struct err err;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cursor_make("samples", UUID, longest, text);
	assert_int_equal(cursor_read("samples", UUID, text, key, &err), 0);
	assert_string_equal(key, longest);
}

static void one_of_another_list_or_dataset_is_refused(void **state)
{
	char text[CURSOR_MAX];

	(void)state;
	cursor_make("samples", UUID, "12", text);
	assert_int_equal(reads("samples", UUID, text), 0);
	assert_true(reads("labels", UUID, text));
	assert_true(reads("samples", OTHER, text));
	assert_true(reads("samples", "", text));
}

static void one_that_was_altered_anywhere_is_refused(void **state)
{
	char text[CURSOR_MAX], other[CURSOR_MAX + 1];

	(void)state;
	cursor_make("samples", UUID, "1234", text); /* 13 bytes: the last character has bits to spare */
	for (size_t i = 0; i < strlen(text); i++) {
		for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= %"; *c; c++) {
			snprintf(other, sizeof(other), "%s", text);
			other[i] = *c;
			assert_int_equal(reads("samples", UUID, other), *c == text[i] ? 0 : -1);
		}
		snprintf(other, sizeof(other), "%.*s", (int)i, text);
		assert_true(reads("samples", UUID, other));
	}
	for (const char *c = "A=-0 "; *c; c++) {
		snprintf(other, sizeof(other), "%s%c", text, *c);
		assert_true(reads("samples", UUID, other));
	}
}

static void what_was_never_made_here_is_refused(void **state)
{
	static const char *const texts[] = {"", "0", "-1", "x", "=", "====", "MTI=", "AAAAAAAAAAAA", "é", "AAAAAAAAAAAAAAAA"};
	char longest[2 * CURSOR_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_true(reads("samples", UUID, texts[i]));
	for (size_t len = CURSOR_MAX - 8; len < sizeof(longest); len++) {
		memset(longest, 'A', len);
		longest[len] = '\0';
		assert_true(reads("samples", UUID, longest));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cursor_gives_back_its_key),
		cmocka_unit_test(the_longest_key_fits),
		cmocka_unit_test(one_of_another_list_or_dataset_is_refused),
		cmocka_unit_test(one_that_was_altered_anywhere_is_refused),
		cmocka_unit_test(what_was_never_made_here_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
