/* Computes a dataset's statistics from the counts that its store keeps. */
#include "dataset/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dataset/backend.h"
#include "dataset/gold.h"

enum { MS_AN_HOUR = 3600 * 1000 };

/* --- orders ------------------------------------------------------------------------------------------------------- */

static int stats_by_number(const void *a, const void *b)
{
	const struct stats_row *one = a, *other = b;

	return (one->number > other->number) - (one->number < other->number);
}

static int stats_by_user(const void *a, const void *b)
{
	const struct stats_row *one = a, *other = b;
	int order = strcmp(one->text[0], other->text[0]);

	return order ? order : stats_by_number(a, b);
}

static int stats_by_users(const void *a, const void *b)
{
	const struct stats_row *one = a, *other = b;
	int order = 0;

	for (size_t i = 0; i < STATS_TEXTS && order == 0; i++)
		order = strcmp(one->text[i], other->text[i]);
	return order;
}

static void order_rows(const struct stats_kept *kept, enum stats_kind kind, int (*by)(const void *, const void *))
{
	if (kept->count[kind] > 1)
		qsort(kept->rows[kind], kept->count[kind], sizeof(struct stats_row), by);
}

/* --- lead times --------------------------------------------------------------------------------------------------- */

/* The lead time at this place, from 0. */
static double lead_at(const struct stats_row *rows, size_t count, int64_t place)
{
	for (size_t i = 0; i < count; i++) {
		if (place < rows[i].n)
			return (double)rows[i].ms / (double)rows[i].n;
		place -= rows[i].n;
	}
	return NAN;
}

/* Of rows in order of number. */
static double median_of(const struct stats_row *rows, size_t count)
{
	int64_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += rows[i].n;
	return n > 0 ? (lead_at(rows, count, (n - 1) / 2) + lead_at(rows, count, n / 2)) / 2 : NAN;
}

static double hourly(const struct stats_row *rows, size_t count)
{
	int64_t n = 0, ms = 0;

	for (size_t i = 0; i < count; i++) {
		n += rows[i].n;
		ms += rows[i].ms;
	}
	return ms > 0 ? (double)n * (double)MS_AN_HOUR / (double)ms : NAN;
}

/* --- people and days ---------------------------------------------------------------------------------------------- */

/* How many rows from `first` on are this user's. */
static size_t rows_of_user(const struct stats_row *rows, size_t count, size_t first, const char *user)
{
	size_t end = first;

	while (end < count && strcmp(rows[end].text[0], user) == 0)
		end++;
	return end - first;
}

/* Both kinds of rows are in order of user; who has a lead time has given a label, too. */
static void find_people(struct dataset_stats *out)
{
	const struct stats_row *given = out->kept.rows[STATS_GIVEN], *leads = out->kept.rows[STATS_LEAD];
	size_t count = out->kept.count[STATS_GIVEN], lead_count = out->kept.count[STATS_LEAD], lead = 0;

	out->people = memory_new(count + 1, sizeof(*out->people));
	for (size_t i = 0; i < count;) {
		struct stats_person *person = &out->people[out->person_count++];
		size_t own = rows_of_user(given, count, i, given[i].text[0]);

		*person = (struct stats_person){.user = given[i].text[0]};
		for (size_t j = i; j < i + own; j++)
			person->labelled += given[j].n;
		i += own;
		while (lead < lead_count && strcmp(leads[lead].text[0], person->user) < 0)
			lead++;
		size_t timed = rows_of_user(leads, lead_count, lead, person->user);
		person->median_ms = median_of(leads + lead, timed);
		person->per_hour = hourly(leads + lead, timed);
		lead += timed;
	}
}

static void find_days(struct dataset_stats *out)
{
	const struct stats_row *given = out->kept.rows[STATS_GIVEN];

	out->days = memory_new(out->kept.count[STATS_GIVEN] + 1, sizeof(*out->days));
	for (size_t i = 0; i < out->kept.count[STATS_GIVEN]; i++) {
		struct stats_day *last = out->day_count > 0 ? &out->days[out->day_count - 1] : NULL;

		if (last && last->day == given[i].number)
			last->labelled += given[i].n;
		else
			out->days[out->day_count++] = (struct stats_day){.day = given[i].number, .labelled = given[i].n};
	}
}

/* --- agreement ---------------------------------------------------------------------------------------------------- */

struct names {
	const char **item;
	size_t count;
};

static int stats_by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All labels of which two people said anything, each once, in order: their places are the numbers that tell them
 * apart. The caller frees item. */
static struct names names_of(const struct stats_kept *kept)
{
	struct names names = {.item = memory_new(2 * kept->count[STATS_OPINION] + 2 * kept->count[STATS_PAIR] + 1,
	                                         sizeof(*names.item))};
	size_t all = 0;

