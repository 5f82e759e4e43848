/* Goes through an archive's entries, and tells of each. */
#include "import.h"

#include "base/json.h"
#include "fastcgi/ingest.h"
#include "fastcgi/receive.h"
#include "lines.h"
#include "store.h"

static void take_image(struct import *import, const struct archive_item *item, cJSON *line)
{
	struct sample sample = {0};
	struct err err = {0};
	bool duplicate = false;

	if (store_entry(import->call, import->reader, item, &sample, &duplicate, &err)) {
		import->failed++;
		json_add_string(line, "error", err.text);
		return;
	}
	json_add_int64(line, "id", sample.id);
	if (duplicate)
		json_add_bool(line, "duplicate", true);
	*(duplicate ? &import->duplicates : &import->stored) += 1;
	sample_release(&sample);
}

static int take(struct import *import, const struct archive_item *item, struct err *err)
{
	cJSON *line = json_new_object();

	json_add_string(line, "path", item->path);
	switch (item->kind) {
	case ARCHIVE_IMAGE:
		take_image(import, item, line);
		break;
	case ARCHIVE_SKIPPED:
		import->skipped++;
		json_add_string(line, "skipped", item->skipped);
		break;
	default:
		import->failed++;
		json_add_string(line, "error", item->err.text);
	}
	return lines_add(&import->lines, line, err);
}

/* error: why the archive could not be read to its end; NULL when it was. */
static int summarise(struct import *import, const char *error, struct err *err)
{
	cJSON *line = json_new_object(), *summary = json_new_object();

	json_add_int64(summary, "loaded", import->stored);
	json_add_int64(summary, "duplicate", import->duplicates);
	json_add_int64(summary, "skipped", import->skipped);
	json_add_int64(summary, "failed", import->failed);
	if (error)
		json_add_string(summary, "error", error);
	json_add(line, "summary", summary);
	return lines_add(&import->lines, line, err);
}

int import_run(struct import *import, struct err *err)
{
	const struct archive_item *item;
	struct err broken = {0};
	int failed;

	spool_init(&import->lines, receive_dir(import->call), INT64_MAX);
	while ((failed = archive_reader_next(import->reader, &item, &broken)) == 0 && item) {
		failed = take(import, item, err);
		if (failed)
			break;
	}
	if (broken.code != ERR_NONE && import->lines.length == 0) {
		*err = broken;
	} else if (!failed || broken.code != ERR_NONE) {
		failed = summarise(import, broken.code == ERR_NONE ? NULL : broken.text, err) || lines_send(&import->lines, import->call->reply, err) ? -1 : 0;
	}
	spool_release(&import->lines);
	return failed;
}
