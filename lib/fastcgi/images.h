/* The images of a dataset's samples: finds them in its base_dir or in the image store. Thread-safe. */
#ifndef FASTCGI_IMAGES_H
#define FASTCGI_IMAGES_H

#include "blob/blob.h"
#include "blob/locate.h"
#include "dataset/dataset.h"
#include "fastcgi/ahead.h"

/* Where the images of a dataset lie. Everything is borrowed. */
struct images {
	struct blob_store *blobs;
	struct dataset *dataset;
	const struct dataset_place *place;
	const struct config_list *roots; /* further folders outside base_dir in which they may lie (image_roots) */
	struct ahead *ahead;             /* what was fetched ahead (fastcgi/ahead.h); NULL: nothing */
};

/* Finds the file of a sample; its path is "" when the image is in a store without files on this machine.
 * ERR_NOT_FOUND "Image file not found" when this sample's image is proven to be missing (locate_file), so that the
 * sample may be passed over. */
int images_locate(const struct images *images, const struct sample *sample, struct located *out, struct err *err);

/* Reads the image of a sample for which images_locate found no file. ERR_NOT_FOUND "Image file not found". */
int images_fetch(const struct images *images, const struct sample *sample, struct buf *out, struct err *err);

#endif
