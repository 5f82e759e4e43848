/* Reading samples: a page of them, those with certain ids, only the ids, and a single one. */
#include "samples.h"

#include "base/json.h"
#include "base/text.h"
#include "fastcgi/cursor.h"
#include "fastcgi/filter.h"
#include "fastcgi/serve.h"

enum {
	LIMIT_MAX = DATASET_PAGE_MAX,
	CHOSEN_MAX = 500,         /* samples that a request lists by their ids: some 4 kB of its address */
	IDS_LIMIT_DEFAULT = 1000, /* ids alone */
	IDS_LIMIT_MAX = 10000,
	/* Samples that are looked at for a page of what no index finds: some 10 ms of work. */
	EXAMINED_MAX = 20000,
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

static int samples_reply_page(struct call *call, const struct sample_page *page, struct err *err)
{
	cJSON *answer = json_new_object(), *items = json_new_array();

	json_add(answer, "items", items);
	for (size_t i = 0; i < page->count; i++) {
		cJSON *document = serve_document(call, &page->item[i], err);

		if (!document) {
			cJSON_Delete(answer);
			return -1;
		}
		json_append(items, document);
	}
	int failed = cursor_add_next_number(call, LIST, page->reached, page->reached < INT64_MAX, answer, err);
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
	const char *chosen = request_query(call->request, "ids"), *said_by = request_query(call->request, "said_by");
	int64_t limit = SAMPLES_LIMIT_DEFAULT, after = -1;
	struct sample_page page = {.examined = EXAMINED_MAX};
	struct sample_filter filter;
	struct gold_view view;

	if (chosen)
		return list_chosen(call, chosen, err);
	if (said_by)
		return samples_said(call, said_by, err);
	if (filter_of_list(call->request, &filter, err) ||
	    cursor_page(call, LIST, LIMIT_MAX, &limit, &after, err) || call_place(call, err) || call_view(call, &view, err))
		return -1;
	page.after = after;
	page.limit = (size_t)limit;
	int failed = gold_view_page(call->dataset, &view, &filter, &page, err) || samples_reply_page(call, &page, err);
	gold_view_release(&view);
	sample_page_release(&page);
	return failed;
}

/* --- only the ids ------------------------------------------------------------------------------------------------- */

/* Adds those of one page, after page->reached. */
static int add_ids(struct call *call, const struct gold_view *view, const struct sample_filter *filter,
                   struct sample_page *page, cJSON *items, size_t *found, struct err *err)
{
	page->after = page->reached;
	if (gold_view_page(call->dataset, view, filter, page, err))
		return -1;
	*found = page->count;
	for (size_t i = 0; i < page->count; i++)
		json_append(items, cJSON_CreateNumber((double)page->item[i].id));
	sample_page_release(page);
	return 0;
}

int samples_ids(struct call *call, struct err *err)
{
	struct sample_page page = {.reached = -1, .examined = EXAMINED_MAX};
	int64_t limit = IDS_LIMIT_DEFAULT, left;
	size_t found = 0;
	struct sample_filter filter;
	struct gold_view view;

	if (filter_of_list(call->request, &filter, err) ||
	    cursor_page(call, IDS_LIST, IDS_LIMIT_MAX, &limit, &page.reached, err) || call_view(call, &view, err))
		return -1;
	cJSON *answer = json_new_object(), *ids = json_new_array();
	json_add(answer, "ids", ids);
	int failed = 0;
	for (left = limit; left > 0 && found == page.limit && !failed; left -= (int64_t)found) {
		page.limit = left < DATASET_PAGE_MAX ? (size_t)left : DATASET_PAGE_MAX;
		failed = add_ids(call, &view, &filter, &page, ids, &found, err);
	}
	gold_view_release(&view);
	failed = failed || cursor_add_next_number(call, IDS_LIST, page.reached, page.reached < INT64_MAX, answer, err);
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
