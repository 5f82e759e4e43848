/* Makes thumbnails that show what a browser would show. */
#include <math.h>

#include "image/jpeg.h"
#include "image/reading.h"
#include "image/whole.h"

enum {
	JPEG_QUALITY = 82,
	WEBP_QUALITY = 80,
	FINE_SIDE = 64, /* sides up to which a thumbnail keeps all of its colors */
};

/* --- sizes -------------------------------------------------------------------------------------------------------- */

/* The factor by which a JPEG is shrunk while it is decoded, which averages pixels; the finer way must have at least
 * almost another halving left to do. */
static unsigned jpeg_shrink(const struct image_info *info, int side)
{
	int64_t larger = info->width > info->height ? info->width : info->height;
	unsigned shrink = 8;
	while (shrink > 1 && larger * 10 < side * 19 * (int64_t)shrink)
		shrink /= 2;
	return shrink;
}

/* Resizes the image to the size of a thumbnail of `info`'s image, and turns it upright. */
static int fit(VipsImage *image, const struct image_info *info, int side, VipsImage **out)
{
	int64_t larger = info->width > info->height ? info->width : info->height;
	double shown = larger < side ? (double)larger : side;
	double width = (double)info->width * shown / (double)larger;
	double height = (double)info->height * shown / (double)larger;
	VipsImage *small = NULL;
	vips_image_set_int(image, VIPS_META_ORIENTATION, info->orientation);
	/* Each pixel is the mean of many already: a sharper, slower kernel would make no visible difference. */
	int result = vips_resize(image, &small, fmax(rint(width), 1) / vips_image_get_width(image), "vscale",
	                         fmax(rint(height), 1) / vips_image_get_height(image), "kernel",
	                         VIPS_KERNEL_CUBIC, NULL) ||
	             vips_autorot(small, out, NULL);
	if (small)
		g_object_unref(small);
	return result;
}

static bool has_profile(VipsImage *image)
{
	return vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0;
}

/* --- what browsers show ------------------------------------------------------------------------------------------- */

/* As in Chromium: samples are the 1/gamma-th power of light, which is then coded as in sRGB. */
static int apply_gamma(VipsImage *image, double gamma, VipsImage **out)
{
	bool deep = vips_image_get_format(image) == VIPS_FORMAT_USHORT;
	int values = deep ? 65536 : 256, bands = vips_image_get_bands(image), colors = bands < 3 ? 1 : 3;
	unsigned short *table = g_new(unsigned short, values);
	for (int i = 0; i < values; i++) {
		double light = pow((double)i / (values - 1), 1 / gamma);
		double coded = light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055;
		table[i] = (unsigned short)lrint(coded * (values - 1));
	}
	VipsImage *step[6] = {NULL};
	step[0] = vips_image_new_from_memory(table, (size_t)values * 2, values, 1, 1, VIPS_FORMAT_USHORT);
	int result = !step[0] ||
	             vips_cast(step[0], &step[1], deep ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR, NULL) ||
	             !(step[2] = vips_image_copy_memory(step[1])) ||
	             vips_extract_band(image, &step[3], 0, "n", colors, NULL) || vips_maplut(step[3], &step[4], step[2], NULL);
	if (result == 0 && bands > colors)
		result = vips_extract_band(image, &step[5], colors, "n", bands - colors, NULL) ||
		         vips_bandjoin2(step[4], step[5], out, NULL);
	else if (result == 0)
		*out = g_object_ref(step[4]);
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++)
		if (step[i])
			g_object_unref(step[i]);
	g_free(table);
	return result;
}

/* Makes transparent what the first frame of a GIF does not paint. */
static int apply_canvas(VipsImage *image, const struct image_rect *frame, VipsImage **out)
{
	int width = vips_image_get_width(image), height = vips_image_get_height(image);
	VipsRect canvas = {0, 0, width, height}, rect = {frame->left, frame->top, frame->width, frame->height};
	VipsImage *step[3] = {NULL};
	vips_rect_intersectrect(&canvas, &rect, &rect);
	if (vips_image_hasalpha(image) || vips_rect_isempty(&rect) || vips_rect_equalsrect(&canvas, &rect)) {
		*out = g_object_ref(image);
		return 0;
	}
	int result = vips_extract_area(image, &step[0], rect.left, rect.top, rect.width, rect.height, NULL) ||
	             vips_bandjoin_const1(step[0], &step[1], 255, NULL) ||
	             vips_embed(step[1], &step[2], rect.left, rect.top, width, height, NULL) ||
	             vips_copy(step[2], out, NULL);
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++)
		if (step[i])
			g_object_unref(step[i]);
	return result;
}

