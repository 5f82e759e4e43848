/* Making a dataset. */
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/apart.h"
#include "fastcgi/document.h"
#include "datasets.h"

/* Adds them in one write, so that a dataset has either all of them or none. */
static int create_labels(struct call *call, const cJSON *labels, struct err *err)
{
	const char **names = memory_new((size_t)cJSON_GetArraySize(labels) + 1, sizeof(*names));
	struct dataset_merged merged = {0};
	const cJSON *label;
	size_t count = 0;

	cJSON_ArrayForEach(label, labels)
		names[count++] = label->valuestring;
	int failed = count > 0 ? dataset_merge(call->dataset, names, count, NULL, 0, &merged, err) : 0;
	free(names);
	return failed;
}

static int check_labels(const cJSON *labels, struct err *err)
{
	const cJSON *label;

	if (cJSON_GetArraySize(labels) > DATASET_LABELS_MAX)
		return err_set(err, ERR_UNPROCESSABLE, "A dataset may have at most %d labels", DATASET_LABELS_MAX);
	cJSON_ArrayForEach(label, labels) {
		if (text_check_label(label->valuestring, err))
			return -1;
	}
	return 0;
}

static int reply_location(struct call *call, const char *name, struct err *err)
{
	struct buf location;

	buf_init(&location, REPLY_HEADERS_MAX);
	buf_printf(&location, "%s/v1/datasets/", call->request->base_path);
	text_percent_encode_segment(name, &location);
	int failed = reply_header(call->reply, "Location", buf_text(&location), err);
	buf_release(&location);
	return failed;
}

static int create(struct call *call, const char *name, const char *base_dir, const struct dataset_policy *policy,
                  struct err *err)
{
	const struct app *app = call->app;

	if (dataset_check_folder(base_dir, err) || apart_check(app->store, &app->config, app->state_dir, name, base_dir, err))
		return -1;
	return dataset_create(app->store, name, base_dir, policy, err) ||
	       (base_dir[0] && apart_settle(app->store, &app->config, app->state_dir, err));
}

int datasets_create(struct call *call, struct err *err)
{
	const char *name, *base_dir = "";
	const cJSON *labels = NULL, *policy = NULL;
	struct dataset_policy parsed = dataset_policy_default();
	unsigned given = 0;

	return call_body(call, err) ||
	       json_string(call->body, "name", true, &name, err) ||
	       json_string(call->body, "base_dir", false, &base_dir, err) ||
	       json_string_array(call->body, "labels", false, &labels, err) ||
	       json_object(call->body, "policy", false, &policy, err) || check_labels(labels, err) ||
	       document_policy_parse(policy, &parsed, &given, err) ||
	       create(call, name, base_dir, &parsed, err) ||
	       dataset_open(call->app->store, name, &call->dataset, err) ||
	       create_labels(call, labels, err) || datasets_reply(call, 201, err) ||
	       reply_location(call, name, err) ||
	       call_audit(call, "dataset.create", name, "", err);
}
