/* Files that can be made again: kept up to a ceiling, and used only for the content that they were made from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fastcgi/kept.h"
#include "tempdir.h"

enum { BLOCK = 4096 };

static const char *path_of(const char *group, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "cache/%s/%s", group, name);
	return temp(path);
}

static void add(struct kept *kept, const char *group, const char *name, const char *version, size_t len)
{
	struct buf bytes;

	buf_init(&bytes, len);
	assert_non_null(buf_reserve(&bytes, len));
	memset(bytes.data, 'x', len);
	bytes.len = len;
	kept_add(kept, group, name, version, &bytes);
	buf_release(&bytes);
}

static bool is_there(struct kept *kept, const char *group, const char *name, const char *version)
{
	struct buf bytes;

	buf_init(&bytes, 1000 * BLOCK);
	bool found = kept_read(kept, group, name, version, &bytes);
	buf_release(&bytes);
	return found;
}

static void used_at(const char *group, const char *name, long seconds)
{
	struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

	assert_int_equal(utimensat(AT_FDCWD, path_of(group, name), times, 0), 0);
}

static void what_is_kept_is_given_for_its_version_alone(void **state)
{
	struct kept *kept = kept_new(tempdir, "cache", 1000 * BLOCK);
	struct buf bytes, out;

	(void)state;
	buf_init(&bytes, 100);
	buf_init(&out, 100);
	buf_add(&bytes, "a\0b\n", 4);
	buf_str(&out, "before ");
	assert_false(kept_read(kept, "group", "1", "v1", &out));
	kept_add(kept, "group", "1", "v1", &bytes);
	assert_true(kept_read(kept, "group", "1", "v1", &out));
	assert_int_equal(out.len, 11);
	assert_memory_equal(out.data, "before a\0b\n", 11);
	assert_false(kept_read(kept, "group", "1", "v2", &out));
	assert_false(kept_read(kept, "group", "1", "v", &out));
	assert_false(kept_read(kept, "group", "1", "v10", &out));
	assert_false(kept_read(kept, "other", "1", "v1", &out));
	assert_int_equal(out.len, 11);
	buf_clear(&bytes);
	kept_add(kept, "group", "1", "v2", &bytes);
	assert_true(kept_read(kept, "group", "1", "v2", &out));
	assert_false(kept_read(kept, "group", "1", "v1", &out));
	assert_int_equal(out.len, 11);
	kept_remove(kept, "group", "1");
	assert_false(kept_read(kept, "group", "1", "v2", &out));
	buf_release(&bytes);
	buf_release(&out);
	kept_free(kept);
}

static void those_used_longest_ago_go_first(void **state)
{
	struct kept *kept = kept_new(tempdir, "cache", 10 * BLOCK);
	char name[8];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "%d", i);
		add(kept, i % 2 ? "odd" : "even", name, "v", 100);
		used_at(i % 2 ? "odd" : "even", name, 1000 + i);
	}
	assert_true(is_there(kept, "even", "0", "v")); /* which notes its use */
	assert_int_equal(access(path_of("odd", "1"), F_OK), 0);
	add(kept, "even", "10", "v", 100);
	assert_false(is_there(kept, "odd", "1", "v"));
	assert_false(is_there(kept, "even", "2", "v"));
	assert_true(is_there(kept, "odd", "3", "v"));
	assert_true(is_there(kept, "even", "0", "v"));
	assert_true(is_there(kept, "even", "10", "v"));
	kept_free(kept);
}

static void what_is_there_already_counts(void **state)
{
	struct kept *kept = kept_new(tempdir, "cache", 100 * BLOCK);

	(void)state;
	add(kept, "group", "old", "v", 5 * BLOCK);
	used_at("group", "old", 1000);
	temp_bytes("cache/group/.unfinished", "x", 1);
	used_at("group", ".unfinished", 1000);
	kept_free(kept);
	kept = kept_new(tempdir, "cache", 8 * BLOCK);
	add(kept, "group", "new", "v", 5 * BLOCK);
	assert_false(is_there(kept, "group", "old", "v"));
	assert_true(is_there(kept, "group", "new", "v"));
	assert_int_equal(access(path_of("group", ".unfinished"), F_OK), -1);
	kept_free(kept);
}

static void what_is_larger_than_the_ceiling_is_not_kept(void **state)
{
	struct kept *kept = kept_new(tempdir, "cache", 4 * BLOCK);

	(void)state;
	add(kept, "group", "large", "v", 5 * BLOCK);
	assert_false(is_there(kept, "group", "large", "v"));
	kept_free(kept);
}

static bool is_a(void *data, const char *group)
{
	(void)data;
	return strcmp(group, "a") == 0;
}

static void groups_are_removed_whole(void **state)
{
	struct kept *kept = kept_new(tempdir, "cache", 1000 * BLOCK);
	struct err err;

	(void)state;
	assert_int_equal(kept_remove_group(tempdir, "cache", "a", &err), 0); /* there is none */
	assert_int_equal(kept_sweep(tempdir, "cache", is_a, NULL, &err), 0);
	for (int i = 0; i < 3; i++)
		add(kept, (const char *[]){"a", "b", "c"}[i], "1", "v", 10);
	assert_int_equal(kept_remove_group(tempdir, "cache", "c", &err), 0);
	assert_false(is_there(kept, "c", "1", "v"));
	assert_int_equal(kept_sweep(tempdir, "cache", is_a, NULL, &err), 0);
	assert_true(is_there(kept, "a", "1", "v"));
	assert_false(is_there(kept, "b", "1", "v"));
	assert_int_equal(access(path_of("b", ""), F_OK), -1);
	kept_free(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMPDIR_TEST(what_is_kept_is_given_for_its_version_alone),
		TEMPDIR_TEST(those_used_longest_ago_go_first),
		TEMPDIR_TEST(what_is_there_already_counts),
		TEMPDIR_TEST(what_is_larger_than_the_ceiling_is_not_kept),
		TEMPDIR_TEST(groups_are_removed_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
