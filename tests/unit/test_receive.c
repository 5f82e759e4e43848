/* Files out of a body, within limits: what is visited, what is refused, and what a form's label is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "intake/receive.h"

#define FILE_PART(field, name, text) \
	"--b\r\nContent-Disposition: form-data; name=\"" field "\"; filename=\"" name "\"\r\n\r\n" text "\r\n"
#define LABEL_PART(text) "--b\r\nContent-Disposition: form-data; name=\"label\"\r\n\r\n" text "\r\n"
#define END "--b--\r\n"

static const char *const fields[] = {"files", NULL};
static const char *left; /* of the body */
static struct buf seen;  /* "name:bytes" or "name!why" of each file, "[label]" */
static struct err failure;

static ssize_t give(void *data, void *bytes, size_t len, struct err *err)
{
	size_t got = strlen(left) < len ? strlen(left) : len;

	(void)data, (void)err;
	memcpy(bytes, left, got);
	left += got;
	return (ssize_t)got;
}

static int see_file(void *data, const char *filename, struct spool *file, const struct err *failed, struct err *err)
{
	(void)data, (void)err;
	if (failed)
		buf_printf(&seen, "%s!%s ", filename, failed->code == ERR_TOO_LARGE ? "large" : failed->text);
	else
		buf_printf(&seen, "%s:%s ", filename, buf_text(&file->memory));
	return 0;
}

static int see_label(void *data, const char *given, struct err *err)
{
	(void)data, (void)err;
	buf_printf(&seen, "[%s] ", given);
	return 0;
}

static struct receive limits(void)
{
	return (struct receive){.read = give,
	                        .content_type = "multipart/form-data; boundary=b",
	                        .content_length = -1,
	                        .spool_dir = "/nonexistent",
	                        .file_bytes = 4,
	                        .files = 2};
}

/* How many files were visited; -1: the reading ended by failure. */
static int64_t read_form(const char *body, receive_label *label)
{
	const struct receive receive = limits();
	int64_t count;

	left = body;
	buf_clear(&seen);
	return receive_files(&receive, fields, see_file, label, NULL, &count, &failure) ? -1 : count;
}

static void assert_sees(const char *body, const char *text)
{
	assert_true(read_form(body, see_label) >= 0);
	assert_string_equal(buf_text(&seen), text);
}

static void files_of_the_wanted_fields_are_visited_in_order(void **state)
{
	(void)state;
	assert_sees(FILE_PART("files", "a.png", "aa") FILE_PART("other", "x", "x") FILE_PART("Files", "C:\\b.png", "") END,
	            "a.png:aa b.png: ");
}

static void a_file_that_was_not_chosen_is_none(void **state)
{
	(void)state;
	assert_int_equal(read_form(FILE_PART("files", "", "") END, see_label), 0);
	assert_int_equal(read_form(FILE_PART("files", "", "aa") END, see_label), 1);
}

static void a_file_over_the_limit_fails_alone(void **state)
{
	(void)state;
	assert_sees(FILE_PART("files", "a", "aaaa") FILE_PART("files", "b", "bbbbb") END, "a:aaaa b!large ");
	assert_sees(FILE_PART("files", "a", "aaaaa") FILE_PART("files", "b", "bbbb") END, "a!large b:bbbb ");
}

static void a_file_too_many_fails_alone(void **state)
{
	(void)state;
	assert_sees(FILE_PART("files", "a", "a") FILE_PART("files", "b", "b") FILE_PART("files", "c", "c") END,
	            "a:a b:b c!large ");
}

static void a_file_without_a_boundary_after_it_is_not_visited(void **state)
{
	(void)state;
	assert_int_equal(read_form(FILE_PART("files", "a", "a") FILE_PART("files", "b", "b"), see_label), -1);
	assert_string_equal(buf_text(&seen), "a:a ");
	assert_int_equal(failure.code, ERR_BAD_REQUEST);
}

static void a_form_may_name_a_label_unless_nobody_asks(void **state)
{
	(void)state;
	const char *body = LABEL_PART("cat") FILE_PART("files", "a", "a") LABEL_PART("") END;

	assert_sees(body, "[cat] a:a [] ");
	assert_int_equal(read_form(body, NULL), 1);
	assert_string_equal(buf_text(&seen), "a:a ");
}

static void a_label_has_a_length(void **state)
{
	(void)state;
	char label[1025 + 1], body[2048];

	for (size_t len = 1024; len <= 1025; len++) {
		memset(label, 'x', len);
		label[len] = '\0';
		snprintf(body, sizeof(body), LABEL_PART("%s") END, label);
		assert_int_equal(read_form(body, see_label), len <= 1024 ? 0 : -1);
	}
	assert_int_equal(failure.code, ERR_BAD_REQUEST);
}

static int read_raw(const char *body, int64_t length, struct spool *out)
{
	struct receive receive = limits();

	left = body;
	receive.content_length = length;
	return receive_body(&receive, out, &failure);
}

static void a_raw_body_is_one_file(void **state)
{
	(void)state;
	unsigned char digest[HASH_SHA256_SIZE];
	struct spool file;

	assert_int_equal(read_raw("abcd", -1, &file), 0);
	assert_string_equal(buf_text(&file.memory), "abcd");
	hash_sha256("abcd", 4, digest);
	assert_memory_equal(file.sha256, digest, sizeof(digest));
	spool_release(&file);
}

static void a_raw_body_over_the_limit_is_refused_before_it_is_read_where_its_length_is_known(void **state)
{
	(void)state;
	struct spool file;

	assert_true(read_raw("abcde", 5, &file));
	assert_int_equal(failure.code, ERR_TOO_LARGE);
	assert_string_equal(left, "abcde");
	spool_release(&file);
	assert_true(read_raw("abcde", -1, &file));
	assert_int_equal(failure.code, ERR_TOO_LARGE);
	spool_release(&file);
}

static int begin(void **state)
{
	(void)state;
	buf_init(&seen, 4096);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_release(&seen);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_of_the_wanted_fields_are_visited_in_order),
		TEST(a_file_that_was_not_chosen_is_none),
		TEST(a_file_over_the_limit_fails_alone),
		TEST(a_file_too_many_fails_alone),
		TEST(a_file_without_a_boundary_after_it_is_not_visited),
		TEST(a_form_may_name_a_label_unless_nobody_asks),
		TEST(a_label_has_a_length),
		TEST(a_raw_body_is_one_file),
		TEST(a_raw_body_over_the_limit_is_refused_before_it_is_read_where_its_length_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
