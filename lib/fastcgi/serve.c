/* Finds the images of samples, wherever they lie. */
#include "fastcgi/serve.h"

#include "base/json.h"
#include "dataset/document.h"

enum { URL_BYTES_MAX = 64 * 1024 };

static int locate_blob(struct call *call, const struct sample *sample, struct located *out, struct err *err)
{
	if (blob_path(call->app->blobs, sample->blob_key, out->path, err))
		return err->code == ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "Image file not found") : -1;
	out->root = strlen(out->path) > strlen(sample->blob_key) ? strlen(out->path) - strlen(sample->blob_key) - 1 : 0;
	out->type = sample->type;
	out->bytes = sample->bytes;
	out->modified_us = sample->uploaded_at;
	return 0;
}

int serve_locate(struct call *call, const struct sample *sample, struct located *out, struct err *err)
{
	if (sample->blob_key[0])
		return locate_blob(call, sample, out, err);
	return locate_file(call->info.base_dir, sample->filepath, &call->app->config.image_roots, out, err);
}

int serve_image(struct call *call, const struct sample *sample, const struct located *file, struct err *err)
{
	if (file->path[0])
		return reply_file(call->reply, file->path, file->root, file->type, err);
	call->reply->status = 200;
	if (serve_fetch(call, sample, &call->reply->body, err))
		return -1;
	return reply_header(call->reply, "Content-Type", file->type, err);
}

int serve_fetch(struct call *call, const struct sample *sample, struct buf *out, struct err *err)
{
	if (blob_fetch(call->app->blobs, sample->blob_key, out, err) == 0)
		return 0;
	return err->code == ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "Image file not found") : -1;
}

cJSON *serve_document(struct call *call, const struct sample *sample, struct err *err)
{
	struct buf url;
	cJSON *document = NULL;
	bool direct = sample->blob_key[0] && document_is_shown(sample) && strcmp(blob_type(call->app->blobs), "fs") != 0;

	buf_init(&url, URL_BYTES_MAX);
	if (!direct || blob_url(call->app->blobs, sample->blob_key, call->info.policy.public_images, SERVE_URL_SECONDS, &url,
	                        err) == 0)
		document = document_sample(dataset_name(call->dataset), sample, direct ? buf_text(&url) : NULL);
	buf_release(&url);
	return document;
}

int serve_mark_missing(struct call *call, const struct sample *sample, struct err *err)
{
	if (err->code != ERR_NOT_FOUND)
		return -1;
	return dataset_mark_unreadable(call->dataset, sample->id, err);
}

/* --- passing over what cannot be read ------------------------------------------------------------------------------ */

/* How many samples are looked at together with one whose file is missing: the more, the more are missing. Where a whole disk
 * is not there, a write for each sample would take minutes. */
enum { AHEAD_MIN = 16, AHEAD_MAX = 1000 }; /* the most that dataset_samples gives */

struct missing {
	int64_t ids[DATASET_TASKS_MAX + AHEAD_MAX];
	size_t count;
	size_t ahead; /* how many were looked at the last time */
};

static bool is_missing(struct call *call, const struct sample *sample)
{
	struct located file;
	struct err why;

	return sample->state == SAMPLE_UNLABELLED && serve_locate(call, sample, &file, &why) && why.code == ERR_NOT_FOUND;
}

/* Marks those in missing->ids, and what is missing among those that follow the last of them. */
static int pass_over(struct call *call, struct missing *missing, struct err *err)
{
	struct sample *following;
	size_t count;

	if (missing->count == 0)
		return 0;
	missing->ahead = missing->ahead == 0 ? AHEAD_MIN : missing->ahead * 2 < AHEAD_MAX ? missing->ahead * 2 : AHEAD_MAX;
	if (dataset_samples(call->dataset, missing->ids[missing->count - 1], missing->ahead, &following, &count, err))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (is_missing(call, &following[i]))
			missing->ids[missing->count++] = following[i].id;
		sample_release(&following[i]);
	}
	free(following);
	int failed = dataset_mark_all_unreadable(call->dataset, missing->ids, missing->count, err);
	missing->count = 0;
	return failed;
}

int serve_next(struct call *call, struct task *task, struct located *file, struct err *err)
{
	struct missing missing = {.count = 0};

	for (;;) {
		if (dataset_next(call->dataset, call->request->user, task, err))
			return -1;
		if (serve_locate(call, &task->sample, file, err) == 0)
			return 0;
		missing.ids[missing.count++] = task->sample.id;
		task_release(task);
		if (err->code != ERR_NOT_FOUND || pass_over(call, &missing, err))
			return -1;
	}
}

/* Keeps those of tasks[0..count) that can be read, in order; *kept says how many. */
static int drop_unreadable(struct call *call, struct task *tasks, size_t count, size_t *kept, struct missing *missing,
                           struct err *err)
{
	int failed = 0;

	*kept = 0;
	for (size_t i = 0; i < count; i++) {
		struct located file;

		if (!failed && serve_locate(call, &tasks[i].sample, &file, err) == 0) {
			tasks[(*kept)++] = tasks[i];
			continue;
		}
		failed = failed || err->code != ERR_NOT_FOUND;
		missing->ids[missing->count++] = tasks[i].sample.id;
		task_release(&tasks[i]);
	}
	return failed || pass_over(call, missing, err) ? -1 : 0;
}

int serve_lease(struct call *call, size_t count, struct task *out, size_t *taken, struct err *err)
{
	struct missing missing = {.count = 0};

	*taken = 0;
	while (*taken < count) {
		size_t got, kept;

		if (dataset_lease(call->dataset, call->request->user, count - *taken, out + *taken, &got, err))
			return -1;
		if (got == 0)
			return 0;
		int failed = drop_unreadable(call, out + *taken, got, &kept, &missing, err);
		*taken += kept;
		if (failed)
			return -1;
	}
	return 0;
}

int serve_tasks(struct call *call, const struct task *tasks, size_t count, struct err *err)
{
	cJSON *answer = json_new_object(), *list = json_new_array();

	json_add(answer, "tasks", list);
	for (size_t i = 0; i < count; i++) {
		cJSON *sample = serve_document(call, &tasks[i].sample, err);

		if (!sample) {
			cJSON_Delete(answer);
			return -1;
		}
		json_append(list, document_task(&tasks[i], sample));
	}
	reply_json(call->reply, 200, answer);
	return 0;
}
