/* What the benchmarks of stores share: a dataset to fill, labels for one sample and for many at once, and medians. */
#ifndef TESTS_BENCH_MEASURED_H
#define TESTS_BENCH_MEASURED_H

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "dataset/correct.h"

enum { PER_MERGE = 10000, MANY = 1000, ROUNDS_MAX = 1000 };

static struct err trouble;
static const struct correction correction = {.user = "ada"};

_Noreturn static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

static inline int64_t number(const char *text, int64_t otherwise)
{
	int64_t value = otherwise;

	if (text && text_int64(text, 1, ROUNDS_MAX, &value))
		die("not a number from 1 to 1000", text);
	return value;
}

static inline void fill_ours(struct dataset *dataset, int64_t count)
{
	static const char *const labels[] = {"cat", "dog"};
	static char path[PER_MERGE][64];
	static struct dataset_seed seeds[PER_MERGE];
	struct dataset_merged merged = {0};

	for (int64_t from = 0; from < count; from += PER_MERGE) {
		for (int64_t i = 0; i < PER_MERGE; i++) {
			snprintf(path[i], sizeof(path[i]), "some/folder/picture-%lld.png", (long long)(from + i));
			seeds[i] = (struct dataset_seed){path[i], ""};
		}
		if (dataset_merge(dataset, labels, 2, seeds, PER_MERGE, &merged, &trouble))
			die("merge", trouble.text);
	}
}

static inline void label_one(struct dataset *dataset, int64_t id)
{
	struct sample sample;

	if (sample_decide(dataset, id, "cat", &correction, &sample, &trouble))
		die("label", trouble.text);
	sample_release(&sample);
}

static inline void undo_one(struct dataset *dataset, int64_t id)
{
	struct sample sample;

	if (sample_undo(dataset, id, &correction, &sample, &trouble))
		die("undo", trouble.text);
	sample_release(&sample);
}

/* The ids from `from` on, MANY of them; only till the next call. */
static inline const int64_t *many_ids(int64_t from)
{
	static int64_t ids[MANY];

	for (int64_t i = 0; i < MANY; i++)
		ids[i] = from + i;
	return ids;
}

static inline void label_many(struct dataset *dataset, int64_t from)
{
	size_t done;

	if (samples_decide(dataset, many_ids(from), NULL, MANY, "cat", &correction, &done, &trouble))
		die("labels", trouble.text);
}

static inline void undo_many(struct dataset *dataset, int64_t from)
{
	size_t done;

	if (samples_take_back(dataset, many_ids(from), NULL, MANY, &correction, &done, &trouble))
		die("undos", trouble.text);
}

static inline int by_size(const void *a, const void *b)
{
	const int64_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static inline double median_ms(int64_t *times, int64_t count)
{
	qsort(times, (size_t)count, sizeof(*times), by_size);
	return (double)times[count / 2] / 1000;
}

#endif
