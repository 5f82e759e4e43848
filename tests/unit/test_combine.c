/* Group commit by combine.h: batches, their order, and jobs that give up after waiting too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/combine.h"

enum { THREADS = 16, ROUNDS = 200, MOST = 4 };

static time_t set_back; /* so many seconds is the time of day, as soon as it was read */

/* Stands before libc's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *out)
{
	int failed = (int)syscall(SYS_clock_gettime, clock, out);

	if (clock == CLOCK_REALTIME)
		out->tv_sec += set_back;
	return failed;
}

struct sum {
	struct combine_job job;
	int add, result;
};

struct line {
	struct combine combine;
	atomic_int under_way, gone;
	int total, batches, largest;
	bool overlapped;
	sem_t began, go_on; /* of a run that waits */
};

static void add_up(void *owner, struct combine *combine)
{
	struct line *line = owner;
	int count = 0;

	line->overlapped = line->overlapped || ++line->under_way > 1;
	for (struct combine_job *job = combine_take(combine); job; job = job->next, count++)
		((struct sum *)job)->result = line->total += ((struct sum *)job)->add;
	line->batches++;
	line->largest = count > line->largest ? count : line->largest;
	--line->under_way;
}

static void *add_often(void *data)
{
	struct line *line = data;

	for (int i = 0; i < ROUNDS; i++) {
		struct sum sum = {.add = 1};

		if (combine_do(&line->combine, &sum.job, add_up, line, 0) || sum.result == 0)
			line->gone++;
	}
	return NULL;
}

static void each_job_is_done_once_and_one_batch_at_a_time(void **state)
{
	struct line line = {.total = 0};
	pthread_t threads[THREADS];

	(void)state;
	combine_init(&line.combine, MOST);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_often, &line), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(line.gone, 0);
	assert_int_equal(line.total, THREADS * ROUNDS);
	assert_false(line.overlapped);
	assert_in_range(line.largest, 1, MOST);
	assert_in_range(line.batches, THREADS * ROUNDS / MOST, THREADS * ROUNDS);
	combine_release(&line.combine);
}

/* Begins, and takes its batch only when it is told to. */
static void add_up_later(void *owner, struct combine *combine)
{
	struct line *line = owner;

	sem_post(&line->began);
	sem_wait(&line->go_on);
	add_up(owner, combine);
}

static void *lead_one(void *data)
{
	struct line *line = data;
	struct sum sum = {.add = 1};

	if (combine_do(&line->combine, &sum.job, add_up_later, line, 1))
		line->gone++;
	return NULL;
}

/* The leader takes its batch when it has what it needs, so they wait as long for that as it does, or go. */
static void who_waits_too_long_goes_and_is_not_in_the_batch(void **state)
{
	struct line line = {.total = 0};
	struct sum late = {.add = 10};
	pthread_t leader;

	(void)state;
	combine_init(&line.combine, MOST);
	sem_init(&line.began, 0, 0);
	sem_init(&line.go_on, 0, 0);
	assert_int_equal(pthread_create(&leader, NULL, lead_one, &line), 0);
	sem_wait(&line.began);
	assert_true(combine_do(&line.combine, &late.job, add_up_later, &line, 1));
	sem_post(&line.go_on);
	pthread_join(leader, NULL);
	assert_int_equal(line.gone, 0);
	assert_int_equal(line.total, 1);
	sem_destroy(&line.began);
	sem_destroy(&line.go_on);
	combine_release(&line.combine);
}

static void who_waits_too_long_goes_when_the_clock_was_set_back(void **state)
{
	set_back = 3600;
	who_waits_too_long_goes_and_is_not_in_the_batch(state);
	set_back = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_job_is_done_once_and_one_batch_at_a_time),
		cmocka_unit_test(who_waits_too_long_goes_and_is_not_in_the_batch),
		cmocka_unit_test(who_waits_too_long_goes_when_the_clock_was_set_back),
	};

	return cmocka_run_group_tests_name("combine", tests, NULL, NULL);
}
