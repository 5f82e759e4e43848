/* Removing a dataset, and the images that were uploaded to it. */
#include "base/memory.h"
#include "dataset/removal.h"
#include "dataset/snapshot.h"
#include "datasets.h"
#include "fastcgi/thumb.h"
#include "several.h"

enum { PAGE = 1000 };

struct page {
	struct call *call;
	struct sample *samples;
	size_t count;
};

static int remove_object(void *data, size_t index, struct err *err)
{
	const struct page *page = data;
	const char *key = page->samples[index].blob_key;

	return key[0] ? blob_delete(page->call->app->blobs, key, err) : 0;
}

static int remove_page(struct page *page, int64_t *after, struct err *err)
{
	if (dataset_samples(page->call->dataset, NULL, *after, PAGE, &page->samples, &page->count, err))
		return -1;
	int failed = several(page->count, remove_object, page, err);
	for (size_t i = 0; i < page->count; i++) {
		*after = page->samples[i].id;
		sample_release(&page->samples[i]);
	}
	free(page->samples);
	return failed;
}

/* Removes the objects before the dataset, which alone knows them: if a crash or a store that is down interrupts
 * this, repeating the request goes on. Images uploaded meanwhile come last, and are found, too. */
static int remove_objects(struct call *call, struct err *err)
{
	struct page page = {.call = call, .count = PAGE};
	int64_t after = -1;

	while (page.count == PAGE) {
		if (remove_page(&page, &after, err))
			return -1;
	}
	return 0;
}

static int remove_manifest(void *data, struct snapshot *snapshot, struct err *err)
{
	return blob_delete(((struct call *)data)->app->blobs, snapshot->blob_key, err);
}

/* The objects of samples whose removal was interrupted. */
static int remove_due(struct call *call, struct err *err)
{
	int64_t after = -1;
	size_t count = PAGE;
	int failed = 0;

	while (!failed && count == PAGE) {
		struct tombstone *page;

		if (dataset_removed(call->dataset, true, after, PAGE, &page, &count, err))
			return -1;
		for (size_t i = 0; !failed && i < count; i++) {
			after = page[i].id;
			failed = page[i].blob_key[0] ? blob_delete(call->app->blobs, page[i].blob_key, err) : 0;
		}
		tombstones_release(page, count);
	}
	return failed;
}

int datasets_remove(struct call *call, struct err *err)
{
	reply_empty(call->reply, 204);
	return call_place(call, err) || remove_objects(call, err) || remove_due(call, err) ||
	       snapshot_each(call->dataset, remove_manifest, call, err) ||
	       dataset_remove(call->app->store, dataset_name(call->dataset), err) ||
	       call_audit(call, "dataset.remove", dataset_name(call->dataset), "", err) ||
	       thumb_forget(call->app->state_dir, call->info.place.uuid, err);
}
