/* Finds what a person says of samples: which of the events that a store finds still hold, by the rules. */
#include "dataset/sayings.h"

#include "base/memory.h"
#include "dataset/backend.h"
#include "dataset/rules_gold.h"

static int record_by_id(const void *a, const void *b)
{
	const struct dataset_record *one = a, *other = b;

	return (one->sample.id > other->sample.id) - (one->sample.id < other->sample.id);
}

struct saying_view {
	const char *user, *seen_by;
	struct rules_quorum quorum;
};

static int64_t says(const struct saying_view *view, const struct dataset_record *record, const char **label)
{
	const struct label_event *events = record->events;
	size_t count = record->event_count;

	if (!record->sample.gold || !view->seen_by)
		return rules_says(events, count, NULL, view->user, record->sample.gold, label);
	bool *shown = memory_new(count + 1, sizeof(*shown));
	gold_see(events, count, view->seen_by, view->quorum, shown);
	int64_t n = rules_says(events, count, shown, view->user, false, label);
	free(shown);
	return n;
}

/* Of the events of one sample only that one is listed which still holds. */
static void add_saying(const struct saying_view *view, const struct sayings_found *found,
                       const struct saying_place *place, struct sayings_page *page)
{
	const struct dataset_record wanted = {.sample.id = place->id};
	const struct dataset_record *record =
		bsearch(&wanted, found->records, found->record_count, sizeof(wanted), record_by_id);
	const char *label;

	if (!record || says(view, record, &label) != place->n)
		return;
	struct saying *saying = &page->item[page->count++];
	sample_copy(&saying->sample, &record->sample);
	saying->label = memory_text(label);
	saying->at = place->at;
}

static void sayings_found_release(struct sayings_found *found)
{
	for (size_t i = 0; i < found->record_count; i++)
		dataset_record_release(&found->records[i]);
	free(found->records);
	free(found->places);
}

int dataset_sayings(struct dataset *dataset, const char *user, const char *seen_by, struct sayings_page *page,
                    struct err *err)
{
	struct sayings_found found = {.count = 0};
	struct saying_view view = {.user = user, .seen_by = seen_by};
	struct dataset_place place;

	page->item = NULL;
	page->count = 0;
	if (dataset_check_limit(page->limit, err) || dataset_place(dataset, &place, err))
		return -1;
	view.quorum = rules_quorum_of(&place.policy);
	dataset_place_release(&place);
	int failed = dataset->backend->sayings(dataset, user, &page->after, page->limit, &found, err);
	if (!failed) {
		page->item = memory_new(found.count + 1, sizeof(*page->item));
		for (size_t i = 0; i < found.count; i++)
			add_saying(&view, &found, &found.places[i], page);
		page->more = found.count == page->limit;
		page->reached = found.count ? found.places[found.count - 1] : page->after;
	}
	sayings_found_release(&found);
	return failed;
}

void sayings_release(struct sayings_page *page)
{
	for (size_t i = 0; i < page->count; i++) {
		sample_release(&page->item[i].sample);
		free(page->item[i].label);
	}
	free(page->item);
	page->item = NULL;
	page->count = 0;
}
