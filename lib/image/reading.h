/* An image being read by libvips (BMP by bmp.c, some TIFFs by libtiff), within the limits, its memory taken. */
#ifndef IMAGE_READING_H
#define IMAGE_READING_H

#include <vips/vips.h>

#include "image/bmp.h"
#include "image/jpeg_header.h"
#include "image/module.h"
#include "image/tiff.h"

/* How to open an image. */
struct opening {
	int n;        /* 1: the first page; -1: all of them, one below the other */
	double scale; /* decoded at this size, by decoders that then need not hold it whole (WebP) */
	VipsFailOn fail_on;
};

struct format {
	const char *type, *name;
	enum { KIND_JPEG, KIND_PNG, KIND_WEBP, KIND_GIF, KIND_TIFF, KIND_BMP, KIND_HEIF, KIND_JXL } kind;
	/* NULL: bmp.c. */
	int (*open)(VipsSource *stream, VipsImage **out, const struct opening *how);
	bool whole;  /* its decoder always holds a frame whole */
	bool turned; /* as its EXIF says, by Chromium (the others are not, or by their decoders) */
};

struct reading {
	struct image_source source; /* of a TIFF with one page only, the one that is read */
	const struct format *format;
	struct image_info info;
	struct image_tiff tiff;
	int64_t jpeg_work; /* of this page, as in image_jpeg_header */
	bool by_libtiff;   /* this page: libvips does not read it */
	struct image_jpeg_header jpeg;
	int64_t pixels_max;
	int64_t pixels_counted; /* of the first frame */
	struct bmp *bmp;
	int64_t memory; /* taken */
	int64_t offset; /* of the stream libvips reads */
};

const struct format *reading_format(const char *type); /* NULL: no such one */

/* Opens the first frame, within the limits; nothing is decoded yet. reading_close in any case. */
int reading_open(struct reading *reading, const struct image_source *source, const char *type, int64_t pixels_max,
                 VipsFailOn fail_on, VipsImage **out, struct err *err);
/* Of a JPEG no more than its header, without libvips. */
int reading_open_jpeg(struct reading *reading, const struct image_source *source, int64_t pixels_max, struct err *err);
void reading_close(struct reading *reading, VipsImage *image); /* image may be NULL */

/* To the next page of a TIFF, to be opened by reading_image; false: it is not there. */
bool reading_next(struct reading *reading);
/* Takes the memory that the image needs; ERR_TOO_LARGE when that is too much for one. */
int reading_take(struct reading *reading, VipsImage *image, struct err *err);

/* Opens it once more; what is opened is unreferenced before reading_close. */
int reading_image(struct reading *reading, const struct opening *how, VipsImage **out, struct err *err);
VipsSource *reading_stream(struct reading *reading);

int reading_check_limits(const struct reading *reading, int64_t width, int64_t height, int64_t frames, struct err *err);
/* *pixels: what the page counts as. */
int reading_check_channels(const struct reading *reading, VipsImage *page, int64_t *pixels, struct err *err);
/* Sets ERR_UNPROCESSABLE. */
int reading_broken(const struct reading *reading, struct err *err);

bool reading_can(const char *type);

/* struct image_module's. */
int reading_check(const struct image_source *source, const char *type, int64_t pixels_max, struct image_info *out,
                  struct err *err);
int reading_thumb(const struct image_source *source, const char *type, int64_t pixels_max, int side, struct buf *out,
                  const char **thumb_type, struct err *err);

#endif
