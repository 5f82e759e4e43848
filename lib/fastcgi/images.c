/* Finds the images of samples, wherever they lie. */
#include "fastcgi/images.h"

static int locate_blob(const struct images *images, const struct sample *sample, struct located *out, struct err *err)
{
	if (blob_path(images->blobs, sample->blob_key, out->path, err))
		return err->code == ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "Image file not found") : -1;
	out->root = strlen(out->path) > strlen(sample->blob_key) ? strlen(out->path) - strlen(sample->blob_key) - 1 : 0;
	out->type = sample->type;
	out->bytes = sample->bytes;
	out->id = (struct located_id){.bytes = sample->bytes};
	return 0;
}

int images_locate(const struct images *images, const struct sample *sample, struct located *out, struct err *err)
{
	if (sample->blob_key[0])
		return locate_blob(images, sample, out, err);
	return locate_file(images->place->base_dir, sample->filepath, images->roots, out, err);
}

int images_fetch(const struct images *images, const struct sample *sample, struct buf *out, struct err *err)
{
	if (blob_fetch(images->blobs, sample->blob_key, out, err) == 0)
		return 0;
	return err->code == ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "Image file not found") : -1;
}
