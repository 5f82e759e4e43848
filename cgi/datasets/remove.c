/* Removing a dataset, and the images that were uploaded to it. */
#include "base/log.h"
#include "blob/key.h"
#include "blob/spool.h"
#include "datasets.h"
#include "fastcgi/thumb.h"

enum { PAGE = 1000 };

/* The keys of its objects, a line each: they are known only while the dataset is there. */
static int collect_keys(struct call *call, struct spool *keys, struct err *err)
{
	int64_t after = -1;
	size_t count = PAGE;
	int failed = 0;

	while (!failed && count == PAGE) {
		struct sample *samples;

		if (dataset_samples(call->dataset, after, PAGE, &samples, &count, err))
			return -1;
		for (size_t i = 0; i < count; i++) {
			const char *key = samples[i].blob_key;

			if (!failed && *key)
				failed = spool_write(keys, key, strlen(key), err) || spool_write(keys, "\n", 1, err);
			after = samples[i].id;
			sample_release(&samples[i]);
		}
		free(samples);
	}
	return failed ? -1 : 0;
}

/* The dataset is gone already: an object that cannot be removed now stays, and is told in the log. */
static void remove_object(struct call *call, const char *key)
{
	struct err err;

	if (blob_delete(call->app->blobs, key, &err))
		log_write(LOG_WARN, "an image of a removed dataset stays", "key", key, "error", err.text, NULL);
}

static int remove_objects(struct call *call, const struct spool *keys, struct err *err)
{
	char line[BLOB_KEY_MAX + 1];
	int64_t at = 0;
	ssize_t got;

	while ((got = spool_read(keys, at, line, BLOB_KEY_MAX, err)) > 0) {
		line[got] = '\0';
		size_t len = strcspn(line, "\n");

		line[len] = '\0';
		remove_object(call, line);
		at += (int64_t)len + 1;
	}
	return got < 0 ? -1 : 0;
}

int datasets_remove(struct call *call, struct err *err)
{
	struct spool keys;

	reply_empty(call->reply, 204);
	spool_init(&keys, call->app->state_dir, INT64_MAX);
	int failed = collect_keys(call, &keys, err) ||
	             dataset_remove(call->app->store, dataset_name(call->dataset), err) || remove_objects(call, &keys, err) ||
	             thumb_forget(call->app->state_dir, dataset_name(call->dataset), err);
	spool_release(&keys);
	return failed ? -1 : 0;
}
