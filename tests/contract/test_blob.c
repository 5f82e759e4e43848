/* What every image store promises (blob/blob.h): TEST_BLOB=fs (the default), or TEST_BLOB=s3 with the
 * gateway that AWS_ENDPOINT_URL and its keys name (tests/services/ceph starts one). S3 alone is in
 * test_blob_s3.c. */
#include "blob_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static char big[9 << 20]; /* more than one BLOB_READ_BYTES */

/* --- storing and reading
 * ------------------------------------------------------------------------------------ */

static void what_was_put_is_read_back(void **state)
{
	struct blob_fixture *f = *state;
	must(put_text(f, "images/cat/a.png", "a cat", false));
	assert_string_equal(text_of(f, "images/cat/a.png"), "a cat");
	must(put_text(f, "images/empty.png", "", false));
	assert_string_equal(text_of(f, "images/empty.png"), "");
}

static void any_key_that_is_allowed_works(void **state)
{
	struct blob_fixture *f = *state;
	static const char *const keys[] = {
		"images/a b/c+d&e=f.png", "images/100%/x%20y.png", "images/K\xc3\xa4tzchen/\xe7\x8c\xab.png",
		"images/'quoted\"/(x);:@$,!*~.png", "images/a?b#c.png", "images/.hidden/..x/a.png",
		"images/[x]{y}|^`<z>.png",
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		must(put_text(f, keys[i], keys[i], false));
		assert_string_equal(text_of(f, keys[i]), keys[i]);
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		assert_string_equal(text_of(f, keys[i]), keys[i]); /* none is another's */
		must(blob_delete(f->store, keys[i], &failure));
		refused(blob_stat(f->store, keys[i], &(struct blob_info){0}, &failure), ERR_NOT_FOUND);
	}
}

static void bytes_are_taken_from_a_file_at_an_offset(void **state)
{
	struct blob_fixture *f = *state;
	int fd = temporary_file("a cat and a dog");
	struct blob_put put = {.key = "images/a.png", .type = "image/png", .fd = fd, .offset = 2,
	                       .length = 3};
	must(blob_put(f->store, &put, &failure));
	assert_string_equal(text_of(f, "images/a.png"), "cat");
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
}

static void a_file_that_is_too_short_is_not_stored(void **state)
{
	struct blob_fixture *f = *state;
	unsigned char digest[HASH_SHA256_SIZE];
	int fd = temporary_file("short");
	hash_sha256("short, you see", 14, digest);
	struct blob_put put = {.key = "images/a.png", .type = "image/png", .sha256 = digest, .fd = fd,
	                       .length = 14};
	refused(blob_put(f->store, &put, &failure), ERR_INTERNAL);
	refused(blob_stat(f->store, "images/a.png", &(struct blob_info){0}, &failure), ERR_NOT_FOUND);
	close(fd);
}

static void the_same_bytes_again_are_fine_and_others_a_conflict(void **state)
{
	struct blob_fixture *f = *state;
	must(put_text(f, "images/a.png", "a cat", false));
	must(put_text(f, "images/a.png", "a cat", false));
	refused(put_text(f, "images/a.png", "a dog", false), ERR_CONFLICT);
	refused(put_text(f, "images/a.png", "a cat or two", true), ERR_CONFLICT);
	assert_string_equal(text_of(f, "images/a.png"), "a cat");
}

static void pieces_are_read_from_anywhere(void **state)
{
	struct blob_fixture *f = *state;
	char bytes[8];
	size_t got;
	must(put_text(f, "images/a.png", "0123456789", false));
	must(blob_read(f->store, "images/a.png", 3, bytes, 4, &got, &failure));
	assert_int_equal(got, 4);
	assert_memory_equal(bytes, "3456", 4);
	must(blob_read(f->store, "images/a.png", 8, bytes, 8, &got, &failure));
	assert_int_equal(got, 2);
	must(blob_read(f->store, "images/a.png", 10, bytes, 8, &got, &failure));
	assert_int_equal(got, 0);
	must(blob_read(f->store, "images/a.png", 1000, bytes, 8, &got, &failure));
	assert_int_equal(got, 0);
	refused(blob_read(f->store, "images/none.png", 0, bytes, 8, &got, &failure), ERR_NOT_FOUND);
}

static void large_objects_are_fetched(void **state)
{
	struct blob_fixture *f = *state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 31 >> 7);
	struct blob_put put = {.key = "images/big.png", .type = "image/png", .bytes = big,
	                       .length = sizeof(big)};
	must(blob_put(f->store, &put, &failure));
	struct buf out;
	buf_init(&out, sizeof(big));
	must(blob_fetch(f->store, put.key, &out, &failure));
	assert_int_equal(out.len, sizeof(big));
	assert_memory_equal(out.data, big, sizeof(big));
	buf_release(&out);
	buf_init(&out, sizeof(big) - 1);
	refused(blob_fetch(f->store, put.key, &out, &failure), ERR_TOO_LARGE);
	buf_release(&out);
}

