/* Samples whose answer is known, as one of the people sees them who are asked, and must not notice (rules_gold.h):
 * reading a dataset for a user who is no contributor goes by these functions. As thread-safe as dataset.h says, and
 * with its errors. */
#ifndef DATASET_GOLD_H
#define DATASET_GOLD_H

#include "dataset/activity.h"
#include "dataset/feed.h"
#include "dataset/stats_kept.h"

struct dataset_record;
struct said_events;

/* All of a dataset's, of one moment. Without any it is empty, and changes nothing. */
struct gold_view {
	struct dataset_record *records; /* what they are, in order of id */
	struct sample *seen;            /* what the user sees of each: `gold` is false */
	bool **shown;                   /* for each, which of its events */
	size_t count;
};
int gold_view_load(struct dataset *dataset, const char *user, struct gold_view *out, struct err *err);
void gold_view_release(struct gold_view *view);

/* As dataset_samples_page. */
int gold_view_page(struct dataset *dataset, const struct gold_view *view, const struct sample_filter *filter,
                   struct sample_page *page, struct err *err);
/* Makes of counts, as the store has them, what the user sees; labels may be empty. */
void gold_view_count(const struct gold_view *view, struct dataset_counts *counts, struct dataset_labels *labels);
/* Whether the user sees the feed's item. */
bool gold_view_shows(const struct gold_view *view, const struct feed_item *item);
/* Makes of what people said, as the store has counted it, what the user sees. */
void gold_view_stats(const struct gold_view *view, struct stats_kept *kept);
/* Adds to what goes on among the other samples what the user sees of these. */
void gold_view_activity(const struct gold_view *view, struct dataset_activity *activity);

/* Makes of the sample, as it is, what the user sees. */
int gold_see_sample(struct dataset *dataset, const char *user, struct sample *sample, struct err *err);
/* All events of such a sample, and which of them the user sees; the caller releases *out and frees *shown. */
int gold_shown(struct dataset *dataset, const char *user, int64_t id, struct said_events *out, bool **shown,
               struct err *err);

/* What each person answered, in byte order of users; not those who set the answer. The caller frees, each user too. */
struct gold_score {
	char *user;
	int64_t answered, right;
};
int gold_scores(struct dataset *dataset, struct gold_score **out, size_t *count, struct err *err);

#endif