	for (size_t i = 0; i < kept->count[STATS_PAIR]; i++) {
		names.item[all++] = kept->rows[STATS_PAIR][i].text[0];
		names.item[all++] = kept->rows[STATS_PAIR][i].text[1];
	}
	for (size_t i = 0; i < kept->count[STATS_OPINION]; i++) {
		names.item[all++] = kept->rows[STATS_OPINION][i].text[2];
		names.item[all++] = kept->rows[STATS_OPINION][i].text[3];
	}
	if (all > 1)
		qsort(names.item, all, sizeof(*names.item), stats_by_name);
	for (size_t i = 0; i < all; i++) {
		if (names.count == 0 || strcmp(names.item[names.count - 1], names.item[i]) != 0)
			names.item[names.count++] = names.item[i];
	}
	return names;
}

static int64_t number_of(const struct names *names, const char *name)
{
	return (const char **)bsearch(&name, names->item, names->count, sizeof(name), stats_by_name) - names->item;
}

/* The labels begin at text[first]. The caller frees. */
static struct agreement_pair *pairs_made(const struct stats_row *rows, size_t count, size_t first,
                                         const struct names *names)
{
	struct agreement_pair *pairs = memory_new(count + 1, sizeof(*pairs));

	for (size_t i = 0; i < count; i++)
		pairs[i] = (struct agreement_pair){.voters = rows[i].number,
		                                   .a = number_of(names, rows[i].text[first]),
		                                   .b = number_of(names, rows[i].text[first + 1]),
		                                   .count = rows[i].n};
	return pairs;
}

static bool of_same_two(const struct stats_row *one, const struct stats_row *other)
{
	return strcmp(one->text[0], other->text[0]) == 0 && strcmp(one->text[1], other->text[1]) == 0;
}

static void find_agreement(struct dataset_stats *out)
{
	const struct stats_row *said = out->kept.rows[STATS_OPINION];
	size_t count = out->kept.count[STATS_PAIR], said_count = out->kept.count[STATS_OPINION];
	struct names names = names_of(&out->kept);
	struct agreement_pair *pairs = pairs_made(out->kept.rows[STATS_PAIR], count, 0, &names);

	out->fleiss = agreement_fleiss(pairs, count);
	out->krippendorff = agreement_krippendorff(pairs, count);
	free(pairs);
	pairs = pairs_made(said, said_count, 2, &names);
	out->twos = memory_new(said_count + 1, sizeof(*out->twos));
	for (size_t i = 0; i < said_count;) {
		struct stats_two *two = &out->twos[out->two_count++];
		size_t end = i;

		while (end < said_count && of_same_two(&said[end], &said[i]))
			end++;
		*two = (struct stats_two){
			.one = said[i].text[0], .other = said[i].text[1], .said = said + i, .said_count = end - i};
		two->kappa = agreement_cohen(pairs + i, end - i, &two->n);
		i = end;
	}
	free(pairs);
	free(names.item);
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

/* Corrects what the store has counted to what the user sees. */
static int stats_see(struct dataset *dataset, const char *user, struct stats_kept *kept, struct err *err)
{
	struct gold_view view;

	if (gold_view_load(dataset, user, &view, err))
		return -1;
	gold_view_stats(&view, kept);
	gold_view_release(&view);
	stats_drop_empty(kept);
	return 0;
}

int dataset_stats(struct dataset *dataset, const char *seen_by, struct dataset_stats *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (dataset->backend->stats(dataset, &out->kept, err) ||
	    (seen_by ? stats_see(dataset, seen_by, &out->kept, err)
	             : gold_scores(dataset, &out->scores, &out->score_count, err)))
		return -1;
	order_rows(&out->kept, STATS_GIVEN, stats_by_number);
	find_days(out);
	order_rows(&out->kept, STATS_LEAD, stats_by_number);
	out->median_ms = median_of(out->kept.rows[STATS_LEAD], out->kept.count[STATS_LEAD]);
	order_rows(&out->kept, STATS_GIVEN, stats_by_user);
	order_rows(&out->kept, STATS_LEAD, stats_by_user);
	find_people(out);
	order_rows(&out->kept, STATS_OPINION, stats_by_users);
	find_agreement(out);
	return 0;
}

void dataset_stats_release(struct dataset_stats *stats)
{
	free(stats->people);
	free(stats->days);
	free(stats->twos);
	for (size_t i = 0; i < stats->score_count; i++)
		free(stats->scores[i].user);
	free(stats->scores);
	stats_kept_release(&stats->kept);
	memset(stats, 0, sizeof(*stats));
}
