/* Uploads in pieces: kept across processes, one writer at a time, closed to other users, and removed without a trace
 * once they are over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/file.h>
#include <sys/inotify.h>

#include "base/text.h"
#include "intake/partial.h"
#include "tempdir.h"

enum { HOUR_US = 3600 * INT64_C(1000000) };

static const char *dir(void)
{
	return temp("uploads");
}

static struct partial make(int64_t length, int64_t expires_us)
{
	struct partial partial = {.dir = dir(),
	                          .length = length,
	                          .expires_us = expires_us,
	                          .user = (char *)"ann",
	                          .dataset = (char *)"cats",
	                          .filepath = (char *)"a/b.png",
	                          .filename = (char *)"b \"c\".png",
	                          .label = (char *)"grün",
	                          .metadata = (char *)"filepath YS9iLnBuZw==,mine"};
	struct err err;

	assert_int_equal(partial_create(&partial, &err), 0);
	return partial;
}

/* Makes one and lets it go; its id is kept in `id`. */
static void make_released(int64_t length, int64_t expires_us, char id[PARTIAL_ID_MAX])
{
	struct partial partial = make(length, expires_us);

	snprintf(id, PARTIAL_ID_MAX, "%s", partial.id);
	partial_release(&partial);
}

static int reopen(struct partial *out, const char *id, struct err *err)
{
	return partial_open(out, dir(), id, "ann", "cats", err);
}

