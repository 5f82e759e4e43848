/* /v1/datasets/{d}/labels: listing and adding. */
#include "labels.h"

#include "base/json.h"
#include "base/text.h"
#include "dataset/document.h"

enum { LIMIT_DEFAULT = 1000, LIMIT_MAX = DATASET_LABELS_MAX };

static int page_bounds(const struct request *request, int64_t *limit, int64_t *after, struct err *err)
{
	const char *limit_text = request_query(request, "limit"), *after_text = request_query(request, "after");

	if (limit_text && text_int64(limit_text, 1, LIMIT_MAX, limit))
		return err_set(err, ERR_BAD_REQUEST, "\"limit\" must be a number from 1 to %d", LIMIT_MAX);
	if (after_text && text_int64(after_text, 0, INT64_MAX, after))
		return err_set(err, ERR_BAD_REQUEST, "\"after\" must be what a list answered as its \"next\"");
	return 0;
}

int labels_list(struct call *call, struct err *err)
{
	int64_t limit = LIMIT_DEFAULT, after = -1;

	if (page_bounds(call->request, &limit, &after, err) || call_info(call, err))
		return -1;
	cJSON *answer = json_new_object(), *items = json_new_array();
	size_t i = 0;
	while (i < call->info.labels.count && call->info.labels.item[i].key <= after)
		i++;
	for (; i < call->info.labels.count && limit > 0; i++, limit--) {
		json_append(items, document_label(&call->info.labels.item[i]));
		after = call->info.labels.item[i].key;
	}
	json_add(answer, "items", items);
	char next[DOCUMENT_KEY_MAX];
	json_add_string_or_null(answer, "next", i < call->info.labels.count ? document_key(after, next) : NULL);
	reply_json(call->reply, 200, answer);
	return 0;
}

int labels_add(struct call *call, struct err *err)
{
	struct dataset_label label = {0};
	const char *name;
	bool created;

	if (call_body(call, err) || json_string(call->body, "name", true, &name, err) ||
	    dataset_label_add(call->dataset, name, &label.key, &created, err) || call_info(call, err))
		return -1;
	for (size_t i = 0; i < call->info.labels.count; i++) {
		if (call->info.labels.item[i].key == label.key)
			reply_json(call->reply, created ? 201 : 200, document_label(&call->info.labels.item[i]));
	}
	return 0;
}
