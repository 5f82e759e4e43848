/* Answers with images and documents. */
#include "fastcgi/serve.h"

#include "base/json.h"
#include "fastcgi/document.h"
#include "fastcgi/content.h"
#include "fastcgi/images.h"

enum { URL_BYTES_MAX = 64 * 1024 };

int serve_image(struct call *call, const struct sample *sample, const struct located *file, struct err *err)
{
	if (file->path[0])
		return reply_file(call->reply, file->path, file->root, file->type, err);
	const struct images images = call_images(call);
	call->reply->status = 200;
	if (images_fetch(&images, sample, &call->reply->body, err))
		return -1;
	return reply_header(call->reply, "Content-Type", file->type, err);
}

/* Addresses of this server begin with a slash, others with a scheme. */
static void put_base_path(cJSON *document, const char *key, const char *base_path)
{
	struct buf url;
	const char *address = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, key));

	if (!address || address[0] != '/')
		return;
	buf_init(&url, URL_BYTES_MAX);
	buf_printf(&url, "%s%s", base_path, address);
	cJSON_ReplaceItemInObjectCaseSensitive(document, key, cJSON_CreateString(buf_text(&url)));
	buf_release(&url);
}

static cJSON *serve_sample(struct call *call, const struct sample *sample, struct err *err)
{
	struct buf url;
	char version[CONTENT_VERSION_MAX];
	cJSON *document = NULL;
	bool direct = sample->blob_key[0] && document_is_shown(sample) && blob_is_direct(call->app->blobs);

	content_version_told(&call->info.place, sample, version);
	buf_init(&url, URL_BYTES_MAX);
	if (!direct || blob_url(call->app->blobs, sample->blob_key, call->info.place.policy.public_images,
	                        SERVE_URL_SECONDS, &url, err) == 0)
		document = document_sample(dataset_name(call->dataset), sample, direct ? buf_text(&url) : NULL, version);
	buf_release(&url);
	if (document && call->request->base_path[0]) {
		put_base_path(document, "image_url", call->request->base_path);
		put_base_path(document, "thumb_url", call->request->base_path);
	}
	return document;
}

cJSON *serve_document(struct call *call, const struct sample *sample, struct err *err)
{
	const char *user = call_seen_by(call);
	struct sample seen;
	cJSON *document = NULL;

	if (!user || !sample->gold) {
		document = serve_sample(call, sample, err);
		if (document && sample->gold)
			json_add_bool(document, "gold", true);
		return document;
	}
	sample_copy(&seen, sample);
	if (gold_see_sample(call->dataset, user, &seen, err) == 0)
		document = serve_sample(call, &seen, err);
	sample_release(&seen);
	return document;
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
