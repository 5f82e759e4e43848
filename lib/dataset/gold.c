/* What one person sees of a dataset with samples whose answer is known. */
#include "dataset/gold.h"

#include "base/memory.h"
#include "dataset/backend.h"
#include "dataset/rules_gold.h"
#include "dataset/said_events.h"
#include "dataset/spelling.h"

/* --- one sample --------------------------------------------------------------------------------------------------- */

static void gold_set_text(char **text, const char *value)
{
	free(*text);
	*text = memory_text(value);
}

static void take_seen(struct sample *sample, const struct gold_seen *seen)
{
	gold_set_text(&sample->label, seen->label);
	gold_set_text(&sample->labelled_by, seen->by);
	sample->state = seen->state;
	sample->version = seen->version;
	sample->labelled_at = seen->at;
	sample->disputed = seen->disputed;
	sample->gold = false;
}

static int gold_quorum(struct dataset *dataset, struct rules_quorum *out, struct err *err)
{
	struct dataset_place place;

	if (dataset_place(dataset, &place, err))
		return -1;
	*out = rules_quorum_of(&place.policy);
	dataset_place_release(&place);
	return 0;
}

struct gold_events {
	struct said_events all;
	bool *shown;
	struct gold_seen seen;
};

static int gold_events_read(struct dataset *dataset, const char *user, int64_t id, struct gold_events *out,
                            struct err *err)
{
	struct rules_quorum quorum;

	*out = (struct gold_events){.shown = NULL};
	if (gold_quorum(dataset, &quorum, err) || said_events_read(dataset, id, &out->all, err))
		return -1;
	out->shown = memory_new(out->all.count + 1, sizeof(*out->shown));
	out->seen = gold_see(out->all.item, out->all.count, user, quorum, out->shown);
	return 0;
}

static void gold_events_release(struct gold_events *events)
{
	said_events_release(&events->all);
	free(events->shown);
}

int gold_see_sample(struct dataset *dataset, const char *user, struct sample *sample, struct err *err)
{
	struct gold_events events;

	if (!sample->gold)
		return 0;
	int failed = gold_events_read(dataset, user, sample->id, &events, err);
	if (!failed)
		take_seen(sample, &events.seen);
	gold_events_release(&events);
	return failed;
}

int gold_shown(struct dataset *dataset, const char *user, int64_t id, struct said_events *out, bool **shown,
               struct err *err)
{
	struct gold_events events;

	if (gold_events_read(dataset, user, id, &events, err)) {
		gold_events_release(&events);
		return -1;
	}
	*out = events.all;
	*shown = events.shown;
	return 0;
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static void gold_records_release(struct dataset_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		dataset_record_release(&records[i]);
	free(records);
}

int gold_view_load(struct dataset *dataset, const char *user, struct gold_view *out, struct err *err)
{
	struct rules_quorum quorum;

	*out = (struct gold_view){.count = 0};
	if (gold_quorum(dataset, &quorum, err) || dataset->backend->gold(dataset, &out->records, &out->count, err)) {
		gold_records_release(out->records, out->count);
		*out = (struct gold_view){.count = 0};
		return -1;
	}
	out->seen = memory_new(out->count + 1, sizeof(*out->seen));
	out->shown = memory_new(out->count + 1, sizeof(*out->shown));
	for (size_t i = 0; i < out->count; i++) {
		const struct dataset_record *record = &out->records[i];

		out->shown[i] = memory_new(record->event_count + 1, sizeof(**out->shown));
		struct gold_seen seen = gold_see(record->events, record->event_count, user, quorum, out->shown[i]);
		sample_copy(&out->seen[i], &record->sample);
		take_seen(&out->seen[i], &seen);
	}
	return 0;
}

void gold_view_release(struct gold_view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		sample_release(&view->seen[i]);
		free(view->shown[i]);
	}
	free(view->seen);
	free(view->shown);
	gold_records_release(view->records, view->count);
	*view = (struct gold_view){.count = 0};
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

static bool gold_passes(const struct sample *sample, const struct sample_filter *filter)
{
	return (!filter->of_state || sample->state == filter->state) &&
	       (!filter->label || strcmp(sample->label, filter->label) == 0) &&
	       (!filter->by || strcmp(sample->labelled_by, filter->by) == 0) &&
	       (!filter->q || strstr(sample->filepath, filter->q)) &&
	       (!filter->flagged || (sample->flag != NULL) == (filter->flagged == SAMPLE_FLAGGED)) &&
	       (!filter->since || (sample->labelled_at > 0 && sample->labelled_at >= filter->since)) &&
	       (!filter->disputed || sample->disputed == (filter->disputed == SAMPLE_WITH)) &&
	       (!filter->gold || sample->gold == (filter->gold == SAMPLE_WITH));
}

struct paging {
	const struct gold_view *view;
	const struct sample_filter *filter;
	size_t next; /* in the view */
	struct sample_page *page;
};

/* Adds those seen up to this id. */
static void add_seen(struct paging *paging, int64_t to)
{
	const struct gold_view *view = paging->view;
	struct sample_page *page = paging->page;

	for (; paging->next < view->count && view->seen[paging->next].id <= to && page->count < page->limit;
	     paging->next++) {
		const struct sample *seen = &view->seen[paging->next];

		if (gold_passes(seen, paging->filter))
			sample_copy(&page->item[page->count++], seen);
	}
}

/* Takes the samples found, but for those whose answer is known: of these the view has what is seen. */
static void add_found(struct paging *paging, struct sample_page *found)
{
	struct sample_page *page = paging->page;

	for (size_t i = 0; i < found->count; i++) {
		struct sample *sample = &found->item[i];

		if (!sample->gold)
			add_seen(paging, sample->id);
		if (sample->gold || page->count == page->limit)
			sample_release(sample);
		else
			page->item[page->count++] = *sample;
	}
	free(found->item);
}

/* Goes on after a page that had known answers, until the list's page is full, or one has been cut short. */
static int add_pages(struct dataset *dataset, struct paging *paging, struct err *err)
{
	struct sample_page *page = paging->page, found = *page;
	bool full = true;

	page->reached = page->after;
	while (full && page->count < page->limit && page->reached < INT64_MAX) {
		found.after = page->reached;
		if (dataset_samples_page(dataset, paging->filter, &found, err))
			return -1;
		full = found.count == found.limit;
		page->reached = found.reached;
		add_found(paging, &found);
		add_seen(paging, page->reached);
	}
	if (page->count == page->limit)
		page->reached = page->item[page->count - 1].id;
	return 0;
}

int gold_view_page(struct dataset *dataset, const struct gold_view *view, const struct sample_filter *filter,
                   struct sample_page *page, struct err *err)
{
	struct sample_filter spelled = filter ? *filter : (struct sample_filter){.of_state = false};
	struct paging paging = {.view = view, .filter = &spelled, .page = page};
	char *label = NULL;

