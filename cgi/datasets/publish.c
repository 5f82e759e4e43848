/* Making the uploaded images of a dataset public, or private again. */
#include "base/log.h"
#include "datasets.h"
#include "fastcgi/collect.h"
#include "fastcgi/ingest.h"

enum { PAGE = DATASET_URLS_MAX, CHANGES_MAX = 10 };

struct page {
	struct sample *samples;
	size_t count;
	struct dataset_url urls[PAGE]; /* of its images; the texts are owned */
	size_t url_count;
};

static char *public_url(struct call *call, const struct sample *sample, bool public_read, struct err *err)
{
	struct buf url;

	buf_init(&url, COLLECT_URL_MAX);
	if (public_read && ingest_url(call, sample, &url, err)) {
		buf_release(&url);
		return NULL;
	}
	return buf_detach(&url);
}

/* An image that is not in the store is told, and keeps none of the others back. */
static int publish_one(struct call *call, struct page *page, const struct sample *sample, bool public_read,
                       struct err *err)
{
	if (!sample->blob_key[0])
		return 0;
	if (blob_set_public(call->app->blobs, sample->blob_key, public_read, err)) {
		if (err->code != ERR_NOT_FOUND)
			return -1;
		log_write(LOG_WARN, "image is not in the store", "key", sample->blob_key, NULL);
	}
	char *url = public_url(call, sample, public_read, err);
	if (!url)
		return -1;
	page->urls[page->url_count++] = (struct dataset_url){.id = sample->id, .url = url};
	return 0;
}

static int publish_page(struct call *call, struct page *page, bool public_read, struct err *err)
{
	int failed = 0;

	for (size_t i = 0; i < page->count && !failed; i++)
		failed = publish_one(call, page, &page->samples[i], public_read, err);
	if (!failed)
		failed = dataset_set_urls(call->dataset, page->urls, page->url_count, err);
	for (; page->url_count > 0; page->url_count--)
		free((char *)(uintptr_t)page->urls[page->url_count - 1].url);
	return failed;
}

static int publish_all(struct call *call, bool public_read, struct err *err)
{
	struct page *page = calloc(1, sizeof(*page));
	int64_t after = -1;
	int failed = 0;

	if (!page)
		abort();
	for (bool more = true; more && !failed;) {
		failed = dataset_samples(call->dataset, after, PAGE, &page->samples, &page->count, err);
		if (failed)
			break;
		failed = publish_page(call, page, public_read, err);
		more = page->count == PAGE;
		if (more)
			after = page->samples[page->count - 1].id;
		for (size_t i = 0; i < page->count; i++)
			sample_release(&page->samples[i]);
		free(page->samples);
	}
	free(page);
	return failed;
}

static int read_policy(struct call *call, bool *is_public, struct err *err)
{
	dataset_info_release(&call->info);
	if (call_setup(call, err))
		return -1;
	*is_public = call->info.policy.public_images;
	return 0;
}

/* Two that change it at once both come by here. Whoever meets, at the end, another policy than the one followed begins
 * anew by that, so that whatever comes last at an image follows the policy that stays. */
int datasets_publish(struct call *call, struct err *err)
{
	bool followed, now;

	if (read_policy(call, &now, err))
		return -1;
	for (int i = 0; i < CHANGES_MAX; i++) {
		followed = now;
		if (publish_all(call, followed, err) || read_policy(call, &now, err))
			return -1;
		if (now == followed)
			return 0;
	}
	return err_set(err, ERR_CONFLICT, "The dataset was made public and private again too often meanwhile");
}
