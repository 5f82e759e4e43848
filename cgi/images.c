/* /v1/datasets/{d}/images: images that are put one by one under a filepath, or several in a form. */
#include "base/json.h"
#include "fastcgi/serve.h"
#include "fastcgi/upload.h"
#include "intake/filename.h"
#include "program.h"

static cJSON *document_stored(struct call *call, const struct ingest *ingest, const struct sample *sample,
                              struct err *err)
{
	upload_follow(call, ingest);
	return serve_document(call, sample, err);
}

static int images_reply_stored(struct call *call, const struct ingest *ingest, const struct sample *sample,
                               bool duplicate, struct err *err)
{
	cJSON *document = document_stored(call, ingest, sample, err);

	if (!document)
		return -1;
	json_add_bool(document, "duplicate", duplicate);
	reply_json(call->reply, duplicate ? 200 : 201, document);
	return 0;
}

/* The path's last component, as the file's name. */
static const char *base_name(const char *filepath)
{
	const char *slash = strrchr(filepath, '/');

	return slash ? slash + 1 : filepath;
}

static int images_put(struct call *call, struct err *err)
{
	struct ingest_image image = {.filepath = call->param[0]};
	struct ingest ingest;
	struct receive receive;
	struct sample sample = {0};
	struct spool body = {.fd = -1};
	char filename[FILENAME_CLEAN_MAX], *label = NULL;
	bool duplicate = false;

	if (upload_ingest(call, &ingest, err) || upload_label(call, &label, err))
		return -1;
	filename_clean(base_name(image.filepath), filename);
	image.label = label ? label : "";
	image.filename = filename;
	int failed = upload_receive(call, &receive, err) || receive_body(&receive, &body, err);
	if (!failed) {
		ingest_from_spool(&body, &image.source);
		failed = ingest_store(&ingest, &image, &sample, &duplicate, err) ||
		         images_reply_stored(call, &ingest, &sample, duplicate, err);
	}
	spool_release(&body);
	sample_release(&sample);
	free(label);
	return failed;
}

static cJSON *images_result(void *call, const struct ingest *ingest, const char *filename,
                            const struct sample *sample, bool duplicate, const struct err *failed)
{
	struct err err;
	cJSON *document = failed ? json_new_object() : document_stored(call, ingest, sample, &err);

	if (!document)
		document = json_new_object();
	json_add_string(document, "filename", filename);
	if (failed)
		json_add_string(document, "error", failed->text);
	else
		json_add_bool(document, "duplicate", duplicate);
	return document;
}

static int images_post(struct call *call, struct err *err)
{
	struct batch batch;
	int failed = upload_batch(&batch, call, true, images_result, err);
	if (!failed) {
		cJSON *answer = json_new_object();

		json_add(answer, "items", cJSON_Duplicate(batch.results, true));
		upload_reply(call, &batch, answer);
	}
	batch_release(&batch);
	return failed;
}

static const struct route routes[] = {
	{"PUT", "/v1/datasets/{dataset}/images/{filepath...}", ROLE_CONTRIBUTOR, images_put, false, "label", ""},
	{"POST", "/v1/datasets/{dataset}/images", ROLE_CONTRIBUTOR, images_post, false, "label", ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "images", .routes = routes, .threads = 256, .slow_bodies = true, .images = true};

	return program_run(&program, argc, argv);
}
