/* Counts for the statistics anew, and compares that with what a store has kept. One thread. */
#ifndef ADMIN_CHECK_STATS_H
#define ADMIN_CHECK_STATS_H

#include "dataset/integrity.h"
#include "dataset/move.h"

struct check_stats;

struct check_stats *check_stats_new(const struct stats_kept *kept);
void check_stats_free(struct check_stats *stats); /* NULL is fine */
/* Counts what the sample's events and votes say. */
void check_stats_count(struct check_stats *stats, const struct dataset_record *record);
/* Visits each count that differs: what it is of, for a person. Returns how many there are; the caller frees *out, which
 * has what corrects them, with texts borrowed from stats. */
typedef void check_stats_visit(void *data, const char *what, int64_t kept, int64_t counted);
size_t check_stats_differing(const struct check_stats *stats, struct dataset_stats_fix **out, check_stats_visit *visit,
                             void *data);

#endif
