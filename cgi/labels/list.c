/* /v1/datasets/{d}/labels: listing labels, and adding one. */
#include <inttypes.h>

#include "base/json.h"
#include "dataset/label.h"
#include "fastcgi/cursor.h"
#include "fastcgi/document.h"
#include "labels.h"

enum { LIMIT_DEFAULT = 1000,
       LIMIT_MAX = DATASET_LABELS_MAX };
static const char LIST[] = "labels";

/* The cursor's key holds everything that the order depends on, so that moving or removing a label skips no others. */
static int begin_page(struct call *call, int64_t *limit, size_t *at, struct err *err)
{
	struct dataset_label after = {.key = -1};
	const struct dataset_labels *labels = &call->info.labels;
	char key[CURSOR_KEY_MAX];

	if (request_limit(call->request, LIMIT_MAX, limit, err) || cursor_after(call, LIST, key, err) ||
	    call_info(call, err))
		return -1;
	if (key[0] && sscanf(key, "%lf %" SCNd64, &after.position, &after.key) != 2)
		return err_set(err, ERR_INTERNAL, "A cursor of labels has no position and key");
	for (*at = 0; key[0] && *at < labels->count && label_by_position(&labels->item[*at], &after) <= 0; ++*at)
		;
	return 0;
}

int labels_list(struct call *call, struct err *err)
{
	int64_t limit = LIMIT_DEFAULT;
	char key[CURSOR_KEY_MAX] = "";
	size_t i = 0;

	if (begin_page(call, &limit, &i, err))
		return -1;
	cJSON *answer = json_new_object(), *items = json_new_array();
	for (; i < call->info.labels.count && limit > 0; i++, limit--) {
		const struct dataset_label *label = &call->info.labels.item[i];

		json_append(items, document_label(label));
		snprintf(key, sizeof(key), "%.17g %" PRId64, label->position, label->key);
	}
	json_add(answer, "items", items);
	int failed = cursor_add_next(call, LIST, i < call->info.labels.count ? key : NULL, answer, err);
	reply_json(call->reply, 200, answer);
	return failed;
}

int labels_reply(struct call *call, int status, int64_t key, struct err *err)
{
	if (call_info(call, err))
		return -1;
	for (size_t i = 0; i < call->info.labels.count; i++) {
		if (call->info.labels.item[i].key == key)
			reply_json(call->reply, status, document_label(&call->info.labels.item[i]));
	}
	return 0;
}

int labels_audit_added(struct call *call, const char *name, bool created, struct err *err)
{
	return created ? call_audit(call, "label.add", name, "", err) : 0;
}

int labels_add(struct call *call, struct err *err)
{
	const char *name;
	int64_t key;
	bool created;

	return call_body(call, err) || json_string(call->body, "name", true, &name, err) ||
	       dataset_label_add(call->dataset, name, &key, &created, err) ||
	       labels_audit_added(call, name, created, err) ||
	       labels_reply(call, created ? 201 : 200, key, err);
}
