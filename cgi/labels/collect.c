/* Requests of the collecting clients: /fetch, and /add_label/{name}. */
#include "base/json.h"
#include "blob/key.h"
#include "dataset/label.h"
#include "fastcgi/collect.h"
#include "fastcgi/document.h"
#include "labels.h"

int labels_fetch(struct call *call, struct err *err)
{
	if (collect_dataset(call, err) || call_labels(call, err))
		return -1;
	if (call->info.labels.count > 1)
		qsort(call->info.labels.item, call->info.labels.count, sizeof(*call->info.labels.item), label_by_key);
	cJSON *answer = json_new_object(), *labels = json_new_object();
	for (size_t i = 0; i < call->info.labels.count; i++) {
		char key[DOCUMENT_KEY_MAX];

		json_add_string(labels, document_key(call->info.labels.item[i].key, key), call->info.labels.item[i].name);
	}
	json_add_string(answer, "Status", "Success");
	json_add(answer, "Response", labels);
	reply_json(call->reply, 200, answer);
	return 0;
}

int labels_add_by_path(struct call *call, struct err *err)
{
	const char *name = call->param[0];
	char folder[BLOB_KEY_MAX], text[DOCUMENT_KEY_MAX];
	int64_t key;
	bool created;

	if (collect_dataset(call, err) ||
	    blob_key_folder(folder, blob_key_dataset(dataset_name(call->dataset), call->app->config.default_dataset), name,
	                    err) ||
	    dataset_label_add(call->dataset, name, &key, &created, err) || labels_audit_added(call, name, created, err))
		return -1;
	cJSON *answer = json_new_object(), *response = json_new_object();
	json_add_bool(response, "Created", created);
	json_add_string(response, "Path", folder);
	json_add_string(response, "Key", document_key(key, text));
	json_add_string(answer, "Status", "Success");
	json_add(answer, "S3-Response", response);
	reply_json(call->reply, 200, answer);
	return 0;
}
