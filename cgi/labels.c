/* The labels of a dataset: /v1/datasets/{d}/labels, and the collecting clients' /fetch and /add_label/{name}. */
#include "base/json.h"
#include "base/text.h"
#include "blob/key.h"
#include "fastcgi/collect.h"
#include "fastcgi/cursor.h"
#include "fastcgi/document.h"

enum { LIMIT_DEFAULT = 1000, LIMIT_MAX = DATASET_LABELS_MAX };
static const char LIST[] = "labels";

static int labels_list(struct call *call, struct err *err)
{
	int64_t limit = LIMIT_DEFAULT, after = -1;

	if (cursor_page(call, LIST, LIMIT_MAX, &limit, &after, err) || call_info(call, err))
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
	int failed = cursor_add_next_number(call, LIST, after, i < call->info.labels.count, answer, err);
	reply_json(call->reply, 200, answer);
	return failed;
}

/* A label that was there already is no change. */
static int audit_added(struct call *call, const char *name, bool created, struct err *err)
{
	return created ? call_audit(call, "label.add", name, "", err) : 0;
}

static int labels_add(struct call *call, struct err *err)
{
	struct dataset_label label = {0};
	const char *name;
	bool created;

	if (call_body(call, err) || json_string(call->body, "name", true, &name, err) ||
	    dataset_label_add(call->dataset, name, &label.key, &created, err) ||
	    audit_added(call, name, created, err) || call_info(call, err))
		return -1;
	for (size_t i = 0; i < call->info.labels.count; i++) {
		if (call->info.labels.item[i].key == label.key)
			reply_json(call->reply, created ? 201 : 200, document_label(&call->info.labels.item[i]));
	}
	return 0;
}

static int labels_fetch(struct call *call, struct err *err)
{
	if (collect_dataset(call, err) || call_labels(call, err))
		return -1;
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

static int labels_add_by_path(struct call *call, struct err *err)
{
	const char *name = call->param[0];
	char folder[BLOB_KEY_MAX], text[DOCUMENT_KEY_MAX];
	int64_t key;
	bool created;

	if (collect_dataset(call, err) ||
	    blob_key_folder(folder, blob_key_dataset(dataset_name(call->dataset), call->app->config.default_dataset), name,
	                    err) ||
	    dataset_label_add(call->dataset, name, &key, &created, err) || audit_added(call, name, created, err))
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

static const struct route routes[] = {
	{"GET", "/v1/datasets/{dataset}/labels", ROLE_VIEWER, labels_list, false, "limit after", ""},
	{"POST", "/v1/datasets/{dataset}/labels", ROLE_CONTRIBUTOR, labels_add, false, "", "name"},
	{"GET", "/fetch", ROLE_VIEWER, labels_fetch, false, ROUTE_ANY, ROUTE_ANY},
	{"GET", "/fetch/", ROLE_VIEWER, labels_fetch, false, ROUTE_ANY, ROUTE_ANY},
	{"POST", "/add_label/{name}", ROLE_CONTRIBUTOR, labels_add_by_path, false, ROUTE_ANY, ROUTE_ANY},
	{"POST", "/add_label/{name}/", ROLE_CONTRIBUTOR, labels_add_by_path, false, ROUTE_ANY, ROUTE_ANY},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "labels", .routes = routes, .threads = 16};

	return app_run(&program, argc, argv);
}
