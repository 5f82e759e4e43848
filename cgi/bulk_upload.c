/* /bulk_upload: several images in a form, for the collecting clients. */
#include "base/json.h"
#include "fastcgi/collect.h"
#include "fastcgi/upload.h"
#include "program.h"

static cJSON *bulk_upload_result(void *call, const struct ingest *ingest, const char *filename,
                                 const struct sample *sample, bool duplicate, const struct err *failed)
{
	cJSON *entry = json_new_object();
	struct err err;
	struct buf url;

	json_add_string(entry, "filename", filename);
	if (failed) {
		json_add_string(entry, "error", failed->text);
		return entry;
	}
	upload_follow(call, ingest);
	buf_init(&url, INGEST_URL_MAX);
	json_add_string_or_null(entry, "Image URL", upload_url(call, sample, &url, &err) ? NULL : buf_text(&url));
	json_add_bool(entry, "duplicate", duplicate);
	buf_release(&url);
	return entry;
}

static int upload(struct call *call, struct err *err)
{
	struct batch batch;

	if (collect_dataset(call, err))
		return -1;
	int failed = upload_batch(&batch, call, false, bulk_upload_result, err);
	if (!failed) {
		cJSON *answer = json_new_object(), *response = json_new_object();

		json_add_string(answer, "label", batch.label);
		json_add_bool(answer, "LabelFound", batch.label[0] != '\0');
		json_add(answer, "skipped", cJSON_Duplicate(batch.skipped, true));
		json_add_bool(response, "Created", batch.stored > 0);
		json_add(answer, "S3-Response", response);
		json_add(answer, "uploaded", cJSON_Duplicate(batch.results, true));
		upload_reply(call, &batch, answer);
	}
	batch_release(&batch);
	return failed;
}

static const struct route routes[] = {
	{"GET", "/bulk_upload", ROLE_NONE, collect_available, false, ROUTE_ANY, ROUTE_ANY},
	{"POST", "/bulk_upload", ROLE_CONTRIBUTOR, upload, false, ROUTE_ANY, ROUTE_ANY},
	{"GET", "/bulk_upload/", ROLE_NONE, collect_available, false, ROUTE_ANY, ROUTE_ANY},
	{"POST", "/bulk_upload/", ROLE_CONTRIBUTOR, upload, false, ROUTE_ANY, ROUTE_ANY},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "bulk_upload", .routes = routes, .threads = 128, .slow_bodies = true, .images = true};

	return program_run(&program, argc, argv);
}
