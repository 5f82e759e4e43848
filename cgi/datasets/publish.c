/* Making the uploaded images of a dataset public, or private again. */
#include "base/log.h"
#include "datasets.h"
#include "fastcgi/address.h"
#include "intake/ingest.h"
#include "publishing.h"
#include "several.h"

enum {
	PAGE = 100, /* images whose URLs are changed in one write */
	CHANGES_MAX = 10,
};

_Static_assert((int)PAGE <= (int)DATASET_URLS_MAX, "the URLs of a page are one write");

struct page {
	struct call *call;
	struct publishing *progress;
	const char *base_url;
	struct sample *samples;
	size_t count;
	char *urls[PAGE]; /* the images' URLs; NULL: the sample is no uploaded image */
};

static char *public_url(const struct page *page, const struct sample *sample, struct err *err)
{
	struct buf url;

	buf_init(&url, INGEST_URL_MAX);
	if (page->progress->public_read &&
	    ingest_url(page->call->app->blobs, sample->blob_key, page->base_url, &url, err)) {
		buf_release(&url);
		return NULL;
	}
	return buf_detach(&url);
}

/* Reports an image that is missing in the store, and goes on. */
static int publish_image(struct page *page, size_t index, struct err *err)
{
	const struct sample *sample = &page->samples[index];
	bool public_read = page->progress->public_read;

	if (blob_set_public(page->call->app->blobs, sample->blob_key, public_read, err)) {
		if (err->code != ERR_NOT_FOUND)
			return -1;
		log_write(LOG_WARN, "image is not in the store", "key", sample->blob_key, NULL);
	}
	page->urls[index] = public_url(page, sample, err);
	return !page->urls[index];
}

static int publish_one(void *data, size_t index, struct err *err)
{
	struct page *page = data;

	if (page->samples[index].blob_key[0] && publish_image(page, index, err))
		return -1;
	atomic_fetch_add(&page->progress->done, 1);
	return 0;
}

static int note_urls(struct page *page, struct err *err)
{
	struct dataset_url urls[PAGE];
	size_t count = 0;

	for (size_t i = 0; i < page->count; i++) {
		if (page->urls[i])
			urls[count++] = (struct dataset_url){.id = page->samples[i].id, .url = page->urls[i]};
	}
	return dataset_set_urls(page->call->dataset, urls, count, err);
}

static int publish_page(struct page *page, int64_t *after, int64_t left, struct err *err)
{
	size_t most = left < PAGE ? (size_t)left : PAGE;
	int failed = dataset_samples(page->call->dataset, NULL, *after, most, &page->samples, &page->count, err);

	if (failed)
		return -1;
	memset(page->urls, 0, sizeof(page->urls));
	failed = several(page->count, publish_one, page, err) || note_urls(page, err);
	for (size_t i = 0; i < page->count; i++) {
		*after = page->samples[i].id;
		free(page->urls[i]);
		sample_release(&page->samples[i]);
	}
	free(page->samples);
	return failed;
}

static int publish_read_policy(struct call *call, bool *is_public, struct err *err)
{
	dataset_place_release(&call->info.place);
	if (dataset_place_now(call->dataset, &call->info.place, err))
		return -1;
	*is_public = call->info.place.policy.public_images;
	return 0;
}

/* Goes through the samples that exist at the beginning: later ones follow the policy, which was changed before. Ends
 * early when the policy has changed again. */
static int publish_all(struct call *call, struct publishing *progress, bool *now, struct err *err)
{
	struct page page = {.call = call, .progress = progress, .base_url = address_of_server(call), .count = 1};
	int64_t after = -1, total, left;
	int failed = dataset_size(call->dataset, &total, err);

	if (failed)
		return -1;
	atomic_store(&progress->done, 0);
	atomic_store(&progress->total, total);
	for (left = total; !failed && *now == progress->public_read && page.count > 0 && left > 0; left -= (int64_t)page.count)
		failed = publish_page(&page, &after, left, err) || publish_read_policy(call, now, err);
	if (failed)
		err_prefix(err, "%lld of %lld images are %s by now, ask again to go on", (long long)atomic_load(&progress->done),
		           (long long)total, progress->public_read ? "public" : "private");
	return failed;
}

static int follow(struct call *call, struct publishing *progress, struct err *err)
{
	bool now;

	if (publish_read_policy(call, &now, err))
		return -1;
	for (int i = 0; i < CHANGES_MAX; i++) {
		atomic_store(&progress->public_read, now);
		if (publish_all(call, progress, &now, err) || publish_read_policy(call, &now, err))
			return -1;
		if (now == progress->public_read)
			return 0;
	}
	return err_set(err, ERR_CONFLICT, "The dataset was made public and private again too often meanwhile");
}

/* Two requests may change the policy at once, and both come here. If the policy at the end is not the one that was
 * followed, starts again with the new one: so the last change of each image follows the policy that stays. */
int datasets_publish(struct call *call, struct err *err)
{
	struct publishing progress = {.dataset = dataset_name(call->dataset)};

	publishing_begin(&progress);
	int failed = follow(call, &progress, err);
	publishing_end(&progress);
	return failed;
}
