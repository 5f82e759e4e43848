/* The image store in files, while objects are published and hidden: every reader finds them, and none stays public. */
#include "fs_store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_bool turned;

static void *turn(void *data)
{
	struct fixture *f = data;
	struct err err;
	intptr_t failed = 0;
	for (int i = 0; i < 3000; i++)
		failed |= blob_set_public(f->store, "images/turned.png", i % 2 == 0, &err);
	atomic_store(&turned, true);
	return (void *)failed; /* NOLINT: a number */
}

static void an_object_is_there_while_it_is_published_and_hidden(void **state)
{
	struct fixture *f = *state;
	struct blob_put put = {.key = "images/turned.png", .type = "image/png", .bytes = "a cat", .length = 5};
	pthread_t thread;
	void *failed;
	assert_int_equal(blob_put(f->store, &put, &f->err), 0);
	atomic_store(&turned, false);
	assert_int_equal(pthread_create(&thread, NULL, turn, f), 0);
	while (!atomic_load(&turned)) {
		char path[PATH_MAX], bytes[8];
		size_t got;
		struct blob_info info;
		if (blob_path(f->store, put.key, path, &f->err) != 0 || blob_stat(f->store, put.key, &info, &f->err) != 0 ||
		    blob_read(f->store, put.key, 0, bytes, sizeof(bytes), &got, &f->err) != 0)
			fail_msg("%s", f->err.text);
	}
	pthread_join(thread, &failed);
	assert_null(failed);
}

struct putting {
	struct fixture *f;
	pthread_barrier_t *barrier;
	bool is_public;
};
enum { ROUNDS = 300 };

static void *turn_one_way(void *data)
{
	const struct putting *turning = data;
	struct err err;
	intptr_t failed = 0;
	for (int i = 0; i < 3000; i++)
		failed |= blob_set_public(turning->f->store, "images/turned.png", turning->is_public, &err);
	return (void *)failed; /* NOLINT: a number */
}

static void an_object_published_and_hidden_at_once_is_not_lost(void **state)
{
	struct fixture *f = *state;
	struct putting turning[3] = {{f, NULL, false}, {f, NULL, true}, {f, NULL, false}};
	struct blob_put put = {.key = "images/turned.png", .type = "image/png", .bytes = "a cat", .length = 5};
	struct blob_info info;
	pthread_t threads[3];
	assert_int_equal(blob_put(f->store, &put, &f->err), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, turn_one_way, &turning[i]), 0);
	for (int i = 0; i < 3; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(blob_stat(f->store, put.key, &info, &f->err), 0);
}

static void *put_each(void *data)
{
	struct putting *putting = data;
	for (int i = 0; i < ROUNDS; i++) {
		char key[64];
		struct err err;
		snprintf(key, sizeof(key), "images/both%d.png", i);
		struct blob_put put = {.key = key, .type = "image/png", .public_read = putting->is_public, .bytes = "a cat", .length = 5};
		pthread_barrier_wait(putting->barrier);
		blob_put(putting->f->store, &put, &err);
	}
	return NULL;
}

static void an_object_put_both_ways_at_once_can_be_hidden(void **state)
{
	struct fixture *f = *state;
	pthread_barrier_t barrier;
	pthread_t threads[2];
	struct putting putting[2] = {{f, &barrier, false}, {f, &barrier, true}};
	pthread_barrier_init(&barrier, NULL, 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_each, &putting[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
	for (int i = 0; i < ROUNDS; i++) {
		char key[64], path[256];
		snprintf(key, sizeof(key), "images/both%d.png", i);
		assert_int_equal(blob_set_public(f->store, key, false, &f->err), 0);
		snprintf(path, sizeof(path), "%s/public/%s", f->dir, key);
		if (access(path, F_OK) == 0)
			fail_msg("%s is public", key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FS_STORE_TEST(an_object_is_there_while_it_is_published_and_hidden),
		FS_STORE_TEST(an_object_published_and_hidden_at_once_is_not_lost),
		FS_STORE_TEST(an_object_put_both_ways_at_once_can_be_hidden),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
