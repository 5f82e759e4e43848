/* Fuzzes images of the types whose bytes this program reads itself, and all others as far as the decoders go.
 *
 * Parses: lib/base/image_type.c lib/image/bmp.c lib/image/tiff.c lib/image/tiff_pixels.c lib/image/jpeg_header.c
 * lib/image/check.c lib/image/jpeg.c lib/image/whole.c lib/image/walk.c lib/image/reading.c */
#include "fuzz.h"

#include <vips/vips.h>

#include "base/image_type.h"
#include "image/jpeg_header.h"
#include "image/module.h"
#include "image/tiff.h"
#include "image/whole.h"

enum { PIXELS_MAX = 200 * 1000, SIDE = 32 };

extern const struct image_module image_module;

static void check_structure(const struct image_source *source)
{
	struct image_jpeg_header header;
	struct image_rect rect;
	int64_t frames;
	double gamma;

	if (image_jpeg_header(source, &header))
		require(header.orientation >= 1 && header.orientation <= 8 && header.width >= 0 && header.height >= 0);
	if (image_tiff_pages(source, &frames))
		require(frames >= 0 && frames <= IMAGE_FRAMES_MAX + 1);
	image_is_whole(source, "image/png", &frames);
	image_is_whole(source, "image/gif", &frames);
	image_is_whole(source, "image/tiff", &frames);
	image_png_gamma(source, &gamma);
	image_gif_frame(source, &rect);
}

static void check_decoded(const struct image_source *source, const char *type)
{
	struct image_info info = {.orientation = 1};
	const char *thumb_type;
	struct err err = {0};
	struct buf thumb;

	buf_init(&thumb, IMAGE_THUMB_BYTES_MAX);
	if (image_module.check(source, type, PIXELS_MAX, &info, &err))
		require_told(&err);
	else
		require(info.width > 0 && info.height > 0 && info.width * info.height <= PIXELS_MAX && info.frames > 0 &&
		        info.orientation >= 1 && info.orientation <= 8);
	if (image_module.thumb(source, type, PIXELS_MAX, SIDE, &thumb, &thumb_type, &err))
		require_told(&err);
	else
		require(image_type_sniff((const unsigned char *)thumb.data, thumb.len) == image_type_of(thumb_type));
	buf_release(&thumb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct image_type *type = image_type_sniff(data, size < IMAGE_TYPE_MAGIC_BYTES ? size : IMAGE_TYPE_MAGIC_BYTES);
	const struct image_source source = {.bytes = data, .fd = -1, .size = (int64_t)size};

	check_structure(&source);
	if (type)
		check_decoded(&source, type->media);
	return 0;
}
