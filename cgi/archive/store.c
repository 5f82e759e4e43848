/* Reads an image out of an archive and stores it. */
#include "store.h"

#include "fastcgi/ingest.h"
#include "fastcgi/receive.h"

enum { PIECE_BYTES = 64 * 1024 };

static int read_entry(struct archive_reader *reader, struct spool *out, struct err *err)
{
	char piece[PIECE_BYTES];
	size_t got;

	for (;;) {
		if (archive_reader_read(reader, piece, sizeof(piece), &got, err))
			return -1;
		if (got == 0)
			break;
		if (spool_write(out, piece, got, err))
			return -1;
	}
	spool_finish(out);
	return 0;
}

static bool has_label(const struct call *call, const char *name)
{
	for (size_t i = 0; i < call->info.label_count; i++) {
		if (strcmp(call->info.labels[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Reads the dataset's labels and policy once, and again when a label is added. */
static int need_label(struct call *call, const char *name, struct err *err)
{
	int64_t key;
	bool created;

	if (!call->info.base_dir && call_info(call, err))
		return -1;
	if (!*name || has_label(call, name))
		return 0;
	if (dataset_label_add(call->dataset, name, &key, &created, err))
		return -1;
	dataset_info_release(&call->info);
	return call_info(call, err);
}

int store_entry(struct call *call, struct archive_reader *reader, const struct archive_item *item, struct sample *out,
                bool *duplicate, struct err *err)
{
	char filename[MULTIPART_FILENAME_MAX];
	struct ingest_image image = {.label = item->label, .filepath = item->path, .filename = filename};
	struct spool file;

	spool_init(&file, receive_dir(call), call->app->config.limits.archive_entry_bytes);
	multipart_filename(item->path, filename);
	int failed = read_entry(reader, &file, err) || need_label(call, item->label, err);
	if (!failed) {
		ingest_from_spool(&file, &image.source);
		failed = ingest_store(call, &image, out, duplicate, err);
		call->info.counts.bytes += failed || *duplicate ? 0 : file.length;
	}
	spool_release(&file);
	return failed ? -1 : 0;
}
