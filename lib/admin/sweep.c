/* Sweeps the image store by the notes that uploads leave (blob/intent.h). */
#include "admin/sweep.h"

#include "blob/blob.h"
#include "blob/intent.h"
#include "blob/partial.h"

struct sweep {
	struct dataset_store *store;
	struct blob_store *blobs;
	struct buf *warn;
	int64_t removed;
};

/* An object is removed only when its dataset is there and knows nothing of it. */
static bool sweep_one(void *data, const char *name, const char *key)
{
	struct sweep *sweep = data;
	struct dataset *dataset;
	struct err err;
	bool known = true;

	if (dataset_open(sweep->store, name, &dataset, &err))
		return err.code == ERR_NOT_FOUND;
	int failed = dataset_has_blob(dataset, key, &known, &err);
	dataset_close(dataset);
	if (!failed && !known) {
		failed = blob_delete(sweep->blobs, key, &err);
		sweep->removed += !failed;
	}
	if (failed)
		buf_printf(sweep->warn, "an unfinished upload to %s cannot be swept: %s\n", name, err.text);
	return !failed;
}

static const char *folder(struct buf *path, const char *state_dir, const char *name)
{
	buf_clear(path);
	buf_printf(path, "%s/%s", state_dir, name);
	return buf_text(path);
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
	    (strcmp(config->image_store.type, "fs") == 0 && blob_sweep(sweep.blobs, "", SWEEP_AGE_SECONDS, NULL, &err)))
		buf_printf(warn, "unfinished uploads cannot be swept: %s\n", err.text);
	buf_release(&path);
	blob_free(sweep.blobs);
	*removed = sweep.removed;
}