	if (view->count == 0)
		return dataset_samples_page(dataset, filter, page, err);
	page->item = NULL;
	page->count = 0;
	if (dataset_check_limit(page->limit, err) || (spelled.label && spelling_of(dataset, spelled.label, &label, err)))
		return -1;
	spelled.label = label;
	page->item = memory_new(page->limit, sizeof(*page->item));
	while (paging.next < view->count && view->seen[paging.next].id <= page->after)
		paging.next++;
	int failed = add_pages(dataset, &paging, err);
	free(label);
	if (failed)
		sample_page_release(page);
	return failed;
}

/* --- counts ------------------------------------------------------------------------------------------------------- */

static void count_sample(const struct sample *sample, int64_t by, struct dataset_counts *counts,
                         struct dataset_labels *labels)
{
	int64_t *const by_state[SAMPLE_STATES] = {&counts->unlabelled, &counts->labelled, &counts->skipped,
	                                          &counts->unreadable, &counts->review};

	*by_state[sample->state] += by;
	for (size_t i = 0; i < labels->count; i++) {
		if (strcmp(labels->item[i].name, sample->label) == 0)
			labels->item[i].count += by;
	}
}

void gold_view_count(const struct gold_view *view, struct dataset_counts *counts, struct dataset_labels *labels)
{
	counts->gold = 0;
	for (size_t i = 0; i < view->count; i++) {
		count_sample(&view->records[i].sample, -1, counts, labels);
		count_sample(&view->seen[i], 1, counts, labels);
	}
}

/* --- the feed ----------------------------------------------------------------------------------------------------- */

static int gold_by_id(const void *a, const void *b)
{
	const struct dataset_record *one = a, *other = b;

	return (one->sample.id > other->sample.id) - (one->sample.id < other->sample.id);
}

bool gold_view_shows(const struct gold_view *view, const struct feed_item *item)
{
	const struct dataset_record wanted = {.sample.id = item->id};
	const struct dataset_record *found =
		view->count ? bsearch(&wanted, view->records, view->count, sizeof(wanted), gold_by_id) : NULL;

	if (!found || item->kind != FEED_LABEL)
		return true;
	for (size_t i = 0; i < found->event_count; i++) {
		const struct label_event *event = &found->events[i];

		if (view->shown[found - view->records][i] && event->at == item->at && strcmp(event->by, item->by) == 0)
			return true;
	}
	return false;
}

/* --- statistics --------------------------------------------------------------------------------------------------- */

struct gold_votes {
	struct rules_vote *item; /* for labels; texts are borrowed */
	size_t count;
};

static void count_two(struct stats_kept *kept, const struct gold_votes *votes, const struct rules_vote *one,
                      const struct rules_vote *other, int64_t by)
{
	bool swapped = strcmp(one->user, other->user) > 0, ordered = strcmp(one->label, other->label) <= 0;
	const struct rules_vote *first = swapped ? other : one, *second = swapped ? one : other;
	const struct stats_row opinion = {.text = {(char *)(uintptr_t)first->user, (char *)(uintptr_t)second->user,
	                                           (char *)(uintptr_t)first->label, (char *)(uintptr_t)second->label},
	                                  .n = by};
	const struct stats_row pair = {.text = {(char *)(uintptr_t)(ordered ? one : other)->label,
	                                        (char *)(uintptr_t)(ordered ? other : one)->label},
	                               .number = (int64_t)votes->count,
	                               .n = by};

	stats_correct(kept, STATS_OPINION, &opinion);
	stats_correct(kept, STATS_PAIR, &pair);
}

static void count_given(struct stats_kept *kept, const struct label_event *event, int64_t by)
{
	struct stats_row row = {.text = {(char *)(uintptr_t)event->by}, .number = event->at / STATS_DAY_US, .n = by};

	if (!rules_gives(event))
		return;
	stats_correct(kept, STATS_GIVEN, &row);
	if (event->lead_time_ms < 0)
		return;
	row.number = stats_lead_from(event->lead_time_ms);
	row.ms = by * event->lead_time_ms;
	stats_correct(kept, STATS_LEAD, &row);
}

/* Takes others' labels that are not shown out of the counts, which would betray that there are more. */
static void drop_unseen(struct stats_kept *kept, const struct dataset_record *record, const bool *shown)
{
	for (size_t i = 0; i < record->event_count; i++) {
		int64_t undoes = record->events[i].undoes;

		if (shown[i])
			continue;
		count_given(kept, &record->events[i], -1);
		if (undoes > 0 && (size_t)undoes <= record->event_count)
			count_given(kept, &record->events[undoes - 1], 1);
	}
}

static void count_pairs(struct stats_kept *kept, const struct gold_votes *votes, int64_t by)
{
	for (size_t i = 0; i < votes->count; i++) {
		for (size_t j = i + 1; j < votes->count; j++)
			count_two(kept, votes, &votes->item[i], &votes->item[j], by);
	}
}

void gold_view_stats(const struct gold_view *view, struct stats_kept *kept)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct dataset_record *record = &view->records[i];
		struct gold_votes votes = {
			.item = memory_new(record->vote_count + record->event_count + 1, sizeof(*votes.item))};
		struct rules_decision ignored;

