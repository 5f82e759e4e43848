/* What stores count for the statistics of a dataset (stats.h). */
#ifndef DATASET_STATS_KEPT_H
#define DATASET_STATS_KEPT_H

#include <stddef.h>
#include <stdint.h>

#define STATS_DAY_US INT64_C(86400000000)

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
/* Adds n and ms to the row with these texts and this number, or adds the row. */
void stats_correct(struct stats_kept *kept, enum stats_kind kind, const struct stats_row *row);
/* Drops rows that were corrected to nothing. */
void stats_drop_empty(struct stats_kept *kept);
void stats_kept_release(struct stats_kept *kept);

/* Lead times are counted together from here on: exactly below 2,048 ms, above that in steps of less than 0.1 %. The
 * median is the mean of those counted with it, hence exact unless others lie so close. */
enum { STATS_LEAD_EXACT_MS = 2048 };
int64_t stats_lead_from(int64_t lead_time_ms);

#endif
