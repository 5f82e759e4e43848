/* Reading datasets: the list of those that a user may see, and a single one. */
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/activity.h"
#include "fastcgi/cursor.h"
#include "fastcgi/document.h"
#include "datasets.h"
#include "fastcgi/visible.h"
#include "publishing.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000, THUMBS_TRIED = 5 };
static const char LIST[] = "datasets";

struct listing {
	cJSON *items;
	int64_t room;
	char *last; /* name of the last dataset listed */
	bool more;
	bool with_activity;
	bool failed;
	struct err *err; /* why */
};

/* The thumbnail of the first sample stands for the dataset; of the first that can be read, among a few. */
static int add_thumb(cJSON *document, struct call *call, struct err *err)
{
	struct sample *samples;
	size_t count, chosen = 0;

	if (dataset_samples(call->dataset, NULL, -1, THUMBS_TRIED, &samples, &count, err))
		return -1;
	while (chosen < count && samples[chosen].state == SAMPLE_UNREADABLE)
		chosen++;
	cJSON *sample = chosen < count ? document_sample(dataset_name(call->dataset), &samples[chosen], "", "") : NULL;
	const char *url = sample ? cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(sample, "thumb_url")) : NULL;
	char *whole = url ? memory_format("%s%s", call->request->base_path, url) : NULL;
	json_add_string_or_null(document, "thumb_url", whole);
	free(whole);
	cJSON_Delete(sample);
	for (size_t i = 0; i < count; i++)
		sample_release(&samples[i]);
	free(samples);
	return 0;
}

static int add_activity(cJSON *dataset, struct call *call, struct err *err)
{
	struct dataset_activity activity = {.working_count = 0};
	struct gold_view view;
	cJSON *document = json_new_object(), *working = json_new_array();
	int failed = call_view(call, &view, err) || dataset_activity(call->dataset, view.count > 0, &activity, err);

	if (!failed)
		gold_view_activity(&view, &activity);
	gold_view_release(&view);
	for (size_t i = 0; i < activity.working_count; i++)
		json_append_string(working, activity.working[i]);
	json_add(document, "working", working);
	json_add_time(document, "labelled_at", activity.labelled_at);
	json_add_string_or_null(document, "labelled_by", activity.labelled_by);
	json_add(dataset, "activity", document);
	dataset_activity_release(&activity);
	return failed || add_thumb(document, call, err);
}

static bool listing_add(void *data, struct call *call, const char *name)
{
	struct listing *listing = data;

	listing->more = listing->room-- == 0;
	if (listing->more)
		return false;
	cJSON *document = document_dataset(name, &call->info);
	if (listing->with_activity && add_activity(document, call, listing->err))
		listing->failed = true;
	json_append(listing->items, document);
	free(listing->last);
	listing->last = memory_text(name);
	return !listing->failed;
}

/* Reads "activity". */
static int read_activity(const struct call *call, bool *out, struct err *err)
{
	const char *text = request_query(call->request, "activity");

	*out = text && strcmp(text, "true") == 0;
	return text && !*out && strcmp(text, "false") != 0
	               ? err_set(err, ERR_BAD_REQUEST, "\"activity\" must be true or false")
	               : 0;
}

int datasets_list(struct call *call, struct err *err)
{
	struct listing listing = {.room = LIMIT_DEFAULT, .err = err};
	char after[CURSOR_KEY_MAX];

	if (read_activity(call, &listing.with_activity, err) ||
	    request_limit(call->request, LIMIT_MAX, &listing.room, err) || cursor_after(call, LIST, after, err))
		return -1;
	listing.items = json_new_array();
	int failed = visible_datasets(call, after, call_info, listing_add, &listing, err) || listing.failed;
	cJSON *answer = json_new_object();
	json_add(answer, "items", listing.items);
	failed = failed || cursor_add_next(call, LIST, listing.more ? listing.last : NULL, answer, err);
	free(listing.last);
	reply_json(call->reply, 200, answer);
	return failed;
}

static cJSON *dataset_whole(const struct call *call)
{
	cJSON *document = document_dataset(dataset_name(call->dataset), &call->info);

	publishing_add(document, dataset_name(call->dataset));
	return document;
}

int datasets_reply(struct call *call, int status, struct err *err)
{
	if (call_info(call, err))
		return -1;
	reply_json(call->reply, status, dataset_whole(call));
	return 0;
}

int datasets_show(struct call *call, struct err *err)
{
	bool with_activity;

	if (read_activity(call, &with_activity, err) || call_info(call, err))
		return -1;
	cJSON *document = dataset_whole(call);
	int failed = with_activity && add_activity(document, call, err);
	reply_json(call->reply, 200, document);
	return failed;
}
