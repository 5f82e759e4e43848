/* Stores an image of an archive, step by step. */
#include "store.h"

#include "fastcgi/upload.h"

/* --- labels ------------------------------------------------------------------------------------------------------- */

void store_spell_label(const struct call *call, char label[TEXT_LABEL_MAX + 1])
{
	const char *spelled = dataset_labels_find(&call->info.labels, label);

	if (spelled)
		snprintf(label, TEXT_LABEL_MAX + 1, "%s", spelled);
}

int store_prepare(struct call *call, struct ingest *ingest, const char *label, struct err *err)
{
	int64_t key;
	bool created;

	if ((!ingest->dataset && upload_ingest(call, ingest, err)) || (*label && call_labels(call, err)))
		return -1;
	if (!*label || dataset_labels_find(&call->info.labels, label))
		return 0;
	if (dataset_label_add(call->dataset, label, &key, &created, err))
		return -1;
	dataset_labels_release(&call->info.labels);
	return call_labels(call, err);
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

static int store_read_bytes(struct unpacker *unpacker, struct spool *out, struct err *err)
{
	const void *bytes;
	size_t len;

	do {
		if (unpacker_read(unpacker, &bytes, &len, err) || (len > 0 && spool_write(out, bytes, len, err)))
			return -1;
	} while (len > 0);
	spool_finish(out);
	return 0;
}

void entry_read(struct entry *entry, struct call *call, struct unpacker *unpacker, const struct archive_item *item)
{
	memset(entry, 0, sizeof(*entry));
	snprintf(entry->path, sizeof(entry->path), "%s", item->path);
	snprintf(entry->label, sizeof(entry->label), "%s", item->label);
	filename_clean(item->path, entry->filename);
	entry->image.label = entry->label;
	entry->image.filepath = entry->path;
	entry->image.filename = entry->filename;
	spool_init(&entry->file, call_spool_dir(call), call->app->config.limits.archive_entry_bytes);
	entry->failed = store_read_bytes(unpacker, &entry->file, &entry->err) != 0;
	if (!entry->failed)
		ingest_from_spool(&entry->file, &entry->image.source);
}

void entry_work(struct crew_job *job)
{
	struct entry *entry = (struct entry *)job;

	if (!entry->failed)
		entry->failed = ingest_bytes(entry->ingest, &entry->image, &entry->step, &entry->sample, &entry->duplicate,
		                             &entry->err) != 0;
}

void entry_finish(struct entry *entry)
{
	if (!entry->failed && !entry->duplicate)
		entry->failed = ingest_metadata(entry->ingest, &entry->image, &entry->step, &entry->sample, &entry->duplicate,
		                                &entry->err) != 0;
}

void entry_release(struct entry *entry)
{
	spool_release(&entry->file);
	sample_release(&entry->sample);
}

bool entry_follows(const struct entry *entry, const struct entry *other)
{
	return strcmp(entry->path, other->path) == 0 ||
	       memcmp(entry->image.source.sha256, other->image.source.sha256, HASH_SHA256_SIZE) == 0;
}
