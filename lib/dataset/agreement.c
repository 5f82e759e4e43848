/* Computes Cohen's and Fleiss' kappa and Krippendorff's alpha. */
#include "dataset/agreement.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"

/* How often a label was given: a share of a sum. */
struct given {
	int64_t label;
	double first, second; /* by one person and by the other; else all of it is the first */
};

static int agreement_by_label(const void *a, const void *b)
{
	const struct given *one = a, *other = b;

	return (one->label > other->label) - (one->label < other->label);
}

/* The sum over all labels of the product of how often it was given first and second; equal: of the square of how often
 * it was given at all. items: two for each pair, in any order; sorted by this. */
static double sum_products(struct given *items, size_t count, bool equal)
{
	double sum = 0;

	if (count > 1)
		qsort(items, count, sizeof(*items), agreement_by_label);
	for (size_t i = 0; i < count;) {
		double first = 0, second = 0;
		int64_t label = items[i].label;

		for (; i < count && items[i].label == label; i++) {
			first += items[i].first;
			second += items[i].second;
		}
		sum += first * (equal ? first : second);
	}
	return sum;
}

static double beyond_chance(double observed, double expected)
{
	return expected < 1 ? (observed - expected) / (1 - expected) : NAN;
}

double agreement_cohen(const struct agreement_pair *pairs, size_t count, int64_t *n)
{
	struct given *items = memory_new(2 * count + 1, sizeof(*items));
	double same = 0;

	*n = 0;
	for (size_t i = 0; i < count; i++) {
		double weight = (double)pairs[i].count;

		*n += pairs[i].count;
		same += pairs[i].a == pairs[i].b ? weight : 0;
		items[2 * i] = (struct given){.label = pairs[i].a, .first = weight};
		items[2 * i + 1] = (struct given){.label = pairs[i].b, .second = weight};
	}
	double total = (double)*n, products = sum_products(items, 2 * count, false);
	free(items);
	return *n > 0 ? beyond_chance(same / total, products / (total * total)) : NAN;
}

/* --- of many people ----------------------------------------------------------------------------------------------- */

/* Each pair stands for two coincidences, (a, b) and (b, a), of the weight that weigh gives it; 0 leaves it out. */
struct coincidences {
	double total, same;
	double squares; /* the sum of the squares of how often each label was given */
};

typedef double weigh_pair(const struct agreement_pair *pair, int64_t voters);

static struct coincidences coincide(const struct agreement_pair *pairs, size_t count, weigh_pair *weigh,
                                    int64_t voters)
{
	struct given *items = memory_new(2 * count + 1, sizeof(*items));
	struct coincidences sum = {.total = 0};

	for (size_t i = 0; i < count; i++) {
		double weight = (double)pairs[i].count * weigh(&pairs[i], voters);

		sum.total += 2 * weight;
		sum.same += pairs[i].a == pairs[i].b ? 2 * weight : 0;
		items[2 * i] = (struct given){.label = pairs[i].a, .first = weight};
		items[2 * i + 1] = (struct given){.label = pairs[i].b, .first = weight};
	}
	sum.squares = sum_products(items, 2 * count, true);
	free(items);
	return sum;
}

static double of_equally_many(const struct agreement_pair *pair, int64_t voters)
{
	return pair->voters == voters;
}

/* The number of votes that most samples have; 0: no sample has two. */
static int64_t usual_voters(const struct agreement_pair *pairs, size_t count)
{
	struct given *items = memory_new(count + 1, sizeof(*items)); /* how many pairs, by number of votes */
	int64_t usual = 0;
	double most = 0;

	for (size_t i = 0; i < count; i++)
		items[i] = (struct given){.label = pairs[i].voters, .first = (double)pairs[i].count};
	if (count > 1)
		qsort(items, count, sizeof(*items), agreement_by_label);
	for (size_t i = 0; i < count;) {
		int64_t voters = items[i].label;
		double sum = 0;

		for (; i < count && items[i].label == voters; i++)
			sum += items[i].first;
		double samples = voters > 1 ? sum * 2 / ((double)voters * (double)(voters - 1)) : 0;
		if (samples > 0 && samples >= most) {
			most = samples;
			usual = voters;
		}
	}
	free(items);
	return usual;
}

/* Every vote is in as many pairs as every other one, so that the share of a label is that of its coincidences. */
double agreement_fleiss(const struct agreement_pair *pairs, size_t count)
{
	struct coincidences sum = coincide(pairs, count, of_equally_many, usual_voters(pairs, count));

	return sum.total > 0 ? beyond_chance(sum.same / sum.total, sum.squares / (sum.total * sum.total)) : NAN;
}

/* So that a sample with m votes counts as m coincidences. */
static double by_voters(const struct agreement_pair *pair, int64_t unused)
{
	(void)unused;
	return pair->voters > 1 ? 1.0 / (double)(pair->voters - 1) : 0;
}

/* By the labels themselves: a difference of sums is rounded. */
static bool has_two_labels(const struct agreement_pair *pairs, size_t count)
{
	const struct agreement_pair *first = NULL;

	for (size_t i = 0; i < count; i++) {
		if (pairs[i].voters < 2 || pairs[i].count <= 0)
			continue;
		first = first ? first : &pairs[i];
		if (pairs[i].a != first->a || pairs[i].b != first->a)
			return true;
	}
	return false;
}

double agreement_krippendorff(const struct agreement_pair *pairs, size_t count)
{
	struct coincidences sum = coincide(pairs, count, by_voters, 0);

	return has_two_labels(pairs, count)
	               ? 1 - (sum.total - 1) * (sum.total - sum.same) / (sum.total * sum.total - sum.squares)
	               : NAN;
}
