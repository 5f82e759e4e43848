/* What programs count of their requests, in files that /metrics reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/memory.h"
#include "fastcgi/app.h"
#include "fastcgi/meter.h"
#include "tempdir.h"

enum { THREADS = 4, NOTES = 50 * 1000 };

static const struct route routes[] = {
	{"GET", "/v1/datasets/{dataset}", ROLE_NONE, NULL, 0, "", ""},
	{"POST", "/v1/datasets/{dataset}/tasks", ROLE_NONE, NULL, 0, "", ""},
	{0},
};

struct readings {
	size_t count;
	struct meter_reading of[3];
};

static void keep(void *data, const struct meter_reading *reading)
{
	struct readings *readings = data;
	assert_true(readings->count < 3);
	memcpy(&readings->of[readings->count++], reading, sizeof(*reading));
}

static struct readings *read_all(void)
{
	struct err err;
	struct readings *readings = memory_new(1, sizeof(*readings));
	assert_int_equal(meter_read(temp("metrics"), keep, readings, &err), 0);
	return readings;
}

static struct meter *begin(const char *program)
{
	struct err err;
	struct meter *meter = meter_open(temp("metrics"), program, routes, &err);
	assert_int_equal(err.code, ERR_NONE);
	return meter;
}

static void a_request_is_counted_by_route_class_and_duration(void **state)
{
	(void)state;
	struct meter *meter = begin("tasks");
	static const struct {
		int64_t microseconds;
		size_t bucket;
	} expected[] = {{0, 0}, {1000, 0}, {1001, 1}, {300000000, METER_BUCKETS - 2}, {300000001, METER_BUCKETS - 1}};
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		meter_note(meter, &(struct meter_request){&routes[1], 200, expected[i].microseconds, 3, 5});
	meter_note(meter, &(struct meter_request){&routes[0], 404, 7, 0, 0});
	meter_note(meter, &(struct meter_request){NULL, 599, 7, 0, 0});
	struct readings *readings = read_all();
	const struct meter_reading *reading = readings->of;
	assert_int_equal(readings->count, 1);
	assert_string_equal(reading->program, "tasks");
	assert_int_equal(reading->pid, getpid());
	assert_int_equal(reading->route_count, 2);
	assert_string_equal(reading->route[1].method, "POST");
	assert_string_equal(reading->route[1].path, "/v1/datasets/{dataset}/tasks");
	assert_string_equal(reading->route[2].path, "");
	uint64_t buckets[METER_BUCKETS] = {0};
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		buckets[expected[i].bucket]++;
	assert_memory_equal(reading->route[1].of[1].bucket, buckets, sizeof(buckets));
	assert_int_equal(reading->route[1].of[1].microseconds, 600002002);
	assert_int_equal(reading->route[0].of[3].bucket[0], 1);
	assert_int_equal(reading->route[2].of[4].bucket[0], 1);
	assert_int_equal(reading->received, 15);
	assert_int_equal(reading->sent, 25);
	free(readings);
	meter_free(meter);
}

static void only_a_stores_failures_are_counted(void **state)
{
	(void)state;
	struct meter *meter = begin("images");
	struct err err;
	err_set(&err, ERR_UNAVAILABLE, "down");
	meter_note_failure(meter, &err);
	err_from(&err, ERR_FROM_IMAGES);
	err_prefix(&err, "in vain");
	meter_note_failure(meter, &err);
	err_set(&err, ERR_CONFLICT, "taken");
	err_from(&err, ERR_FROM_DATASETS); /* an answer, not a failure */
	meter_note_failure(meter, &err);
	struct readings *readings = read_all();
	assert_int_equal(readings->of[0].failed[ERR_FROM_IMAGES], 1);
	assert_int_equal(readings->of[0].failed[ERR_FROM_DATASETS], 0);
	free(readings);
	meter_free(meter);
}

static void *hammer(void *data)
{
	for (int i = 0; i < NOTES; i++)
		meter_note(data, &(struct meter_request){&routes[0], 200, 1, 1, 1});
	return NULL;
}

static void threads_lose_no_count(void **state)
{
	(void)state;
	struct meter *meter = begin("size");
	pthread_t thread[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, hammer, meter), 0);
	uint64_t before = 0;
	for (int i = 0; i < 20; i++) {
		struct readings *readings = read_all();
		uint64_t now = readings->of[0].route[0].of[1].bucket[0];
		assert_true(now >= before);
		before = now;
		free(readings);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	struct readings *readings = read_all();
	assert_int_equal(readings->of[0].route[0].of[1].bucket[0], THREADS * NOTES);
	assert_int_equal(readings->of[0].received, THREADS * NOTES);
	free(readings);
	meter_free(meter);
}

static void a_new_process_begins_at_zero(void **state)
{
	(void)state;
	struct meter *meter = begin("size");
	meter_note(meter, &(struct meter_request){&routes[0], 200, 1, 1, 1});
	meter_free(meter);
	meter = begin("size");
	struct readings *readings = read_all();
	assert_int_equal(readings->count, 1);
	assert_int_equal(readings->of[0].received, 0);
	assert_int_equal(readings->of[0].route[0].of[1].bucket[0], 0);
	free(readings);
	meter_free(meter);
}

static void what_is_no_table_is_passed_over(void **state)
{
	(void)state;
	struct meter *meter = begin("size"), *other = begin("access");
	temp_text("metrics/note", "hello");
	temp_text("metrics/zeros", "");
	assert_int_equal(truncate(temp("metrics/zeros"), 100 * 1000), 0);
	assert_int_equal(mkdir(temp("metrics/folder"), 0700), 0);
	struct readings *readings = read_all();
	assert_int_equal(readings->count, 2);
	assert_string_equal(readings->of[0].program, "access");
	assert_string_equal(readings->of[1].program, "size");
	free(readings);
	meter_free(meter);
	meter_free(other);
	struct err err;
	assert_true(meter_read(temp("nowhere"), keep, NULL, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
}

static void without_room_for_its_file_it_counts_all_the_same(void **state)
{
	(void)state;
	struct err err;
	temp_text("metrics", "a file where the folder should be");
	struct meter *meter = meter_open(temp("metrics"), "size", routes, &err);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	meter_note(meter, &(struct meter_request){&routes[0], 200, 1, 1, 1});
	meter_free(meter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMPDIR_TEST(a_request_is_counted_by_route_class_and_duration),
		TEMPDIR_TEST(only_a_stores_failures_are_counted),
		TEMPDIR_TEST(threads_lose_no_count),
		TEMPDIR_TEST(a_new_process_begins_at_zero),
		TEMPDIR_TEST(what_is_no_table_is_passed_over),
		TEMPDIR_TEST(without_room_for_its_file_it_counts_all_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
