/* Removes the images of removed samples, and their thumbnails. */
#include "fastcgi/removal.h"

#include "blob/discard.h"
#include "fastcgi/thumb.h"

enum { PAGE = DATASET_PAGE_MAX };

int removal_check(const struct images *images, const struct sample *sample, struct err *err)
{
	if (sample->blob_key[0])
		return 0;
	return discard_check(images->place->base_dir, sample->filepath, images->roots, err);
}

/* Another sample has the filepath only if it was uploaded since; its image is in the store. */
static int remove_image(const struct images *images, const struct tombstone *tombstone, struct err *err)
{
	return tombstone->blob_key[0] ? blob_delete(images->blobs, tombstone->blob_key, err)
	                              : discard_file(images->place->base_dir, tombstone->filepath, err);
}

int removal_finish(const struct images *images, const struct tombstone *tombstone, const char *state_dir,
                   struct err *err)
{
	thumb_remove(state_dir, images->place->uuid, tombstone->id);
	return remove_image(images, tombstone, err) || dataset_removed_done(images->dataset, tombstone->id, err);
}

int removal_follow(const struct images *images, const struct tombstone *tombstone, const char *state_dir,
                   struct err *err)
{
	thumb_remove(state_dir, images->place->uuid, tombstone->id);
	return tombstone->blob_key[0] ? 0 : discard_file(images->place->base_dir, tombstone->filepath, err);
}

/* One that cannot be finished does not keep the others from it. */
static int sweep_page(const struct images *images, const struct tombstone *page, size_t count, const char *state_dir,
                      struct err *err)
{
	int failed = 0;

	for (size_t i = 0; i < count; i++) {
		struct err why;

		if (!page[i].due) {
			thumb_remove(state_dir, images->place->uuid, page[i].id);
		} else if (removal_finish(images, &page[i], state_dir, &why)) {
			failed = -1;
			*err = why;
		}
	}
	return failed;
}

int removal_sweep(const struct images *images, const char *state_dir, struct err *err)
{
	int64_t after = -1;
	size_t count = PAGE;
	int failed = 0;

	while (count == PAGE) {
		struct tombstone *page;

		if (dataset_removed(images->dataset, false, after, PAGE, &page, &count, err))
			return -1;
		if (sweep_page(images, page, count, state_dir, err))
			failed = -1;
		after = count > 0 ? page[count - 1].id : after;
		tombstones_release(page, count);
	}
	return failed;
}
