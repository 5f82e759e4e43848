/* Making the uploaded images of a dataset public, or private again. */
#include "base/log.h"
#include "datasets.h"

enum { PAGE = 1000 };

/* An image that is not in the store is told, and keeps none of the others back. */
static int publish_page(struct call *call, const struct sample *samples, size_t count, bool public_read, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (!samples[i].blob_key[0] || !blob_set_public(call->app->blobs, samples[i].blob_key, public_read, err))
			continue;
		if (err->code != ERR_NOT_FOUND)
			return -1;
		log_write(LOG_WARN, "image is not in the store", "key", samples[i].blob_key, NULL);
	}
	return 0;
}

int datasets_publish(struct call *call, bool public_read, struct err *err)
{
	int64_t after = -1;
	int failed = 0;

	for (bool more = true; more && !failed;) {
		struct sample *samples;
		size_t count;

		if (dataset_samples(call->dataset, after, PAGE, &samples, &count, err))
			return -1;
		failed = publish_page(call, samples, count, public_read, err);
		more = count == PAGE;
		if (more)
			after = samples[count - 1].id;
		for (size_t i = 0; i < count; i++)
			sample_release(&samples[i]);
		free(samples);
	}
	return failed;
}