static void an_object_tells_its_size_and_time(void **state)
{
	struct blob_fixture *f = *state;
	struct blob_info info;
	struct timespec now;
	must(put_text(f, "images/a.png", "a cat", false));
	must(blob_stat(f->store, "images/a.png", &info, &failure));
	clock_gettime(CLOCK_REALTIME, &now);
	assert_int_equal(info.bytes, 5);
	assert_in_range(info.modified_us / 1000000, now.tv_sec - 60, now.tv_sec + 60);
	if (info.sha256[0] != '\0')
		assert_string_equal(info.sha256,
		                    "51e467415607798220a3776f6ae1a2a09ddc7e5dcdc955d685477b4cf05ade22");
	refused(blob_stat(f->store, "images/b.png", &info, &failure), ERR_NOT_FOUND);
}

static void a_deleted_object_is_gone_and_may_be_deleted_again(void **state)
{
	struct blob_fixture *f = *state;
	must(put_text(f, "images/a.png", "a cat", true));
	must(blob_delete(f->store, "images/a.png", &failure));
	refused(blob_stat(f->store, "images/a.png", &(struct blob_info){0}, &failure), ERR_NOT_FOUND);
	must(blob_delete(f->store, "images/a.png", &failure));
	must(put_text(f, "images/a.png", "a dog", false));
	assert_string_equal(text_of(f, "images/a.png"), "a dog");
}

static void malformed_keys_are_refused(void **state)
{
	struct blob_fixture *f = *state;
	static const char *const keys[] = {"", "/a", "a/", "a//b", "../a", "a/./b", "a\nb", "a\xff", "a\\b"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		refused(put_text(f, keys[i], "x", false), ERR_BAD_REQUEST);
		refused(blob_delete(f->store, keys[i], &failure), ERR_BAD_REQUEST);
	}
}

/* --- public and private
 * ------------------------------------------------------------------------------------- */

static void public_objects_have_lasting_urls(void **state)
{
	struct blob_fixture *f = *state;
	must(put_text(f, "images/a b/ü.png", "a cat", true));
	const char *url = url_of(f, "images/a b/ü.png", true);
	assert_non_null(strstr(url, "/images/a%20b/%C3%BC.png"));
	assert_null(strchr(url, '?'));
	f->config.image_store.public_url = (char *)(uintptr_t) "https://pictures.example/p";
	assert_string_equal(url_of(f, "images/a b/ü.png", true),
	                    "https://pictures.example/p/images/a%20b/%C3%BC.png");
}

static void objects_become_public_and_private(void **state)
{
	struct blob_fixture *f = *state;
	must(put_text(f, "images/a.png", "a cat", false));
	must(blob_set_public(f->store, "images/a.png", true, &failure));
	must(blob_set_public(f->store, "images/a.png", true, &failure));
	assert_string_equal(text_of(f, "images/a.png"), "a cat");
	must(blob_set_public(f->store, "images/a.png", false, &failure));
	assert_string_equal(text_of(f, "images/a.png"), "a cat");
	refused(blob_set_public(f->store, "images/b.png", true, &failure), ERR_NOT_FOUND);
}

/* --- many at once
 * ------------------------------------------------------------------------------------------- */

enum { THREADS = 16, PUTS = 12, RACERS = 4 };

struct worker {
	struct blob_fixture *fixture;
	int number;
	int failed;
};

/* Half of the keys are everyone's, half this thread's own. */
static void name_object(const struct worker *worker, int i, char key[64], char text[80])
{
	snprintf(key, 64, "images/%d/%d-%d.png", i % 3, i, i % 2 == 0 ? 0 : worker->number);
	snprintf(text, 80, "bytes of %s", key);
}

static void *put_many(void *data)
{
	struct worker *worker = data;
	for (int i = 0; i < PUTS; i++) {
		char key[64], text[80];
		struct err err;
		name_object(worker, i, key, text);
		struct blob_put put = {.key = key, .type = "image/png", .bytes = text,
		                       .length = (int64_t)strlen(text)};
		worker->failed += blob_put(worker->fixture->store, &put, &err) != 0;
		char bytes[80];
		size_t got = 0;
		worker->failed += blob_read(worker->fixture->store, key, 0, bytes, sizeof(bytes), &got,
		                            &err) != 0 ||
		                  got != strlen(text) || memcmp(bytes, text, got) != 0;
	}
	return NULL;
}

static void run_workers(struct worker *workers, int count, struct blob_fixture *fixture, void *(*run)(void *))
{
	pthread_t threads[count];

	for (int i = 0; i < count; i++) {
		workers[i] = (struct worker){fixture, i, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, run, &workers[i]), 0);
	}
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].failed, 0);
	}
}

static void many_threads_store_at_once(void **state)
{
	struct worker workers[THREADS];

	run_workers(workers, THREADS, *state, put_many);
	for (int i = 0; i < THREADS * PUTS; i++) {
		char key[64], text[80];
		name_object(&workers[i / PUTS], i % PUTS, key, text);
		assert_string_equal(text_of(*state, key), text);
	}
}

