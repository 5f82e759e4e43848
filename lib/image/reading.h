/* An image being read by libvips (BMP by bmp.c, some TIFFs by libtiff), within the limits. */
#ifndef IMAGE_READING_H
#define IMAGE_READING_H

#include <vips/vips.h>

#include "image/bmp.h"
#include "image/jpeg_header.h"
#include "image/module.h"
#include "image/tiff.h"

/* How to open an image. */
struct opening {
	int n;        /* 1: the first page; -1: all pages, one below the other */
	double scale; /* the size to decode at, for decoders that then need not hold the image whole (WebP) */
	VipsFailOn fail_on;
};

struct format {
	const char *type, *name;
	enum { KIND_JPEG, KIND_PNG, KIND_WEBP, KIND_GIF, KIND_TIFF, KIND_BMP, KIND_HEIF, KIND_JXL } kind;
	/* NULL: by bmp.c */
	int (*open)(VipsSource *stream, VipsImage **out, const struct opening *how);
	bool whole;  /* its decoder always holds a frame whole */
	bool turned; /* Chromium turns it as its EXIF says (others are not turned, or by their decoders) */
};

struct reading {
	struct image_source source; /* for a TIFF it shows only the page that is read */
	const struct format *format;
	struct image_info info;
	struct image_tiff tiff;
	int64_t jpeg_work; /* for this page, as in image_jpeg_header */
	bool by_libtiff;   /* whether libtiff reads this page, because libvips does not */
	struct image_jpeg_header jpeg;
	int64_t pixels_max;
	int64_t pixels_counted; /* for the first frame */
	struct bmp *bmp;
	int64_t memory; /* that it needs at once */
	int64_t offset; /* in the stream that libvips reads */
};

const struct format *reading_format(const char *type); /* NULL: there is no such type */

/* Opens the first frame, within the limits, without decoding it. Call reading_close in any case. */
int reading_open(struct reading *reading, const struct image_source *source, const char *type, int64_t pixels_max,
                 VipsFailOn fail_on, VipsImage **out, struct err *err);
/* Reads only the header of a JPEG, without libvips. */
int reading_open_jpeg(struct reading *reading, const struct image_source *source, int64_t pixels_max, struct err *err);
void reading_close(struct reading *reading, VipsImage *image); /* image may be NULL */

/* Goes to the next page of a TIFF, for reading_image; false when there is none. */
bool reading_next(struct reading *reading);
/* ERR_TOO_LARGE when the image needs more memory than one may have. */
int reading_take(struct reading *reading, VipsImage *image, struct err *err);

/* Opens the image again; unreference the result before reading_close. */
int reading_image(struct reading *reading, const struct opening *how, VipsImage **out, struct err *err);
VipsSource *reading_stream(struct reading *reading);

int reading_check_limits(const struct reading *reading, int64_t width, int64_t height, int64_t frames, struct err *err);
/* *pixels gets the number of pixels as which the page counts. */
int reading_check_channels(const struct reading *reading, VipsImage *page, int64_t *pixels, struct err *err);
/* Sets ERR_UNPROCESSABLE. */
int reading_broken(const struct reading *reading, struct err *err);

bool reading_can(const char *type);

/* The functions of struct image_module. */
int reading_check(const struct image_source *source, const char *type, int64_t pixels_max, struct image_info *out,
                  struct err *err);
int reading_thumb(const struct image_source *source, const char *type, int64_t pixels_max, int side, struct buf *out,
                  const char **thumb_type, struct err *err);

#endif
