/* Describes an obtained sample, in a header beside its image or as JSON. */
#include "answer.h"

#include "base/json.h"
#include "dataset/document.h"

static cJSON *describe(struct call *call, const struct sample *sample)
{
	cJSON *tree = json_new_object(), *labels = json_new_array();

	json_add_string(tree, "dataset_name", dataset_name(call->dataset));
	json_add_string(tree, "base_dir", call->info.place.base_dir);
	json_add_string(tree, "filepath", sample->filepath);
	for (size_t i = 0; i < call->info.labels.count; i++)
		json_append_string(labels, call->info.labels.item[i].name);
	json_add(tree, "labels", labels);
	return tree;
}

/* The description as a header; beside it lie the file's path, percent-encoded, and what is short. */
static int describe_in_header(struct call *call, const cJSON *description, struct err *err)
{
	enum { PATH_HEADERS_MAX = 4 * PATH_MAX, SHORT_HEADERS_MAX = 1024 }; /* percent-encoded, and as the root */
	struct buf header;

	buf_init(&header, REPLY_HEADERS_MAX - PATH_HEADERS_MAX - SHORT_HEADERS_MAX);
	int failed = json_print_ascii(description, &header)
	                     ? err_set(err, ERR_UNPROCESSABLE,
	                               "The dataset's labels are too long for a header; ask with Accept: application/json")
	                     : reply_header(call->reply, "X-Response-Json", buf_text(&header), err);
	buf_release(&header);
	return failed;
}

static int reply_image(struct call *call, const cJSON *description, const struct task *task, const struct located *file,
                       struct err *err)
{
	return serve_image(call, &task->sample, file, err) || describe_in_header(call, description, err) ||
	                       reply_header(call->reply, "Cache-Control", "no-cache", err)
	               ? -1
	               : 0;
}

static int reply_description(struct call *call, cJSON *description, const struct task *task, struct err *err)
{
	cJSON *sample = serve_document(call, &task->sample, err);

	if (!sample) {
		cJSON_Delete(description);
		return -1;
	}
	json_add_int64(description, "id", task->sample.id);
	json_add(description, "image_url", cJSON_DetachItemFromObject(sample, "image_url"));
	json_add(description, "task", task->token[0] ? document_task(task, NULL) : cJSON_CreateNull());
	cJSON_Delete(sample);
	reply_json(call->reply, 200, description);
	return 0;
}

int answer_obtained(struct call *call, const struct task *task, const struct located *file, struct err *err)
{
	cJSON *description = describe(call, &task->sample);

	if (request_accepts_json(call->request))
		return reply_description(call, description, task, err);
	int failed = reply_image(call, description, task, file, err);
	cJSON_Delete(description);
	return failed;
}
