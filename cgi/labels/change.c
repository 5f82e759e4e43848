/* /v1/datasets/{d}/labels/{key}: changing a label, merging it into another, removing it. */
#include "base/json.h"
#include "base/text.h"
#include "dataset/label.h"
#include "labels.h"

/* A text that cannot be a key names no label. */
static int label_key(const struct call *call, int64_t *key, struct err *err)
{
	return text_int64(call->param[0], 0, INT64_MAX, key)
	               ? err_set(err, ERR_NOT_FOUND, "The dataset has no label with the key %s", call->param[0])
	               : 0;
}

/* null means none, which removes the text. */
static int text_or_none(const cJSON *body, const char *field, const char **out, struct err *err)
{
	*out = cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(body, field)) ? "" : NULL;
	return json_string(body, field, false, out, err);
}

static int change_parse(const cJSON *body, struct label_change *out, struct err *err)
{
	out->moves = cJSON_HasObjectItem(body, "position");
	return json_string(body, "name", false, &out->name, err) || text_or_none(body, "colour", &out->colour, err) ||
	       text_or_none(body, "description", &out->description, err) ||
	       json_number(body, "position", out->moves, -LABEL_POSITION_MAX, LABEL_POSITION_MAX,
	                   &out->position, err);
}

/* The label's name before the change, for the audit log: NULL when there is none. Valid until call_info. */
static const char *name_before(struct call *call, int64_t key, struct err *err)
{
	if (call_labels(call, err))
		return NULL;
	for (size_t i = 0; i < call->info.labels.count; i++) {
		if (call->info.labels.item[i].key == key)
			return call->info.labels.item[i].name;
	}
	label_unknown(key, err);
	return NULL;
}

/* The detail is the request, which names every change. */
static int label_change_audit(struct call *call, const char *action, const char *name, struct err *err)
{
	struct buf detail;

	buf_init(&detail, REPLY_BODY_MAX);
	json_print(call->body, &detail);
	int failed = call_audit(call, action, name, buf_text(&detail), err);
	buf_release(&detail);
	return failed;
}

int labels_change(struct call *call, struct err *err)
{
	struct label_change change = {0};
	const char *name;
	int64_t key;

	if (call_body(call, err) || label_key(call, &key, err) || change_parse(call->body, &change, err) ||
	    !(name = name_before(call, key, err)) || dataset_label_change(call->dataset, key, &change, err) ||
	    (call->body->child && label_change_audit(call, "label.change", name, err)))
		return -1;
	return labels_reply(call, 200, key, err);
}

static int into_key(const struct call *call, int64_t *key, struct err *err)
{
	const char *text;

	if (cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(call->body, "into")))
		return json_int64(call->body, "into", true, 0, INT64_MAX, key, err);
	if (json_string(call->body, "into", true, &text, err))
		return -1;
	return text_int64(text, 0, INT64_MAX, key)
	               ? err_set(err, ERR_UNPROCESSABLE, "The dataset has no label with the key %s to merge into", text)
	               : 0;
}

int labels_merge(struct call *call, struct err *err)
{
	const char *name;
	int64_t key, into;

	if (call_body(call, err) || label_key(call, &key, err) || into_key(call, &into, err) ||
	    !(name = name_before(call, key, err)) ||
	    dataset_label_merge(call->dataset, key, into, call->request->user, err) ||
	    label_change_audit(call, "label.merge", name, err))
		return -1;
	return labels_reply(call, 200, into, err);
}

int labels_remove(struct call *call, struct err *err)
{
	const char *name;
	int64_t key;

	if (label_key(call, &key, err) || !(name = name_before(call, key, err)) ||
	    dataset_label_remove(call->dataset, key, err) || call_audit(call, "label.remove", name, "", err))
		return -1;
	reply_empty(call->reply, 204);
	return 0;
}
