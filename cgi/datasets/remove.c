/* Removing a dataset, and the images that were uploaded to it. */
#include "datasets.h"
#include "fastcgi/thumb.h"

enum { PAGE = 1000 };

static int remove_page(struct call *call, int64_t *after, size_t *count, struct err *err)
{
	struct sample *samples;
	int failed = 0;

	if (dataset_samples(call->dataset, *after, PAGE, &samples, count, err))
		return -1;
	for (size_t i = 0; i < *count; i++) {
		if (!failed && samples[i].blob_key[0])
			failed = blob_delete(call->app->blobs, samples[i].blob_key, err);
		*after = samples[i].id;
		sample_release(&samples[i]);
	}
	free(samples);
	return failed;
}

/* Before the dataset, by which alone they are known: a removal that a crash or a store that is down cuts short goes on when it
 * is asked for again. What is uploaded meanwhile comes last, and is met there. */
static int remove_objects(struct call *call, struct err *err)
{
	int64_t after = -1;
	size_t count = PAGE;

	while (count == PAGE) {
		if (remove_page(call, &after, &count, err))
			return -1;
	}
	return 0;
}

int datasets_remove(struct call *call, struct err *err)
{
	reply_empty(call->reply, 204);
	return remove_objects(call, err) || dataset_remove(call->app->store, dataset_name(call->dataset), err) ||
	                       thumb_forget(call->app->state_dir, dataset_name(call->dataset), err)
	               ? -1
	               : 0;
}