/* Computes the first frame's pixels as a browser does. */
static int as_shown(const struct reading *reading, VipsImage *image, VipsImage **out)
{
	struct image_rect frame;
	double gamma;
	if (reading->format->kind == KIND_PNG && image_png_gamma(&reading->source, &gamma))
		return apply_gamma(image, gamma, out);
	if (reading->format->kind == KIND_GIF && image_gif_frame(&reading->source, &frame))
		return apply_canvas(image, &frame, out);
	*out = g_object_ref(image);
	return 0;
}

/* --- numbers that are no colors ----------------------------------------------------------------------------------- */

/* Whether the values may be of any range: measured, or computed. */
static bool is_measured(VipsImage *image)
{
	VipsBandFormat format = vips_image_get_format(image);
	VipsInterpretation meant = vips_image_get_interpretation(image);
	return format != VIPS_FORMAT_UCHAR && format != VIPS_FORMAT_USHORT && meant != VIPS_INTERPRETATION_LAB &&
	       meant != VIPS_INTERPRETATION_LABS && meant != VIPS_INTERPRETATION_XYZ;
}

static void stretch(const float *from, unsigned char *to, size_t count)
{
	float least = 0, most = 0;
	bool any = false;
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(from[i]))
			continue;
		least = any && least < from[i] ? least : from[i];
		most = any && most > from[i] ? most : from[i];
		any = true;
	}
	for (size_t i = 0; i < count; i++) {
		float part = most > least && isfinite(from[i]) ? (from[i] - least) / (most - least) : 0;
		to[i] = (unsigned char)lrintf(part * 255);
	}
}

/* Shrinks the image, and maps its least value to black and its greatest to white. */
static int shrink_measured(VipsImage *image, const struct image_info *info, int side, VipsImage **out)
{
	int bands = vips_image_get_bands(image) < 3 ? 1 : 3;
	VipsImage *step[4] = {NULL};
	unsigned char *bytes = NULL;
	size_t len = 0;
	int result = vips_extract_band(image, &step[0], 0, "n", bands, NULL) ||
	             vips_cast(step[0], &step[1], VIPS_FORMAT_FLOAT, NULL) || fit(step[1], info, side, &step[2]);
	float *values = result == 0 ? vips_image_write_to_memory(step[2], &len) : NULL;
	if (values) {
		bytes = g_malloc(len / sizeof(float));
		stretch(values, bytes, len / sizeof(float));
		step[3] = vips_image_new_from_memory_copy(bytes, len / sizeof(float), vips_image_get_width(step[2]),
		                                          vips_image_get_height(step[2]), bands, VIPS_FORMAT_UCHAR);
	}
	result = !step[3] ? -1
	                  : vips_copy(step[3], out, "interpretation",
	                              bands == 1 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB, NULL);
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++)
		if (step[i])
			g_object_unref(step[i]);
	g_free(values);
	g_free(bytes);
	return result;
}

/* --- shrinking ---------------------------------------------------------------------------------------------------- */

/* Shrinks a JPEG without a color profile; false when libvips has to do it. */
static bool shrink_jpeg(struct reading *reading, int side, VipsImage **out)
{
	unsigned by = jpeg_shrink(&reading->info, side);
	struct image_jpeg_pixels pixels;
	VipsImage *image, *copy = NULL;
	if (reading->format->kind != KIND_JPEG || by == 1 || !image_jpeg_shrunk(&reading->source, by, &pixels))
		return false;
	size_t size = (size_t)pixels.width * (size_t)pixels.height * (size_t)pixels.bands;
	image = vips_image_new_from_memory_copy(pixels.bytes, size, pixels.width, pixels.height, pixels.bands,
	                                        VIPS_FORMAT_UCHAR);
	free(pixels.bytes);
	bool done = image &&
	            vips_copy(image, &copy, "interpretation",
	                      pixels.bands == 1 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB, NULL) == 0 &&
	            fit(copy, &reading->info, side, out) == 0;
	if (copy)
		g_object_unref(copy);
	if (image)
		g_object_unref(image);
	return done;
}

/* Converting colors by a profile takes 9 ms longer. */
static int shrink_image(const struct reading *reading, VipsImage *image, bool by_profile, int side, VipsImage **out)
{
	VipsImage *copy = NULL;
	gboolean upright = !reading->format->turned;
	int result;
	if (is_measured(image))
		return shrink_measured(image, &reading->info, side, out);
	if (by_profile && has_profile(image))
		return vips_thumbnail_image(image, out, side, "height", side, "size", VIPS_SIZE_DOWN, "no_rotate", upright,
		                            "export_profile", "srgb", NULL);
	if (vips_copy(image, &copy, NULL) != 0)
		return -1;
	vips_image_remove(copy, VIPS_META_ICC_NAME);
	result = vips_thumbnail_image(copy, out, side, "height", side, "size", VIPS_SIZE_DOWN, "no_rotate", upright, NULL);
	g_object_unref(copy);
	return result;
}

