/* Reading samples: a page of them, those with certain ids, only the ids, and a single one. */
#include "samples.h"

#include "base/json.h"
#include "base/text.h"
#include "fastcgi/cursor.h"
#include "fastcgi/filter.h"
#include "fastcgi/serve.h"

enum {
	LIMIT_DEFAULT = 100,
	LIMIT_MAX = DATASET_PAGE_MAX,
	CHOSEN_MAX = 500,         /* samples that a request lists by their ids: some 4 kB of its address */
	IDS_LIMIT_DEFAULT = 1000, /* ids alone */
	IDS_LIMIT_MAX = 10000,
};
static const char LIST[] = "samples", IDS_LIST[] = "samples/ids";

int samples_id(struct call *call, int64_t *id, struct err *err)
{
	return text_int64(call->param[0], 0, INT64_MAX - 1, id) ? err_set(err, ERR_NOT_FOUND, "Sample not found") : 0;
}

int samples_find(struct call *call, struct sample *out, struct err *err)
{
	int64_t id;

	return samples_id(call, &id, err) || call_place(call, err) || dataset_sample(call->dataset, id, out, err);
}

static int samples_reply_page(struct call *call, const struct sample *samples, size_t count, int64_t limit,
                              struct err *err)
{
	cJSON *answer = json_new_object(), *items = json_new_array();

	json_add(answer, "items", items);
	for (size_t i = 0; i < count; i++) {
		cJSON *document = serve_document(call, &samples[i], err);

		if (!document) {
			cJSON_Delete(answer);
			return -1;
		}
		json_append(items, document);
	}
	bool more = (int64_t)count == limit;
	int failed = cursor_add_next_number(call, LIST, more ? samples[count - 1].id : 0, more, answer, err);
	reply_json(call->reply, 200, answer);
	return failed;
}

/* --- those with certain ids --------------------------------------------------------------------------------------- */

static int add_chosen(struct call *call, int64_t id, cJSON *items, struct err *err)
{
	struct sample sample = {0};
	cJSON *document = NULL;

	if (dataset_sample(call->dataset, id, &sample, err))
		return err->code != ERR_NOT_FOUND; /* it was removed */
	document = serve_document(call, &sample, err);
	sample_release(&sample);
	if (document)
		json_append(items, document);
	return !document;
}

static int add_all_chosen(struct call *call, const char *list, cJSON *items, struct err *err)
{
	char text[24]; /* of one id */
	int64_t id;
	int count = 0;

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		size_t len = strcspn(at, ",");

		snprintf(text, sizeof(text), "%.*s", (int)(len < sizeof(text) ? len : 0), at);
		if (text_int64(text, 0, INT64_MAX - 1, &id) || ++count > CHOSEN_MAX)
			return err_set(err, ERR_BAD_REQUEST, "\"ids\" must be samples' ids with commas between, at most %d",
			               CHOSEN_MAX);
		if (add_chosen(call, id, items, err))
			return -1;
	}
	return 0;
}

/* The list's only page; samples that are not there are left out. */
static int list_chosen(struct call *call, const char *list, struct err *err)
{
	if (call->request->query_count > 1)
		return err_set(err, ERR_BAD_REQUEST, "\"ids\" says which samples are meant: there can be no other parameter");
	if (call_place(call, err))
		return -1;
	cJSON *answer = json_new_object(), *items = json_new_array();
	json_add(answer, "items", items);
	if (add_all_chosen(call, list, items, err)) {
		cJSON_Delete(answer);
		return -1;
	}
	int failed = cursor_add_next_number(call, LIST, 0, false, answer, err);
	reply_json(call->reply, 200, answer);
	return failed;
}

int samples_list(struct call *call, struct err *err)
{
	const char *chosen = request_query(call->request, "ids");
	int64_t limit = LIMIT_DEFAULT, after = -1;
	struct sample_filter filter;
	struct gold_view view;
	struct sample *samples;
	size_t count;

	if (chosen)
		return list_chosen(call, chosen, err);
	if (filter_of_list(call->request, &filter, err) ||
	    cursor_page(call, LIST, LIMIT_MAX, &limit, &after, err) || call_place(call, err) || call_view(call, &view, err))
		return -1;
	int failed =
		gold_view_samples(call->dataset, &view, &filter, after, (size_t)limit, &samples, &count, err);
	gold_view_release(&view);
	if (failed)
		return -1;
	failed = samples_reply_page(call, samples, count, limit, err);
	for (size_t i = 0; i < count; i++)
		sample_release(&samples[i]);
	free(samples);
	return failed;
}

/* --- only the ids ------------------------------------------------------------------------------------------------- */

/* Adds those of one page, after *after, which it moves on. */
static int add_ids(struct call *call, const struct gold_view *view, const struct sample_filter *filter, size_t limit,
                   int64_t *after, cJSON *items, size_t *found, struct err *err)
{
	struct sample *samples;

	if (gold_view_samples(call->dataset, view, filter, *after, limit, &samples, found, err))
		return -1;
	for (size_t i = 0; i < *found; i++) {
		*after = samples[i].id;
		json_append(items, cJSON_CreateNumber((double)samples[i].id));
		sample_release(&samples[i]);
	}
	free(samples);
	return 0;
}

int samples_ids(struct call *call, struct err *err)
{
	int64_t limit = IDS_LIMIT_DEFAULT, after = -1, left;
	size_t found = 1, asked = 1;
	struct sample_filter filter;
	struct gold_view view;

	if (filter_of_list(call->request, &filter, err) ||
	    cursor_page(call, IDS_LIST, IDS_LIMIT_MAX, &limit, &after, err) || call_view(call, &view, err))
		return -1;
	cJSON *answer = json_new_object(), *ids = json_new_array();
	json_add(answer, "ids", ids);
	int failed = 0;
	for (left = limit; left > 0 && found == asked && !failed; left -= (int64_t)found) {
		asked = left < DATASET_PAGE_MAX ? (size_t)left : DATASET_PAGE_MAX;
		failed = add_ids(call, &view, &filter, asked, &after, ids, &found, err);
	}
	gold_view_release(&view);
	failed = failed || cursor_add_next_number(call, IDS_LIST, after, left == 0, answer, err);
	if (failed)
		cJSON_Delete(answer);
	else
		reply_json(call->reply, 200, answer);
	return failed;
}

/* --- one ---------------------------------------------------------------------------------------------------------- */

int samples_reply(struct call *call, struct sample *sample, struct err *err)
{
	cJSON *document = call_place(call, err) ? NULL : serve_document(call, sample, err);

	if (document)
		reply_json(call->reply, 200, document);
	sample_release(sample);
	return !document;
}

int samples_show(struct call *call, struct err *err)
{
	struct sample sample = {0};

	return samples_find(call, &sample, err) || samples_reply(call, &sample, err);
}
