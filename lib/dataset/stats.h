/* Statistics of a dataset: who labelled how much, when and how fast, and how far people agree. From counts that are
 * kept with every write, so that the cost depends on the number of people, days and labels, not on that of samples.
 *
 * A label is given by an event that has a label and a user, and is neither a seed, an undo nor a merge; an undo takes
 * it back. Agreement is about votes that count now: the last one of each person on each sample (rules.h). */
#ifndef DATASET_STATS_H
#define DATASET_STATS_H

#include "dataset/agreement.h"
#include "dataset/dataset.h"

#define STATS_DAY_US INT64_C(86400000000)

/* What stores keep. */
enum stats_kind {
	STATS_GIVEN,   /* text[0]: a user; number: a day, from 1970, UTC; n: labels given */
	STATS_LEAD,    /* text[0]: a user; number: stats_lead_from; n: labels with such a lead time; ms: their sum */
	STATS_PAIR,    /* text[0] <= text[1]: labels of two votes on one sample; number: its votes; n: such pairs */
	STATS_OPINION, /* text[0] < text[1]: users; text[2], text[3]: what each said; n: samples */
};
enum { STATS_KINDS = 4, STATS_TEXTS = 4 };
struct stats_row {
	char *text[STATS_TEXTS]; /* NULL: none */
	int64_t number, n, ms;
};
struct stats_kept {
	struct stats_row *rows[STATS_KINDS];
	size_t count[STATS_KINDS];
};
/* Adds a row, copying its texts; n 0: does nothing. */
void stats_add(struct stats_kept *kept, enum stats_kind kind, const struct stats_row *row);
void stats_kept_release(struct stats_kept *kept);

/* Lead times are counted together from here on: exactly below 2,048 ms, above that in steps of less than 0.1 %. The
 * median is the mean of those counted with it, hence exact unless others lie so close. */
enum { STATS_LEAD_EXACT_MS = 2048 };
int64_t stats_lead_from(int64_t lead_time_ms);

struct stats_person {
	const char *user;
	int64_t labelled;
	double median_ms; /* NAN: no lead time is known */
	double per_hour;  /* labels an hour at the mean of their lead times; NAN */
};
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
	struct stats_kept kept; /* owns all texts */
};
/* The caller releases *out, also after a failure. */
int dataset_stats(struct dataset *dataset, struct dataset_stats *out, struct err *err);
void dataset_stats_release(struct dataset_stats *stats);

#endif
