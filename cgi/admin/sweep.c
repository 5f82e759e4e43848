/* Sweeps the image store by the notes that uploads leave (intake/intent.h), and removals by their tombstones. */
#include "sweep.h"

#include "blob/blob.h"
#include "blob/key.h"
#include "fastcgi/removal.h"
#include "intake/intent.h"
#include "intake/partial.h"

struct sweep {
	struct dataset_store *store;
	struct blob_store *blobs;
	struct buf *warn;
	int64_t removed;
	/* a store is down: the rest waits for the next start, which would take too long if each of them failed first */
	bool down;
};

/* Removes an object only if its dataset can be opened and knows nothing of it. */
static bool sweep_one(void *data, const char *name, const char *key)
{
	struct sweep *sweep = data;
	struct dataset *dataset;
	struct err err;
	bool known = true;

	if (sweep->down)
		return false;
	if (dataset_open(sweep->store, name, &dataset, &err))
		return err.code == ERR_NOT_FOUND;
	int failed = dataset_has_blob(dataset, key, &known, &err);
	dataset_close(dataset);
	if (!failed && !known) {
		failed = blob_delete(sweep->blobs, key, &err);
		sweep->removed += !failed;
	}
	sweep->down = failed && (err.code == ERR_UNAVAILABLE || err.code == ERR_UPSTREAM);
	if (failed)
		buf_printf(sweep->warn, "an unfinished upload to %s cannot be swept: %s\n", name, err.text);
	return !failed || err.code == ERR_BAD_REQUEST; /* from a broken note: no such key can exist */
}

static const char *folder(struct buf *path, const char *state_dir, const char *name)
{
	buf_clear(path);
	buf_printf(path, "%s/%s", state_dir, name);
	return buf_text(path);
}

/* In S3 only large images go in parts, and the bucket may have other users: sweeps only below our own prefixes. */
static int sweep_store(const struct config *config, const struct sweep *sweep, struct err *err)
{
	if (config_images_are_files(config))
		return blob_sweep(sweep->blobs, "", SWEEP_AGE_SECONDS, NULL, err);
	if (sweep->down || (config->limits.file_bytes <= BLOB_MULTIPART_BYTES &&
	                    config->limits.archive_entry_bytes <= BLOB_MULTIPART_BYTES))
		return 0;
	return blob_sweep(sweep->blobs, BLOB_KEY_IMAGES, SWEEP_PARTS_AGE_SECONDS, NULL, err) ||
	       blob_sweep(sweep->blobs, BLOB_KEY_DATASETS, SWEEP_PARTS_AGE_SECONDS, NULL, err);
}

void sweep_uploads(const struct config *config, struct dataset_store *store, const char *state_dir, int64_t *removed,
                   struct buf *warn)
{
	struct sweep sweep = {.store = store, .warn = warn};
	struct err err;
	struct buf path;

	*removed = 0;
	if (blob_open(&sweep.blobs, config, &err)) {
		buf_printf(warn, "the image store cannot be opened: %s\n", err.text);
		return;
	}
	buf_init(&path, 8192);
	if (intent_each(folder(&path, state_dir, "pending"), SWEEP_AGE_SECONDS, sweep_one, &sweep, &err) ||
	    partial_sweep(folder(&path, state_dir, "uploads"), &err) ||
	    sweep_store(config, &sweep, &err))
		buf_printf(warn, "unfinished uploads cannot be swept: %s\n", err.text);
	buf_release(&path);
	blob_free(sweep.blobs);
	*removed = sweep.removed;
}

void sweep_removed(const struct config *config, struct dataset *dataset, const struct dataset_place *place,
                   const char *state_dir, struct buf *warn)
{
	struct images images = {.dataset = dataset, .place = place, .roots = &config->image_roots};
	struct tombstone *some;
	struct err err;
	size_t count = 0;
	int failed = dataset_removed(dataset, false, -1, 1, &some, &count, &err);

	tombstones_release(some, count);
	if (!failed && count > 0) {
		failed = blob_open(&images.blobs, config, &err) || removal_sweep(&images, state_dir, &err);
		blob_free(images.blobs);
	}
	if (failed)
		buf_printf(warn, "removed images of %s are still there: %s\n", dataset_name(dataset), err.text);
}
