/* Which files of a dataset's folder are removed with their samples, and that nothing outside it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "blob/discard.h"
#include "tempdir.h"

#define PNG "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"

static char base[PATH_MAX + 8];

static int set_up(void **state)
{
	tempdir_make(state);
	snprintf(base, sizeof(base), "%s/data", tempdir);
	assert_int_equal(mkdir(base, 0755) || mkdir(temp("data/sub"), 0755) || mkdir(temp("beside"), 0755), 0);
	temp_bytes("data/a.png", PNG, sizeof(PNG) - 1);
	temp_bytes("data/sub/b.png", PNG, sizeof(PNG) - 1);
	temp_bytes("data.png", PNG, sizeof(PNG) - 1);
	temp_bytes("beside/secret.png", PNG, sizeof(PNG) - 1);
	assert_int_equal(symlink(temp("beside"), temp("data/out")), 0);
	assert_int_equal(symlink(temp("data/sub"), temp("data/in")), 0);
	assert_int_equal(symlink("../beside/secret.png", temp("data/link.png")), 0);
	assert_int_equal(symlink("nowhere", temp("data/dangling.png")), 0);
	assert_int_equal(mkfifo(temp("data/fifo"), 0600), 0);
	return 0;
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(temp(name), &st) == 0;
}

static void discard(const char *filepath)
{
	struct err err;

	if (discard_check(base, filepath, NULL, &err) || discard_file(base, filepath, &err))
		fail_msg("%s: %s", filepath, err.text);
}

static void a_file_below_the_folder_is_removed(void **state)
{
	static const struct {
		const char *filepath, *file;
	} cases[] = {
		{"a.png", "data/a.png"},
		{"sub/b.png", "data/sub/b.png"},
		{"./sub/../sub//b.png", "data/sub/b.png"},
		{"in/b.png", "data/sub/b.png"}, /* an absolute symlink that stays inside */
		{"link.png", "data/link.png"},
		{"dangling.png", "data/dangling.png"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		temp_bytes("data/sub/b.png", PNG, sizeof(PNG) - 1);
		assert_true(is_there(cases[i].file));
		discard(cases[i].filepath);
		assert_false(is_there(cases[i].file));
		discard(cases[i].filepath); /* it is gone, which is fine */
	}
	assert_true(is_there("beside/secret.png"));
}

static void an_absolute_filepath_counts_by_where_it_leads(void **state)
{
	(void)state;
	discard(temp("data/a.png"));
	assert_false(is_there("data/a.png"));
	discard(temp("data.png")); /* beside the folder, with its name */
	discard(temp("beside/secret.png"));
	assert_true(is_there("data.png") && is_there("beside/secret.png"));
}

static void nothing_outside_and_no_folder_is_removed(void **state)
{
	static const char *const filepaths[] = {"../data.png", "../beside/secret.png", "out/secret.png", "sub/../../data.png",
	                                        "sub", "sub/", ".", "..", "sub/..", "fifo", "out", "no/such.png", "a.png/x", "/"};
	static const char *const there[] = {"data.png", "beside/secret.png", "data/sub/b.png", "data/fifo", "data/a.png"};

	(void)state;
	for (size_t i = 0; i < sizeof(filepaths) / sizeof(*filepaths); i++) {
		if (strcmp(filepaths[i], "out") != 0) /* the link itself lies in the folder */
			discard(filepaths[i]);
	}
	for (size_t i = 0; i < sizeof(there) / sizeof(*there); i++)
		assert_true(is_there(there[i]));
}

static void what_a_root_outside_serves_is_refused(void **state)
{
	const struct config_list roots = {.item = {(char *)(uintptr_t)temp("beside")}, .count = 1};
	struct err err;

	(void)state;
	assert_true(discard_check(base, "out/secret.png", &roots, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_non_null(strstr(err.text, temp("beside/secret.png")));
	assert_int_equal(discard_check(base, "link.png", &roots, &err), 0);
	assert_int_equal(discard_check(base, "out/missing.png", &roots, &err), 0);
}

static void a_folder_that_is_missing_is_no_removal(void **state)
{
	struct err err;

	(void)state;
	assert_true(discard_check(temp("missing"), "a.png", NULL, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_true(discard_file(temp("missing"), "a.png", &err));
	assert_int_equal(discard_check("", "a.png", NULL, &err), 0); /* a dataset without a folder */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_below_the_folder_is_removed, set_up, tempdir_remove),
		cmocka_unit_test_setup_teardown(an_absolute_filepath_counts_by_where_it_leads, set_up, tempdir_remove),
		cmocka_unit_test_setup_teardown(nothing_outside_and_no_folder_is_removed, set_up, tempdir_remove),
		cmocka_unit_test_setup_teardown(what_a_root_outside_serves_is_refused, set_up, tempdir_remove),
		cmocka_unit_test_setup_teardown(a_folder_that_is_missing_is_no_removal, set_up, tempdir_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
