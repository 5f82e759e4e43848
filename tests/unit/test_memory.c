/* Memory is there, or the program ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

static void an_array_of_no_elements_is_one(void **state)
{
	void *none = memory_new(0, 16), *nothing = memory_raw(0);

	(void)state;
	assert_non_null(none);
	assert_non_null(nothing);
	free(none);
	free(nothing);
}

static void new_memory_is_zeros_and_growing_keeps_what_was_there(void **state)
{
	int *numbers = memory_new(2, sizeof(*numbers));

	(void)state;
	assert_int_equal(numbers[0], 0);
	assert_int_equal(numbers[1], 0);
	numbers[1] = 7;
	numbers = memory_grow(numbers, 10000, sizeof(*numbers));
	numbers[9999] = 9;
	assert_int_equal(numbers[1], 7);
	free(numbers);
}

static void texts_are_copied_and_formatted(void **state)
{
	char *whole = memory_text("cats"), *part = memory_text_part(whole, 3), *more = memory_text_part(whole, 9),
	     *formatted = memory_format("%s/%d", part, 1);

	(void)state;
	assert_string_equal(whole, "cats");
	assert_string_equal(part, "cat");
	assert_string_equal(more, "cats");
	assert_string_equal(formatted, "cat/1");
	free(whole);
	free(part);
	free(more);
	free(formatted);
}

static volatile size_t many = SIZE_MAX / 4; /* the compiler would refuse it as a constant */

static void too_many(void)
{
	memory_new(many, 8);
}

static void too_large(void)
{
	memory_raw(many);
}

static void too_long(void)
{
	memory_grow(NULL, many, 8);
}

static void nothing_allocated(void)
{
	memory_must(NULL);
}

static void without_memory_the_program_aborts(void **state)
{
	static void (*const calls[])(void) = {too_many, too_large, too_long, nothing_allocated};

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
			signal(SIGABRT, SIG_DFL);
			calls[i]();
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which report such sizes themselves */
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
#endif
	}
}

/* Libraries call these, too: in a child one allocation fails. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *former, size_t size);

static long until_it_fails = -1; /* allocations */

static bool fails(void)
{
	return until_it_fails >= 0 && until_it_fails-- == 0;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

__attribute__((visibility("default"))) void *realloc(void *former, size_t size)
{
	return fails() ? NULL : __libc_realloc(former, size);
}

static bool parses(void)
{
	static const char text[] = "{\"labels\": [\"cat\", \"\\u00e9\", 1.5, {\"a\": {\"b\": [true, null]}}]}";
	struct err err;

	return json_parse_object(text, strlen(text), &err) != NULL;
}

static bool normalises(void)
{
	return text_same("caf\xc3\xa9", "cafe\xcc\x81");
}

static void no_text_is_said_to_be_another_for_want_of_memory(void **state)
{
	static bool (*const calls[])(void) = {parses, normalises};

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		int aborted = 0, status = -1;

		for (long at = 0; status != 0; at++) {
			pid_t child = fork();

			if (child == 0) {
				signal(SIGABRT, SIG_DFL);
				until_it_fails = at;
				bool right = calls[i]();
				_exit(!right ? 1 : until_it_fails >= 0 ? 0 : 2); /* 0: there were no more; 2: it could do without */
			}
			assert_int_equal(waitpid(child, &status, 0), child);
			aborted += WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
			if (status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) &&
			    !(WIFEXITED(status) && WEXITSTATUS(status) == 2))
				fail_msg("call %zu, allocation %ld: %#x", i, at, (unsigned)status);
		}
		assert_true(aborted > 1);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_array_of_no_elements_is_one),
		cmocka_unit_test(new_memory_is_zeros_and_growing_keeps_what_was_there),
		cmocka_unit_test(texts_are_copied_and_formatted),
		cmocka_unit_test(without_memory_the_program_aborts),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		cmocka_unit_test(no_text_is_said_to_be_another_for_want_of_memory),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
