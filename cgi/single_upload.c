/* /single_upload/: one image in a form, for the collecting clients. */
#include "base/json.h"
#include "fastcgi/collect.h"
#include "fastcgi/upload.h"
#include "intake/filename.h"
#include "program.h"

struct upload {
	struct ingest ingest;
	char *label;
	char filename[FILENAME_CLEAN_MAX];
	struct spool file; /* moved out of the part; stored when the body has no second file */
	bool taken;
};

static int single_upload_take(void *data, const char *filename, struct spool *file, const struct err *failed,
                              struct err *err)
{
	struct upload *upload = data;

	if (upload->taken)
		return err_set(err, ERR_BAD_REQUEST, "The body has two parts named \"file\"; several images go to /bulk_upload");
	if (failed) {
		*err = *failed;
		return -1;
	}
	snprintf(upload->filename, sizeof(upload->filename), "%s", filename);
	upload->file = *file;
	spool_init(file, "", 0);
	upload->taken = true;
	return 0;
}

static int single_upload_label(void *data, const char *given, struct err *err)
{
	struct upload *upload = data;

	free(upload->label);
	upload->label = NULL;
	return ingest_label(upload->ingest.dataset, given, &upload->label, err);
}

static int single_upload_reply(struct call *call, const struct upload *upload, const struct sample *sample,
                               bool duplicate, struct err *err)
{
	cJSON *answer = json_new_object(), *response = json_new_object();
	struct buf url;

	upload_follow(call, &upload->ingest);
	buf_init(&url, INGEST_URL_MAX);
	int failed = upload_url(call, sample, &url, err);
	json_add_string(answer, "filename", upload->filename);
	json_add_string(answer, "label", sample->label);
	json_add_bool(response, "Created", true);
	json_add(answer, "S3-Response", response);
	json_add_string(answer, "Image URL", buf_text(&url));
	json_add_time(answer, "Timestamp", sample->uploaded_at);
	json_add_int64(answer, "id", sample->id);
	json_add_bool(answer, "duplicate", duplicate);
	buf_release(&url);
	reply_json(call->reply, 200, answer);
	return failed;
}

static int store(struct call *call, struct upload *upload, struct err *err)
{
	struct ingest_image image = {.label = upload->label ? upload->label : "", .filename = upload->filename};
	struct sample sample = {0};
	bool duplicate = false;

	if (!upload->taken)
		return err_set(err, ERR_BAD_REQUEST, "The body has no part named \"file\" with a file name");
	ingest_from_spool(&upload->file, &image.source);
	int failed = ingest_store(&upload->ingest, &image, &sample, &duplicate, err) ||
	             single_upload_reply(call, upload, &sample, duplicate, err);
	sample_release(&sample);
	return failed;
}

static int single_upload_post(struct call *call, struct err *err)
{
	static const char *const fields[] = {"file", "files", NULL};
	struct upload upload = {.taken = false};
	struct receive receive;
	int64_t count;

	if (collect_dataset(call, err) || upload_ingest(call, &upload.ingest, err) ||
	    upload_label(call, &upload.label, err))
		return -1;
	int failed = upload_receive(call, &receive, err) ||
	             receive_files(&receive, fields, single_upload_take, upload.label ? NULL : single_upload_label,
	                           &upload, &count, err) ||
	             store(call, &upload, err);
	if (upload.taken)
		spool_release(&upload.file);
	free(upload.label);
	return failed;
}

static const struct route routes[] = {
	{"GET", "/single_upload/", ROLE_NONE, collect_available, false, ROUTE_ANY, ROUTE_ANY},
	{"POST", "/single_upload/", ROLE_CONTRIBUTOR, single_upload_post, false, ROUTE_ANY, ROUTE_ANY},
	{"GET", "/single_upload", ROLE_NONE, collect_available, false, ROUTE_ANY, ROUTE_ANY},
	{"POST", "/single_upload", ROLE_CONTRIBUTOR, single_upload_post, false, ROUTE_ANY, ROUTE_ANY},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "single_upload", .routes = routes, .threads = 128, .slow_bodies = true, .images = true};

	return program_run(&program, argc, argv);
}
