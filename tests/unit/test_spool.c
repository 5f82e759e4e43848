/* Bytes of uploads: few stay in memory, more go to a file without a name; both are hashed and bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#include "intake/spool.h"
#include "tempdir.h"

static void fill(unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(i * 2654435761u >> 13);
}

static int count_files(const char *path)
{
	DIR *folder = opendir(path);
	int count = 0;

	assert_non_null(folder);
	for (const struct dirent *entry; (entry = readdir(folder));)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(folder);
	return count;
}

/* Writes len bytes in pieces and asserts that what is kept is what was written. */
static void round_trip(size_t len, size_t piece, bool in_memory)
{
	unsigned char *bytes = malloc(len + 1), *kept = malloc(len + 1), digest[HASH_SHA256_SIZE];
	struct spool spool;
	struct err err;

	assert_true(bytes && kept);
	fill(bytes, len);
	spool_init(&spool, tempdir, INT64_MAX);
	for (size_t at = 0; at < len; at += piece)
		assert_int_equal(spool_write(&spool, bytes + at, len - at < piece ? len - at : piece, &err), 0);
	spool_finish(&spool);
	assert_int_equal(spool.length, len);
	assert_int_equal(spool.fd < 0, in_memory);
	if (in_memory)
		memcpy(kept, buf_text(&spool.memory), len);
	else
		assert_int_equal(pread(spool.fd, kept, len + 1, 0), (ssize_t)len);
	assert_memory_equal(kept, bytes, len);
	hash_sha256(bytes, len, digest);
	assert_memory_equal(spool.sha256, digest, sizeof(digest));
	assert_int_equal(count_files(tempdir), 0); /* a process that dies leaves nothing */
	spool_release(&spool);
	free(bytes);
	free(kept);
}

static void few_bytes_stay_in_memory(void **state)
{
	(void)state;
	round_trip(0, 1, true);
	round_trip(1, 1, true);
	round_trip(SPOOL_MEMORY_BYTES, 4096, true);
}

static void more_go_to_a_file_without_a_name(void **state)
{
	(void)state;
	round_trip(SPOOL_MEMORY_BYTES + 1, 4096, false);
	round_trip(3 * SPOOL_MEMORY_BYTES + 7, 65536, false);
	round_trip(2 * SPOOL_MEMORY_BYTES, 2 * SPOOL_MEMORY_BYTES, false); /* at once */
}

static void more_than_its_ceiling_is_refused(void **state)
{
	struct spool spool;
	struct err err;

	(void)state;
	spool_init(&spool, tempdir, 10);
	assert_int_equal(spool_write(&spool, "0123456789", 10, &err), 0);
	assert_true(spool_write(&spool, "x", 1, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_non_null(strstr(err.text, "10 bytes"));
	assert_int_equal(spool.length, 10);
	spool_release(&spool);
}

static void a_folder_that_takes_no_file_is_an_error(void **state)
{
	static char piece[SPOOL_MEMORY_BYTES];
	struct spool spool;
	struct err err;

	(void)state;
	spool_init(&spool, temp("nothing"), INT64_MAX);
	assert_int_equal(spool_write(&spool, piece, sizeof(piece), &err), 0);
	assert_true(spool_write(&spool, piece, 1, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	spool_release(&spool);
}

static void a_limit_on_file_sizes_is_a_full_disk(void **state)
{
	static char piece[SPOOL_MEMORY_BYTES];
	struct rlimit before, small = {.rlim_cur = SPOOL_MEMORY_BYTES + 4096};
	struct spool spool;
	struct err err;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	spool_init(&spool, tempdir, INT64_MAX);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int failed = spool_write(&spool, piece, sizeof(piece), &err) || spool_write(&spool, piece, sizeof(piece), &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(failed, 1);
	assert_int_equal(err.code, ERR_NO_SPACE);
	spool_release(&spool);
}

static void releasing_is_fine_at_any_time(void **state)
{
	struct spool spool;

	(void)state;
	spool_init(&spool, tempdir, 1);
	spool_release(&spool);
	spool_init(&spool, tempdir, 1);
	spool_finish(&spool);
	spool_release(&spool);
	assert_int_equal(spool.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMPDIR_TEST(few_bytes_stay_in_memory),
		TEMPDIR_TEST(more_go_to_a_file_without_a_name),
		TEMPDIR_TEST(more_than_its_ceiling_is_refused),
		TEMPDIR_TEST(a_folder_that_takes_no_file_is_an_error),
		TEMPDIR_TEST(a_limit_on_file_sizes_is_a_full_disk),
		TEMPDIR_TEST(releasing_is_fine_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
