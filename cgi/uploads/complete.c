/* Making a sample of a finished upload. */
#include "uploads.h"

#include "fastcgi/upload.h"

int uploads_complete(struct call *call, struct partial *partial, struct err *err)
{
	struct ingest_image image = {.label = partial->label,
	                             .filepath = *partial->filepath ? partial->filepath : NULL,
	                             .filename = partial->filename};
	struct ingest ingest;
	struct sample sample;
	bool duplicate;

	if (upload_ingest(call, &ingest, err) || ingest_from_file(partial->fd, partial->length, &image.source, err))
		return -1;
	if (ingest_store(&ingest, &image, &sample, &duplicate, err)) {
		if (!err_is_ours(err)) /* an upload that can never be an image of this dataset is not kept for another attempt */
			partial_remove(partial, NULL);
		return -1;
	}
	int failed = (duplicate && reply_header(call->reply, "X-Duplicate", "true", err)) ||
	             partial_finish(partial, sample.id, err);
	partial->offset = partial->length;
	sample_release(&sample);
	return failed;
}