		drop_unseen(kept, record, view->shown[i]);
		for (size_t j = 0; j < record->vote_count; j++) {
			if (record->votes[j].label)
				votes.item[votes.count++] = (struct rules_vote){.user = record->votes[j].user, .label = record->votes[j].label};
		}
		count_pairs(kept, &votes, -1);
		votes.count = rules_fold_shown(record->events, record->event_count, view->shown[i], votes.item, &ignored);
		count_pairs(kept, &votes, 1);
		free(votes.item);
	}
}

/* --- what goes on ------------------------------------------------------------------------------------------------- */

void gold_view_activity(const struct gold_view *view, struct dataset_activity *activity)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct sample *seen = &view->seen[i];

		if (seen->labelled_at <= activity->labelled_at)
			continue;
		activity->labelled_at = seen->labelled_at;
		free(activity->labelled_by);
		activity->labelled_by = *seen->labelled_by ? memory_text(seen->labelled_by) : NULL;
	}
}

/* --- scores ------------------------------------------------------------------------------------------------------- */

struct scores {
	struct gold_score *item;
	size_t count;
};

static void score_vote(struct scores *scores, const char *user, bool right)
{
	size_t at = 0;

	while (at < scores->count && strcmp(scores->item[at].user, user) != 0)
		at++;
	if (at == scores->count) {
		scores->item = memory_grow(scores->item, ++scores->count, sizeof(*scores->item));
		scores->item[at] = (struct gold_score){.user = memory_text(user)};
	}
	scores->item[at].answered++;
	scores->item[at].right += right;
}

static bool set_answer(const struct dataset_record *record, const char *user)
{
	for (size_t i = 0; i < record->event_count; i++) {
		if (strcmp(record->events[i].source, RULES_GOLD) == 0 && strcmp(record->events[i].by, user) == 0)
			return true;
	}
	return false;
}

static int score_by_user(const void *a, const void *b)
{
	return strcmp(((const struct gold_score *)a)->user, ((const struct gold_score *)b)->user);
}

int gold_scores(struct dataset *dataset, struct gold_score **out, size_t *count, struct err *err)
{
	struct scores scores = {.count = 0};
	struct dataset_record *records;
	size_t record_count;
	int failed = dataset->backend->gold(dataset, &records, &record_count, err);

	for (size_t i = 0; i < record_count && !failed; i++) {
		for (size_t j = 0; j < records[i].vote_count; j++) {
			const struct dataset_vote *vote = &records[i].votes[j];

			if (vote->label && !set_answer(&records[i], vote->user))
				score_vote(&scores, vote->user, strcmp(vote->label, records[i].sample.label) == 0);
		}
	}
	gold_records_release(records, record_count);
	if (scores.count > 1)
		qsort(scores.item, scores.count, sizeof(*scores.item), score_by_user);
	*out = scores.item;
	*count = scores.count;
	return failed;
}