/* Shrinks the image while it is decoded. */
static int shrink_stream(struct reading *reading, bool profile, int side, VipsImage **out)
{
	VipsSource *stream = reading_stream(reading);
	gboolean upright = !reading->format->turned;
	int result = profile ? vips_thumbnail_source(stream, out, side, "height", side, "size", VIPS_SIZE_DOWN, "no_rotate",
	                                             upright, "fail_on", VIPS_FAIL_ON_NONE, "export_profile", "srgb", NULL)
	                     : vips_thumbnail_source(stream, out, side, "height", side, "size", VIPS_SIZE_DOWN, "no_rotate",
	                                             upright, "fail_on", VIPS_FAIL_ON_NONE, NULL);
	g_object_unref(stream);
	return result;
}

/* Shrinks the first frame. Its profile may be wrong, since that only refines the colors: without by_profile it is
 * ignored. */
static int thumb_shrink(struct reading *reading, VipsImage *first, bool by_profile, int side, VipsImage **out,
                        struct err *err)
{
	struct opening how = {.n = 1, .scale = 1, .fail_on = VIPS_FAIL_ON_NONE};
	bool profile = has_profile(first), streams = reading->format->kind == KIND_JPEG || reading->format->kind == KIND_WEBP;
	VipsImage *image, *shown = NULL;
	if ((!profile || !by_profile) && shrink_jpeg(reading, side, out))
		return 0;
	if (streams && (by_profile || !profile))
		return shrink_stream(reading, profile, side, out);
	if (reading_image(reading, &how, &image, err) != 0)
		return -1;
	int result = as_shown(reading, image, &shown) || shrink_image(reading, shown, by_profile, side, out);
	if (shown)
		g_object_unref(shown);
	g_object_unref(image);
	return result;
}

static int thumb_encode(VipsImage *image, void **bytes, size_t *len, const char **type)
{
	bool fine = vips_image_get_width(image) <= FINE_SIDE && vips_image_get_height(image) <= FINE_SIDE;
	if (vips_image_hasalpha(image)) {
		*type = "image/webp";
		return vips_webpsave_buffer(image, bytes, len, "Q", WEBP_QUALITY, "strip", TRUE, NULL);
	}
	*type = "image/jpeg";
	return vips_jpegsave_buffer(image, bytes, len, "Q", JPEG_QUALITY, "strip", TRUE, "optimize_coding", TRUE,
	                            "subsample_mode", fine ? VIPS_FOREIGN_SUBSAMPLE_OFF : VIPS_FOREIGN_SUBSAMPLE_AUTO, NULL);
}

/* Tries the ways to make a thumbnail until one works. libvips fails only when it encodes. */
static int shrink_and_encode(struct reading *reading, VipsImage *first, int side, void **bytes, size_t *len,
                             const char **type, struct err *err)
{
	enum { AS_IT_IS, WITHOUT_PROFILE, BY_LIBTIFF, WAYS };
	for (int way = AS_IT_IS; way < WAYS; way++) {
		VipsImage *small = NULL;
		if (way == BY_LIBTIFF && (reading->format->kind != KIND_TIFF || reading->by_libtiff))
			continue;
		reading->by_libtiff = reading->by_libtiff || way == BY_LIBTIFF;
		int result = thumb_shrink(reading, first, way == AS_IT_IS, side, &small, err) ||
		             thumb_encode(small, bytes, len, type);
		if (small)
			g_object_unref(small);
		if (result == 0)
			return 0;
	}
	return reading_broken(reading, err);
}

int reading_thumb(const struct image_source *source, const char *type, int64_t pixels_max, int side, struct buf *out,
                  const char **thumb_type, struct err *err)
{
	struct reading reading;
	VipsImage *first;
	int result = reading_open(&reading, source, type, pixels_max, VIPS_FAIL_ON_NONE, &first, err);
	if (result == 0) {
		void *bytes = NULL;
		size_t len = 0;
		result = (reading.bmp && bmp_unpack(reading.bmp, err)) ||
		         shrink_and_encode(&reading, first, side, &bytes, &len, thumb_type, err);
		if (result == 0 && (len > IMAGE_THUMB_BYTES_MAX || buf_add(out, bytes, len) != 0))
			result = err_set(err, ERR_INTERNAL, "the thumbnail has %zu bytes", len);
		g_free(bytes);
	}
	reading_close(&reading, first);
	return result;
}
