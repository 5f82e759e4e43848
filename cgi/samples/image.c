/* A sample's image and thumbnail. */
#include "samples.h"


#include "base/text.h"
#include "fastcgi/document.h"
#include "fastcgi/images.h"
#include "fastcgi/serve.h"
#include "fastcgi/thumb.h"
#include "image/image.h"

int samples_image(struct call *call, struct err *err)
{
	struct sample sample = {0};
	const struct images images = call_images(call);
	struct located file;
	int failed = samples_find(call, &sample, err) || images_locate(&images, &sample, &file, err) ||
	             reply_header(call->reply, "Cache-Control", "private, no-cache", err) ||
	             serve_image(call, &sample, &file, err);

	sample_release(&sample);
	return failed;
}

int samples_thumb(struct call *call, struct err *err)
{
	const char *size_text = request_query(call->request, "size");
	int64_t size = DOCUMENT_THUMB_SIZE;
	struct sample sample = {0};

	if (size_text && text_int64(size_text, 1, IMAGE_THUMB_SIDE_MAX, &size))
		return err_set(err, ERR_BAD_REQUEST, "\"size\" must be a number of pixels from 1 to %d", IMAGE_THUMB_SIDE_MAX);
	int failed = samples_find(call, &sample, err) || thumb_answer(call, &sample, (int)size, err);
	sample_release(&sample);
	return failed;
}
