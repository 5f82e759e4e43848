/* POST /obtain: an image, by its id or the next unlabelled one, with its dataset's labels in X-Response-Json. */
#include <limits.h>

#include "base/json.h"
#include "fastcgi/document.h"
#include "fastcgi/passing.h"
#include "fastcgi/serve.h"
#include "dataset/task.h"
#include "program.h"

static cJSON *obtain_describe(struct call *call, const struct sample *sample)
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

/* Sends the description as a header, which leaves room for the file's percent-encoded path and some short headers. */
static int describe_in_header(struct call *call, const cJSON *description, struct err *err)
{
	/* for the path percent-encoded, and again as the root */
	enum { PATH_HEADERS_MAX = 4 * PATH_MAX, SHORT_HEADERS_MAX = 1024 };
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
	       reply_header(call->reply, "Cache-Control", "no-cache", err);
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

static int answer_obtained(struct call *call, const struct task *task, const struct located *file, struct err *err)
{
	cJSON *description = obtain_describe(call, &task->sample);

	if (request_accepts_json(call->request))
		return reply_description(call, description, task, err);
	int failed = reply_image(call, description, task, file, err);
	cJSON_Delete(description);
	return failed;
}

/* A lease keeps others from a sample, so leasing needs a higher role than looking. */
static int obtain_find(struct call *call, struct passing *passing, int64_t id, struct task *task, struct located *file,
                       struct err *err)
{
	if (id >= 0)
		return dataset_sample(call->dataset, id, &task->sample, err) ||
		       images_locate(&passing->images, &task->sample, file, err);
	if (call->role < ROLE_ANNOTATOR)
		return err_set(err, ERR_FORBIDDEN, "A viewer obtains images by their id; labelling needs the role annotator");
	return passing_next(passing, task, file, err);
}

/* Only reading from a bucket shows that an image is gone; then the next one is tried, as with files. */
static int find_and_answer(struct call *call, int64_t id, struct err *err)
{
	struct passing passing = passing_begin(call);

	for (;;) {
		struct task task = {0};
		struct located file;
		bool found = obtain_find(call, &passing, id, &task, &file, err) == 0;
		int failed = !found || answer_obtained(call, &task, &file, err);
		bool again = failed && found && id < 0 && passing_over(&passing, &task.sample, err) == 0;

		task_release(&task);
		if (!again)
			return failed;
	}
}

static int obtain(struct call *call, struct err *err)
{
	const char *name;
	int64_t id = -1;

	return call_body(call, err) || json_string(call->body, "dataset_name", true, &name, err) ||
	       json_int64(call->body, "id", false, INT64_MIN, INT64_MAX, &id, err) ||
	       call_dataset(call, name, err) || call_place(call, err) || call_labels(call, err) ||
	       find_and_answer(call, id, err);
}

static const struct route routes[] = {
	{"POST", "/obtain", ROLE_VIEWER, obtain, false, ROUTE_ANY, ROUTE_ANY},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "obtain", .routes = routes, .threads = 64, .images = true};

	return program_run(&program, argc, argv);
}
