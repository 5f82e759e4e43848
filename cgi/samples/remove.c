/* DELETE /v1/datasets/{d}/samples/{id}: removes a sample and its image, for good. */
#include "samples.h"

#include "base/text.h"
#include "fastcgi/removal.h"

/* An audit entry for each, even where the images cannot be removed yet. */
static int note_removed(struct call *call, const struct tombstone *removed, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		char id[24];

		snprintf(id, sizeof(id), "%lld", (long long)removed[i].id);
		if (call_audit(call, "sample.remove", id, removed[i].filepath, err))
			return -1;
	}
	return 0;
}

static int finish_removed(struct call *call, const struct tombstone *removed, size_t count, struct err *err)
{
	const struct images images = call_images(call);

	for (size_t i = 0; i < count; i++) {
		if (removal_finish(&images, &removed[i], call->app->state_dir, err))
			return err_prefix(err, "The sample is removed, but its image is not yet: ask again, or reload the server");
	}
	return 0;
}

/* The sample goes first: what is interrupted after that goes on with its tombstone. */
static int remove_sample(struct call *call, const struct sample *sample, struct err *err)
{
	const struct images images = call_images(call);
	struct tombstone *removed = NULL;
	size_t count = 0;

	if (removal_check(&images, sample, err) ||
	    dataset_remove_sample(call->dataset, sample->id, call->request->user, &removed, &count, err))
		return -1;
	struct err unnoted;
	int noted = note_removed(call, removed, count, &unnoted);
	int failed = finish_removed(call, removed, count, err);
	tombstones_release(removed, count);
	if (!failed && noted)
		*err = unnoted;
	return failed || noted;
}

/* A removal that was interrupted goes on. *found: it was. */
static int remove_rest(struct call *call, bool *found, struct err *err)
{
	struct tombstone *removed;
	size_t count;
	int64_t id;

	*found = false;
	if (text_int64(call->param[0], 0, INT64_MAX - 1, &id))
		return 0;
	if (dataset_removed(call->dataset, true, id - 1, 1, &removed, &count, err))
		return -1;
	*found = count > 0 && removed[0].id == id;
	int failed = *found ? finish_removed(call, removed, count, err) : 0;
	tombstones_release(removed, count);
	return failed;
}

int samples_remove(struct call *call, struct err *err)
{
	struct sample sample = {0};
	struct err rest;
	bool found;

	reply_empty(call->reply, 204);
	if (samples_find(call, &sample, err) == 0) {
		int failed = remove_sample(call, &sample, err);

		sample_release(&sample);
		return failed;
	}
	if (err->code != ERR_NOT_FOUND)
		return -1;
	int failed = remove_rest(call, &found, &rest);
	if (failed)
		*err = rest;
	return failed || !found;
}
