/* Stores the files of a multipart body one by one. */
#include "fastcgi/batch.h"

#include "base/json.h"
#include "fastcgi/ingest.h"
#include "fastcgi/receive.h"

static void note_failure(struct batch *batch, const struct err *failed)
{
	bool is_store = reply_status(failed->code) >= 500;

	if (batch->worst.code == ERR_NONE || (is_store && reply_status(batch->worst.code) < 500))
		batch->worst = *failed;
}

static int store_one(void *data, struct call *call, const char *filename, struct spool *file, const struct err *failed,
                     struct err *err)
{
	struct batch *batch = data;
	struct ingest_image image = {.label = batch->label, .filename = filename};
	struct sample sample = {0};
	struct err own = {0};
	bool duplicate = false;

	(void)err;
	batch->files++;
	if (!failed) {
		ingest_from_spool(file, &image.source);
		if (ingest_store(call, &image, &sample, &duplicate, &own))
			failed = &own;
	}
	json_append(batch->results, batch->result(call, filename, &sample, duplicate, failed));
	if (failed) {
		json_append_string(batch->skipped, filename);
		note_failure(batch, failed);
	} else {
		batch->stored++;
	}
	sample_release(&sample);
	return 0;
}

int batch_store(struct batch *batch, struct call *call, const char *label, batch_result *result, struct err *err)
{
	static const char *const fields[] = {"files", "file", NULL};
	char *name = NULL;
	int64_t count;

	*batch = (struct batch){.result = result, .results = json_new_array(), .skipped = json_new_array()};
	if (ingest_label(call, label, &name, err))
		return -1;
	batch->label = name;
	int failed = receive_files(call, fields, store_one, batch, &count, err);
	free(name);
	batch->label = NULL;
	if (failed)
		return -1;
	return count ? 0 : err_set(err, ERR_BAD_REQUEST, "The body has no part named \"files\" with a file name");
}

void batch_release(struct batch *batch)
{
	cJSON_Delete(batch->results);
	cJSON_Delete(batch->skipped);
	batch->results = batch->skipped = NULL;
}