static int count_files(void)
{
	DIR *folder = opendir(dir());
	int count = 0;

	if (!folder)
		return 0;
	for (const struct dirent *entry; (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static void it_is_found_again_as_it_was(void **state)
{
	char id[PARTIAL_ID_MAX];
	int64_t expires = text_now() + HOUR_US;
	struct partial partial;
	struct err err;

	(void)state;
	make_released(10, expires, id);
	assert_int_equal(reopen(&partial, id, &err), 0);
	assert_string_equal(partial.id, id);
	assert_int_equal(partial.length, 10);
	assert_int_equal(partial.offset, 0);
	assert_int_equal(partial.result, -1);
	assert_int_equal(partial.expires_us, expires);
	assert_string_equal(partial.metadata, "filepath YS9iLnBuZw==,mine");
	assert_string_equal(partial.user, "ann");
	assert_string_equal(partial.dataset, "cats");
	assert_string_equal(partial.filepath, "a/b.png");
	assert_string_equal(partial.filename, "b \"c\".png");
	assert_string_equal(partial.label, "grün");
	partial_release(&partial);
}

static void what_was_appended_is_there_after_reopening(void **state)
{
	char id[PARTIAL_ID_MAX], bytes[10];
	struct partial partial;
	struct err err;

	(void)state;
	make_released(10, text_now() + HOUR_US, id);
	assert_int_equal(reopen(&partial, id, &err), 0);
	assert_int_equal(partial_append(&partial, "abcd", 4, &err) || partial_sync(&partial, &err), 0);
	partial_release(&partial);
	assert_int_equal(reopen(&partial, id, &err), 0);
	assert_int_equal(partial.offset, 4);
	assert_int_equal(partial_append(&partial, "efghij", 6, &err), 0);
	assert_int_equal(partial.offset, 10);
	assert_int_equal(pread(partial.fd, bytes, 10, 0), 10);
	assert_memory_equal(bytes, "abcdefghij", 10);
	partial_release(&partial);
}

static void nothing_is_appended_beyond_its_length(void **state)
{
	struct partial partial = make(4, text_now() + HOUR_US);
	struct err err;

	(void)state;
	assert_int_equal(partial_append(&partial, "abc", 3, &err), 0);
	assert_true(partial_append(&partial, "de", 2, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_int_equal(partial.offset, 3);
	assert_int_equal(lseek(partial.fd, 0, SEEK_END), 3);
	partial_release(&partial);
}

static void a_piece_can_be_taken_back(void **state)
{
	struct partial partial = make(10, text_now() + HOUR_US);
	struct err err;

	(void)state;
	assert_int_equal(partial_append(&partial, "abcdef", 6, &err), 0);
	assert_int_equal(partial_truncate(&partial, 2, &err), 0);
	assert_int_equal(partial_append(&partial, "X", 1, &err), 0);
	char bytes[4] = "";
	assert_int_equal(pread(partial.fd, bytes, 3, 0), 3);
	assert_string_equal(bytes, "abX");
	partial_release(&partial);
}

static void one_handle_at_a_time(void **state)
{
	char id[PARTIAL_ID_MAX];
	struct partial first, second;
	struct err err;

	(void)state;
	make_released(10, text_now() + HOUR_US, id);
	assert_int_equal(reopen(&first, id, &err), 0);
	assert_true(reopen(&second, id, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	partial_release(&first);
	assert_int_equal(reopen(&second, id, &err), 0);
	partial_release(&second);
}

static void it_is_there_for_its_user_and_dataset_only(void **state)
{
	char id[PARTIAL_ID_MAX];
	struct partial partial;
	struct err err;

	(void)state;
	make_released(10, text_now() + HOUR_US, id);
	assert_true(partial_open(&partial, dir(), id, "bob", "cats", &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(partial_open(&partial, dir(), id, "ann", "dogs", &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(reopen(&partial, id, &err), 0); /* and neither try holds it */
	partial_release(&partial);
}

static void what_is_no_id_is_no_path(void **state)
{
	static const char *const ids[] = {"", ".", "..", "../x", "a/b", "a.json", "a b", "nothing",
	                                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	struct partial partial;
	struct err err;

	(void)state;
	temp_text("x.part", "");
	temp_text("x.json", "{}");
	mkdir(dir(), 0700);
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		assert_true(reopen(&partial, ids[i], &err));
		assert_int_equal(err.code, ERR_NOT_FOUND);
	}
}

static void ids_are_of_their_own(void **state)
{
	char first[PARTIAL_ID_MAX], second[PARTIAL_ID_MAX];

	(void)state;
	make_released(1, text_now() + HOUR_US, first);
	make_released(1, text_now() + HOUR_US, second);
	assert_string_not_equal(first, second);
	assert_true(strlen(first) >= 22); /* 128 bits */
}

static void finishing_leaves_the_bytes_to_who_has_them(void **state)
{
	char id[PARTIAL_ID_MAX], bytes[4], path[64];
	struct partial partial = make(4, text_now() + HOUR_US);
	struct err err;
	struct stat st;

	(void)state;
	snprintf(id, sizeof(id), "%s", partial.id);
	assert_int_equal(partial_append(&partial, "abcd", 4, &err), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", partial.fd);
	assert_int_equal(linkat(AT_FDCWD, path, AT_FDCWD, temp("image"), AT_SYMLINK_FOLLOW), 0);
	assert_int_equal(partial_finish(&partial, 7, &err), 0);
	partial_release(&partial);
	int fd = open(temp("image"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, bytes, 4), 4);
	close(fd);
	assert_memory_equal(bytes, "abcd", 4);
	assert_int_equal(stat(temp("image"), &st), 0);
	assert_int_equal(st.st_nlink, 1); /* nobody else writes to it */

	assert_int_equal(reopen(&partial, id, &err), 0);
	assert_int_equal(partial.result, 7);
	assert_int_equal(partial.offset, 4);
	assert_true(partial_append(&partial, "e", 1, &err));
	partial_release(&partial);
}

static void removing_leaves_no_file(void **state)
{
	struct partial partial = make(4, text_now() + HOUR_US);
	struct err err;

	(void)state;
	assert_int_equal(count_files(), 2);
	assert_int_equal(partial_remove(&partial, &err), 0);
	partial_release(&partial);
	assert_int_equal(count_files(), 0);
}

static void an_expired_one_is_not_there_and_is_swept(void **state)
{
	char over[PARTIAL_ID_MAX], live[PARTIAL_ID_MAX];
	struct partial partial;
	struct err err;

	(void)state;
	make_released(4, text_now() - 1, over);
	make_released(4, text_now() + HOUR_US, live);
	assert_true(reopen(&partial, over, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(partial_sweep(dir(), &err), 0);
	assert_int_equal(count_files(), 2);
	assert_int_equal(reopen(&partial, live, &err), 0);
	partial_release(&partial);
}

static void one_that_is_written_to_is_not_swept(void **state)
{
	char id[PARTIAL_ID_MAX], name[PARTIAL_ID_MAX + 32];
	struct err err;

	(void)state;
	make_released(4, text_now() - 1, id);
	snprintf(name, sizeof(name), "uploads/%s.part", id);
	int fd = open(temp(name), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0); /* as a request does that came before it expired */
	assert_int_equal(partial_sweep(dir(), &err), 0);
	assert_int_equal(count_files(), 2);
	close(fd);
	assert_int_equal(partial_sweep(dir(), &err), 0);
	assert_int_equal(count_files(), 0);
}

static void sweeping_does_not_lock_those_that_live(void **state)
{
	char id[PARTIAL_ID_MAX], name[PARTIAL_ID_MAX + 32], event[4096];
	struct err err;

	(void)state;
	make_released(4, text_now() + HOUR_US, id);
	snprintf(name, sizeof(name), "uploads/%s.part", id);
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	assert_true(inotify_add_watch(watch, temp(name), IN_OPEN) >= 0);
	assert_int_equal(partial_sweep(dir(), &err), 0);
	assert_int_equal(read(watch, event, sizeof(event)), -1); /* to be locked it would be opened */
	close(watch);
}

static void remains_without_a_sound_description_are_swept_once_they_are_old(void **state)
{
	const struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
	struct err err;

	(void)state;
	mkdir(dir(), 0700);
	temp_text("uploads/fresh.part", "");
	temp_text("uploads/old.part", "abc");
	temp_text("uploads/broken.part", "abc");
	temp_text("uploads/broken.json", "{\"user\"");
	temp_text("uploads/other", "not ours");
	assert_int_equal(utimensat(AT_FDCWD, temp("uploads/old.part"), old, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, temp("uploads/broken.part"), old, 0), 0);
	assert_int_equal(partial_sweep(dir(), &err), 0);
	assert_int_equal(access(temp("uploads/fresh.part"), F_OK), 0);
	assert_int_equal(access(temp("uploads/other"), F_OK), 0);
	assert_int_equal(count_files(), 2);
}

static void sweeping_a_folder_that_is_not_there_is_fine(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(partial_sweep(dir(), &err), 0);
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
	struct partial partial = {.dir = temp("file/uploads"), .fd = -1, .user = (char *)"ann", .dataset = (char *)"cats",
	                          .filepath = (char *)"", .filename = (char *)"", .label = (char *)""};
	struct err err;

	(void)state;
	temp_text("file", "");
	assert_true(partial_create(&partial, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMPDIR_TEST(it_is_found_again_as_it_was),
		TEMPDIR_TEST(what_was_appended_is_there_after_reopening),
		TEMPDIR_TEST(nothing_is_appended_beyond_its_length),
		TEMPDIR_TEST(a_piece_can_be_taken_back),
		TEMPDIR_TEST(one_handle_at_a_time),
		TEMPDIR_TEST(it_is_there_for_its_user_and_dataset_only),
		TEMPDIR_TEST(what_is_no_id_is_no_path),
		TEMPDIR_TEST(ids_are_of_their_own),
		TEMPDIR_TEST(finishing_leaves_the_bytes_to_who_has_them),
		TEMPDIR_TEST(removing_leaves_no_file),
		TEMPDIR_TEST(an_expired_one_is_not_there_and_is_swept),
		TEMPDIR_TEST(one_that_is_written_to_is_not_swept),
		TEMPDIR_TEST(sweeping_does_not_lock_those_that_live),
		TEMPDIR_TEST(remains_without_a_sound_description_are_swept_once_they_are_old),
		TEMPDIR_TEST(sweeping_a_folder_that_is_not_there_is_fine),
		TEMPDIR_TEST(what_cannot_be_made_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
