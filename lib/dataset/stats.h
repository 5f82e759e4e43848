/* Statistics of a dataset: who labelled how much, when and how fast, and how far people agree. From counts that are
 * kept with every write, so that the cost depends on the number of people, days and labels, not on that of samples.
 *
 * A label is given by an event that has a label and a user, and is neither a seed, an undo nor a merge; an undo takes
 * it back. Agreement is about votes that count now: the last one of each person on each sample (rules.h). */
#ifndef DATASET_STATS_H
#define DATASET_STATS_H

#include "dataset/agreement.h"
#include "dataset/dataset.h"
#include "dataset/stats_kept.h"

struct stats_person {
	const char *user;
	int64_t labelled;
	double median_ms; /* NAN: no lead time is known */
	double per_hour;  /* labels an hour at the mean of their lead times; NAN */
};
struct gold_score;
struct stats_day {
	int64_t day, labelled;
};
struct stats_two {
	const char *one, *other;
	double kappa; /* NAN: undefined */
	int64_t n;    /* samples on which both voted */
	const struct stats_row *said;
	size_t said_count;
};
/* NAN: undefined (agreement.h). */
struct dataset_stats {
	struct stats_person *people; /* in byte order */
	struct stats_day *days;
	struct stats_two *twos;
	size_t person_count, day_count, two_count;
	double median_ms;
	double fleiss, krippendorff;
	struct gold_score *scores; /* by known answers (gold.h); none as one of the people asked sees it */
	size_t score_count;
	struct stats_kept kept; /* owns all texts */
};
/* seen_by: as this user sees it, who is asked (gold.h); NULL: as it is. The caller releases *out, also after a
 * failure. */
int dataset_stats(struct dataset *dataset, const char *seen_by, struct dataset_stats *out, struct err *err);
void dataset_stats_release(struct dataset_stats *stats);

#endif
