/* Whole files: read to their end or refused, never more than asked for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "tempdir.h"

enum { LARGE = 100 * 1000 };

static void a_file_is_appended_whole(void **state)
{
	(void)state;
	char *bytes = malloc(LARGE);
	struct buf out;
	struct err err;

	assert_non_null(bytes);
	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = (char)(i * 7);
	temp_bytes("file", bytes, LARGE);
	buf_init(&out, 2 * LARGE);
	buf_str(&out, "before");
	assert_int_equal(file_read(temp("file"), LARGE, &out, &err), 0);
	assert_int_equal(out.len, 6 + LARGE);
	assert_memory_equal(out.data, "before", 6);
	assert_memory_equal(out.data + 6, bytes, LARGE);
	buf_release(&out);
	free(bytes);
}

static void a_file_larger_than_asked_for_is_refused(void **state)
{
	(void)state;
	struct buf out;
	struct err err;
	char expected[2 * PATH_MAX];

	temp_text("file", "12345");
	buf_init(&out, 100);
	assert_int_equal(file_read(temp("file"), 5, &out, &err), 0);
	assert_true(file_read(temp("file"), 4, &out, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	snprintf(expected, sizeof(expected), "%s is larger than 4 bytes", temp("file"));
	assert_string_equal(err.text, expected);
	buf_release(&out);
}

static void a_buffers_own_ceiling_holds_too(void **state)
{
	(void)state;
	struct buf out;
	struct err err;

	temp_text("file", "12345");
	buf_init(&out, 4);
	assert_true(file_read(temp("file"), 100, &out, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	buf_release(&out);
}

static void an_empty_file_is_no_error(void **state)
{
	(void)state;
	struct buf out;
	struct err err;

	temp_text("file", "");
	buf_init(&out, 4);
	assert_int_equal(file_read(temp("file"), 0, &out, &err), 0);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

static void only_a_regular_file_is_opened(void **state)
{
	(void)state;
	struct err err;

	assert_true(file_open(temp("absent"), &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(mkfifo(temp("pipe"), 0600), 0);
	assert_true(file_open(temp("pipe"), &err));
	assert_non_null(strstr(err.text, "is not a regular file"));
	assert_true(file_open(tempdir, &err));
	assert_non_null(strstr(err.text, "is not a regular file"));
	temp_text("file", "x");
	assert_int_equal(symlink("file", temp("link")), 0);
	int fd = file_open(temp("link"), &err);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
}

static void a_failed_read_is_told(void **state)
{
	(void)state;
	struct err err;
	char byte;

	assert_true(file_read_some(-1, "/some/file", &byte, 1, &err));
	assert_string_equal(err.text, "/some/file can't be read: Bad file descriptor");
}

static void all_is_written_or_the_reason_told(void **state)
{
	(void)state;
	struct buf out;
	struct err err;
	int fd = open(temp("file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(file_write(fd, "abc", 3), 0);
	assert_int_equal(file_write(fd, "", 0), 0);
	assert_int_equal(file_write(fd, "de", 2), 0);
	close(fd);
	buf_init(&out, 10);
	assert_int_equal(file_read(temp("file"), 10, &out, &err), 0);
	assert_string_equal(buf_text(&out), "abcde");
	buf_release(&out);
	assert_true(file_write(-1, "x", 1));
	assert_int_equal(errno, EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMPDIR_TEST(a_file_is_appended_whole),
		TEMPDIR_TEST(a_file_larger_than_asked_for_is_refused),
		TEMPDIR_TEST(a_buffers_own_ceiling_holds_too),
		TEMPDIR_TEST(an_empty_file_is_no_error),
		TEMPDIR_TEST(only_a_regular_file_is_opened),
		cmocka_unit_test(a_failed_read_is_told),
		TEMPDIR_TEST(all_is_written_or_the_reason_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
