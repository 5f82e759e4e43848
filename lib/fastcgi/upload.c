/* Turns a request into arguments of lib/intake. */
#include "fastcgi/upload.h"

#include "fastcgi/address.h"
#include "fastcgi/meter.h"
#include "fastcgi/serve.h"

int upload_ingest(struct call *call, struct ingest *out, struct err *err)
{
	const struct app *app = call->app;
	int64_t quota_bytes = app->config.limits.dataset_bytes;

	if (call_place(call, err) || (quota_bytes > 0 && call_counts(call, err)))
		return -1;
	*out = (struct ingest){.blobs = app->blobs,
	                       .intents = app->intents,
	                       .dataset = call->dataset,
	                       .key_dataset = blob_key_dataset(dataset_name(call->dataset), app->config.default_dataset),
	                       .user = call->request->user,
	                       .base_url = address_of_server(call),
	                       .pixels_max = app->config.limits.image_pixels,
	                       .quota_bytes = quota_bytes,
	                       .bytes = call->info.counts.bytes,
	                       .is_public = call->info.place.policy.public_images};
	return 0;
}

int upload_label(struct call *call, char **out, struct err *err)
{
	const char *given = request_query(call->request, "label");

	*out = NULL;
	return given && *given && ingest_label(call->dataset, given, out, err);
}

static ssize_t upload_read(void *request, void *bytes, size_t len, struct err *err)
{
	return request_read(request, bytes, len, err);
}

int upload_receive(struct call *call, struct receive *out, struct err *err)
{
	*out = (struct receive){.read = upload_read,
	                        .data = call->request,
	                        .content_type = call->request->content_type,
	                        .content_length = call->request->content_length,
	                        .spool_dir = call_spool_dir(call),
	                        .file_bytes = call->app->config.limits.file_bytes,
	                        .files = call->app->config.limits.files_per_request};
	return request_check_coding(call->request, err);
}

int upload_batch(struct batch *batch, struct call *call, bool strict, batch_result *result, struct err *err)
{
	struct ingest ingest;
	struct receive receive;
	char *label = NULL;

	*batch = (struct batch){.label = NULL};
	int failed = upload_ingest(call, &ingest, err) || upload_label(call, &label, err) ||
	             upload_receive(call, &receive, err);
	receive.strict = strict;
	failed = failed || batch_store(batch, &ingest, &receive, label, result, call, err);
	free(label);
	batch->ingest = NULL;
	meter_note_failure(call->app->meter, &batch->worst);
	return failed;
}

void upload_reply(struct call *call, const struct batch *batch, cJSON *answer)
{
	if (batch->stored > 0)
		reply_json(call->reply, 200, answer);
	else
		reply_error_with(call->reply, &batch->worst, answer);
}

void upload_follow(struct call *call, const struct ingest *ingest)
{
	call->info.place.policy.public_images = ingest->is_public;
}

int upload_url(struct call *call, const struct sample *sample, struct buf *out, struct err *err)
{
	struct blob_store *blobs = call->app->blobs;

	if (sample->blob_key[0] && !call->info.place.policy.public_images && blob_is_direct(blobs))
		return blob_url(blobs, sample->blob_key, false, SERVE_URL_SECONDS, out, err);
	return address_of_image(call, sample, out, err);
}