/* Each of them puts the same bytes, and deletes them again. */
static void *put_and_delete(void *data)
{
	struct worker *worker = data;
	struct blob_put put = {.key = "busy/one.png", .type = "image/png", .bytes = "the same", .length = 8};
	struct err err;

	for (int i = 0; i < PUTS; i++) {
		bool failed = blob_put(worker->fixture->store, &put, &err) != 0 ||
		              blob_delete(worker->fixture->store, put.key, &err) != 0;

		if (failed && worker->failed++ == 0)
			fprintf(stderr, "%s\n", err.text);
	}
	return NULL;
}

static void what_others_delete_meanwhile_is_stored_all_the_same(void **state)
{
	struct worker workers[RACERS];

	run_workers(workers, RACERS, *state, put_and_delete);
}

static void the_store_says_that_it_is_well(void **state)
{
	struct blob_fixture *f = *state;
	must(blob_ping(f->store, &failure));
	int64_t removed = -1;
	must(blob_sweep(f->store, "", 3600, &removed, &failure));
	assert_int_equal(removed, 0);
}

static void the_store_says_who_serves_its_objects(void **state)
{
	struct blob_fixture *f = *state;
	const char *dir = blob_spool_dir(f->store);

	assert_int_equal(blob_is_direct(f->store), *url_of(f, "images/cat/a.png", false) != '\0');
	assert_int_equal(blob_is_direct(f->store), !dir);
	if (dir)
		assert_string_equal(dir, f->config.image_store.dir);
}

struct listed {
	char keys[1200][40];
	int64_t bytes;
	size_t count, most;
};

static bool note_key(void *data, const char *key, const struct blob_info *info)
{
	struct listed *listed = data;

	assert_true(listed->count < sizeof(listed->keys) / sizeof(listed->keys[0]));
	snprintf(listed->keys[listed->count++], sizeof(listed->keys[0]), "%s", key);
	listed->bytes += info->bytes;
	assert_true(info->modified_us > INT64_C(1500000000000000));
	return listed->count < listed->most;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(a, b);
}

static const struct listed *list(struct blob_fixture *f, const char *prefix, size_t most)
{
	static struct listed listed;

	listed = (struct listed){.most = most};
	must(blob_list(f->store, prefix, note_key, &listed, &failure));
	qsort(listed.keys, listed.count, sizeof(listed.keys[0]), by_key);
	return &listed;
}

static void objects_are_listed_below_a_prefix(void **state)
{
	struct blob_fixture *f = *state;
	static const char *const keys[] = {"datasets/b/images/x.png", "images/a b/c+d&e=f.png", "images/a%20b.png",
	                                   "images/\xe7\x8c\xab.png"};

	assert_int_equal(list(f, "", 10)->count, 0);
	for (size_t i = 0; i < 4; i++)
		must(put_text(f, keys[i], "a cat", i == 1));
	const struct listed *listed = list(f, "", 10);
	assert_int_equal(listed->count, 4);
	assert_int_equal(listed->bytes, 20);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(listed->keys[i], keys[i]);
	assert_int_equal(list(f, "images/", 10)->count, 3);
	assert_int_equal(list(f, "images/a", 10)->count, 2);
	assert_int_equal(list(f, "imagesx/", 10)->count, 0);
	assert_int_equal(list(f, "", 2)->count, 2);
}

/* S3 lists a thousand at a time. */
static void a_list_goes_on_after_its_first_page(void **state)
{
	struct blob_fixture *f = *state;
	char key[40];

	for (int i = 0; i < 1003; i++) {
		snprintf(key, sizeof(key), "images/%04d.png", i);
		must(put_text(f, key, "x", false));
	}
	const struct listed *listed = list(f, "images/", 1200);
	assert_int_equal(listed->count, 1003);
	for (int i = 0; i < 1003; i++) {
		snprintf(key, sizeof(key), "images/%04d.png", i);
		assert_string_equal(listed->keys[i], key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BLOB_TEST(what_was_put_is_read_back),
		BLOB_TEST(any_key_that_is_allowed_works),
		BLOB_TEST(bytes_are_taken_from_a_file_at_an_offset),
		BLOB_TEST(a_file_that_is_too_short_is_not_stored),
		BLOB_TEST(the_same_bytes_again_are_fine_and_others_a_conflict),
		BLOB_TEST(pieces_are_read_from_anywhere),
		BLOB_TEST(large_objects_are_fetched),
		BLOB_TEST(an_object_tells_its_size_and_time),
		BLOB_TEST(a_deleted_object_is_gone_and_may_be_deleted_again),
		BLOB_TEST(malformed_keys_are_refused),
		BLOB_TEST(public_objects_have_lasting_urls),
		BLOB_TEST(objects_become_public_and_private),
		BLOB_TEST(many_threads_store_at_once),
		BLOB_TEST(objects_are_listed_below_a_prefix),
		BLOB_TEST(a_list_goes_on_after_its_first_page),
		BLOB_TEST(what_others_delete_meanwhile_is_stored_all_the_same),
		BLOB_TEST(the_store_says_that_it_is_well),
		BLOB_TEST(the_store_says_who_serves_its_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
