/* Stores the files of a multipart body one by one. */
#include "intake/batch.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"

enum { LOST_MAX = 3 }; /* failures in a row, each of which waited for the store */

static void note_failure(struct batch *batch, const struct err *failed)
{
	if (batch->worst.code == ERR_NONE || (err_is_ours(failed) && !err_is_ours(&batch->worst)))
		batch->worst = *failed;
}

static int store_one(void *data, const char *filename, struct spool *file, const struct err *failed, struct err *err)
{
	struct batch *batch = data;
	struct ingest_image image = {.label = batch->label, .filename = filename};
	struct sample sample = {0};
	struct err own = {0};
	bool duplicate = false;

	(void)err;
	batch->files++;
	if (!failed && batch->lost >= LOST_MAX)
		failed = &batch->store;
	if (!failed) {
		ingest_from_spool(file, &image.source);
		if (ingest_store(batch->ingest, &image, &sample, &duplicate, &own))
			failed = &own;
		batch->lost = failed && err_is_down(failed) ? batch->lost + 1 : 0;
		if (batch->lost)
			batch->store = own;
	}
	json_append(batch->results, batch->result(batch->data, batch->ingest, filename, &sample, duplicate, failed));
	if (failed) {
		json_append_string(batch->skipped, filename);
		note_failure(batch, failed);
	} else {
		batch->stored++;
	}
	sample_release(&sample);
	return 0;
}

static int batch_take_label(void *data, const char *given, struct err *err)
{
	struct batch *batch = data;

	if (batch->files > 0)
		return err_set(err, ERR_BAD_REQUEST,
		               "The form's label must stand before its files, or in the address (?label=); what came before it "
		               "was taken without a label");
	free(batch->label);
	batch->label = NULL;
	return ingest_label(batch->ingest->dataset, given, &batch->label, err);
}

int batch_store(struct batch *batch, struct ingest *ingest, const struct receive *receive, const char *label,
                batch_result *result, void *data, struct err *err)
{
	static const char *const fields[] = {"files", "file", NULL};
	int64_t count;

	*batch = (struct batch){.ingest = ingest,
	                        .label = memory_text(label ? label : ""),
	                        .result = result,
	                        .data = data,
	                        .results = json_new_array(),
	                        .skipped = json_new_array()};
	if (receive_files(receive, fields, store_one, label ? NULL : batch_take_label, batch, &count, err))
		return -1;
	return count ? 0 : err_set(err, ERR_BAD_REQUEST, "The body has no part named \"files\" with a file name");
}

void batch_release(struct batch *batch)
{
	cJSON_Delete(batch->results);
	cJSON_Delete(batch->skipped);
	free(batch->label);
	batch->results = batch->skipped = NULL;
	batch->label = NULL;
}
