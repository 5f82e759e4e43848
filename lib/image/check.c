/* Checks images by decoding every pixel once. */
#include "image/jpeg.h"
#include "image/reading.h"
#include "image/whole.h"

static int drop_pixels(VipsRegion *region, void *sequence, void *a, void *b, gboolean *stop)
{
	(void)region, (void)sequence, (void)a, (void)b, (void)stop;
	return 0;
}

static int check_decode(struct reading *reading, VipsImage *image, struct err *err)
{
	return vips_sink(image, NULL, drop_pixels, NULL, NULL, NULL) == 0 ? 0 : reading_broken(reading, err);
}

/* libtiff decodes a page of a TIFF that libvips turns out not to decode. */
static int decode_page(struct reading *reading, VipsImage *page, struct err *err)
{
	struct opening how = {.n = 1, .scale = 1, .fail_on = VIPS_FAIL_ON_ERROR};
	VipsImage *again;
	if (check_decode(reading, page, err) == 0)
		return 0;
	if (reading->by_libtiff)
		return -1;
	reading->by_libtiff = true;
	if (reading_image(reading, &how, &again, err) != 0)
		return -1;
	g_object_unref(again);
	return 0;
}

/* Opens and decodes a page after the first one, which counts as *pixels. */
static int open_and_decode(struct reading *reading, int64_t *pixels, struct err *err)
{
	VipsImage *page;
	int64_t more;
	struct opening how = {.n = 1, .scale = 1, .fail_on = VIPS_FAIL_ON_ERROR};
	if (reading_image(reading, &how, &page, err) != 0)
		return -1;
	int result = reading_check_limits(reading, vips_image_get_width(page), vips_image_get_height(page), 1, err) ||
	             reading_check_channels(reading, page, &more, err) || reading_take(reading, page, err);
	if (result == 0) {
		*pixels += more;
		if (*pixels <= IMAGE_ALL_PIXELS_MAX)
			result = decode_page(reading, page, err);
	}
	g_object_unref(page);
	return result;
}

/* People see the first page: a later one that cannot be decoded is no reason to refuse the file, unless the file
 * breaks off there. */
static int decode_pages(struct reading *reading, struct err *err)
{
	int64_t pixels = reading->pixels_counted;
	for (int page = 1; page < reading->info.frames; page++) {
		if (!reading_next(reading))
			return reading_broken(reading, err);
		if (open_and_decode(reading, &pixels, err) != 0 && image_tiff_is_cut(&reading->source, &reading->tiff))
			return reading_broken(reading, err);
		if (pixels > IMAGE_ALL_PIXELS_MAX)
			return err_set(err, ERR_TOO_LARGE, "the image's pages have too many pixels");
	}
	return 0;
}

/* A still WebP is decoded whole, but shrunk row by row into a small image. */
static double check_scale(const struct reading *reading)
{
	int64_t pixels = reading->info.width * reading->info.height;
	bool still = reading->format->kind == KIND_WEBP && reading->info.frames == 1;
	return still && pixels > 1000 * 1000 ? 0.1 : 1;
}

static int decode_all(struct reading *reading, VipsImage *first, struct err *err)
{
	struct opening how = {.n = -1, .scale = check_scale(reading), .fail_on = VIPS_FAIL_ON_ERROR};
	if (reading->bmp && bmp_unpack(reading->bmp, err) != 0)
		return -1;
	if (reading->format->kind == KIND_TIFF)
		return decode_page(reading, first, err) || decode_pages(reading, err);
	if (reading->info.frames == 1 && how.scale == 1)
		return check_decode(reading, first, err);
	VipsImage *all;
	if (reading_image(reading, &how, &all, err) != 0)
		return -1;
	int result = check_decode(reading, all, err);
	g_object_unref(all);
	return result;
}

static int check_jpeg(const struct image_source *source, int64_t pixels_max, struct image_info *out, struct err *err)
{
	struct reading reading;
	int result = reading_open_jpeg(&reading, source, pixels_max, err);
	if (result == 0 && !image_jpeg_decodes(source, &reading.jpeg))
		result = reading_broken(&reading, err);
	*out = reading.info;
	reading_close(&reading, NULL);
	return result;
}

int reading_check(const struct image_source *source, const char *type, int64_t pixels_max, struct image_info *out,
                  struct err *err)
{
	struct reading reading = {.format = reading_format(type)};
	VipsImage *first;
	int64_t frames;
	if (reading.format && reading.format->kind == KIND_JPEG)
		return check_jpeg(source, pixels_max, out, err);
	if (!image_is_whole(source, type, &frames))
		return reading_broken(&reading, err);
	int result = reading_open(&reading, source, type, pixels_max, VIPS_FAIL_ON_ERROR, &first, err);
	if (result == 0 && frames > reading.info.frames)
		result = reading_check_limits(&reading, reading.info.width, reading.info.height, reading.info.frames = frames,
		                              err);
	if (result == 0) {
		result = decode_all(&reading, first, err);
		*out = reading.info;
	}
	reading_close(&reading, first);
	return result;
}

