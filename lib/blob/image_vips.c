/* Checks images and makes thumbnails by libvips: the module "image". */
#include <libheif/heif.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <vips/vips.h>

#include "base/module.h"
#include "blob/image_bmp.h"
#include "blob/image_jpeg.h"
#include "blob/image_jpeg_header.h"
#include "blob/image_whole.h"

enum { JPEG_QUALITY = 82, WEBP_QUALITY = 80, JXL_PIXEL_BYTES = 16 };

/* --- set-up --------------------------------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool ready;

/* What libvips and its decoders think of an image is told by their results; stderr is the log's. */
static void drop_message(const char *domain, GLogLevelFlags level, const char *message, void *data)
{
	(void)domain, (void)level, (void)message, (void)data;
}

static void set_up(void)
{
	g_log_set_handler("VIPS", (GLogLevelFlags)(G_LOG_LEVEL_MASK & ~G_LOG_LEVEL_ERROR), drop_message,
	                  NULL);
	if (vips_init("image-label-server") != 0)
		return;
	vips_block_untrusted_set(TRUE);
	vips_operation_block_set("VipsForeignLoadJxl", FALSE); /* so called for not being fuzzed by libvips; by libjxl it is */
	vips_concurrency_set(1); /* requests are served side by side already */
	vips_cache_set_max(0);
	/* Above this, memory goes back to the system when it is freed. Unset, glibc raises it to the size
	 * of the largest piece freed (up to 32 MiB), and every thread's heap keeps that much. */
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	ready = true;
}

static int begin(struct err *err)
{
	pthread_once(&once, set_up);
	return ready ? 0 : err_set(err, ERR_INTERNAL, "libvips can't be set up");
}

/* --- memory --------------------------------------------------------------------------------------------- */

/* Decoders that hold an image whole share IMAGE_MEMORY_BUDGET; what needs more waits until it is alone. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	int64_t used;
} memory = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static void memory_take(int64_t bytes)
{
	pthread_mutex_lock(&memory.lock);
	while (memory.used > 0 && memory.used + bytes > IMAGE_MEMORY_BUDGET)
		pthread_cond_wait(&memory.freed, &memory.lock);
	memory.used += bytes;
	pthread_mutex_unlock(&memory.lock);
}

static void memory_give(int64_t bytes)
{
	pthread_mutex_lock(&memory.lock);
	memory.used -= bytes;
	pthread_cond_broadcast(&memory.freed);
	pthread_mutex_unlock(&memory.lock);
}

/* --- opening -------------------------------------------------------------------------------------------- */

/* One image being read. */
struct reading {
	struct image_source source; /* of a TIFF with one page only, the one that is read */
	const struct format *format;
	struct image_info info;
	struct image_tiff tiff;
	struct image_jpeg_header jpeg;
	int64_t pixels_max;
	int64_t pixels_counted; /* of the first frame */
	struct bmp *bmp;
	unsigned char *pixels; /* of a JPEG that was shrunk */
	int64_t memory; /* taken */
	int64_t offset; /* of the stream libvips reads */
};

/* How to open an image. */
struct opening {
	int n; /* 1: the first page; -1: all of them, one below the other */
	double scale; /* decoded at this size, by decoders that then need not hold it whole (WebP) */
	VipsFailOn fail_on;
};
typedef int open_pages(VipsSource *stream, VipsImage **out, const struct opening *how);

static int open_jpeg(VipsSource *stream, VipsImage **out, const struct opening *how)
{
	return vips_jpegload_source(stream, out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", how->fail_on,
	                            NULL);
}

static int open_png(VipsSource *stream, VipsImage **out, const struct opening *how)
{
	return vips_pngload_source(stream, out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", how->fail_on,
	                           NULL);
}

static int open_webp(VipsSource *stream, VipsImage **out, const struct opening *how)
{
	return vips_webpload_source(stream, out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", how->fail_on,
	                            "n", how->n, "scale", how->scale, NULL);
}

static int open_gif(VipsSource *stream, VipsImage **out, const struct opening *how)
{
	return vips_gifload_source(stream, out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", how->fail_on,
	                           "n", how->n, NULL);
}

static int open_tiff(VipsSource *stream, VipsImage **out, const struct opening *how)
{
	return vips_tiffload_source(stream, out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", how->fail_on,
	                            "n", how->n, NULL);
}

/* The primary image, turned upright by libheif. */
static int open_heif(VipsSource *stream, VipsImage **out, const struct opening *how)
{
	return vips_heifload_source(stream, out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", how->fail_on, NULL);
}

static int open_jxl(VipsSource *stream, VipsImage **out, const struct opening *how)
{
	return vips_jxlload_source(stream, out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", how->fail_on, NULL);
}

/* page_by_page: pages may differ in size, so they can't be read one below the other. */
static const struct format {
	const char *type, *name;
	open_pages *open; /* NULL: image_bmp.c */
	bool whole;       /* its decoder always holds a frame whole */
	bool page_by_page;
} formats[] = {
	{"image/jpeg", "JPEG", open_jpeg, false, false}, {"image/png", "PNG", open_png, false, false},
	{"image/webp", "WebP", open_webp, true, false},  {"image/gif", "GIF", open_gif, true, false},
	{"image/tiff", "TIFF", open_tiff, true, true},   {"image/bmp", "BMP", NULL, false, false},
	{"image/avif", "AVIF", open_heif, true, false},  {"image/heic", "HEIC", open_heif, true, false},
	{"image/jxl", "JPEG XL", open_jxl, true, false},
};

static gint64 stream_read(VipsSourceCustom *custom, void *bytes, gint64 len, struct reading *reading)
{
	(void)custom;
	int64_t got = image_source_read(&reading->source, reading->offset, bytes, (size_t)len);
	reading->offset += got > 0 ? got : 0;
	return got;
}

static gint64 stream_seek(VipsSourceCustom *custom, gint64 offset, int whence, struct reading *reading)
{
	(void)custom;
	int64_t base = whence == SEEK_CUR ? reading->offset : whence == SEEK_END ? reading->source.size : 0;
	if (offset < -base || offset > INT64_MAX - base)
		return -1;
	reading->offset = base + offset;
	return reading->offset;
}

/* libvips would map a file into memory, and a file that shrinks meanwhile would kill the process. */
static VipsSource *open_stream(struct reading *reading)
{
	if (reading->source.bytes != NULL && reading->source.patch[0].len == 0)
		return vips_source_new_from_memory(reading->source.bytes, (size_t)reading->source.size);
	VipsSourceCustom *custom = vips_source_custom_new();
	reading->offset = 0;
	g_signal_connect(custom, "read", G_CALLBACK(stream_read), reading);
	g_signal_connect(custom, "seek", G_CALLBACK(stream_seek), reading);
	return VIPS_SOURCE(custom);
}

/* libvips has one buffer of messages for all threads, so what is in it may be of another image. */
static int broken(const struct reading *reading, struct err *err)
{
	vips_error_clear();
	return err_set(err, ERR_UNPROCESSABLE, "the %s image is broken or truncated", reading->format->name);
}

static int open_image(struct reading *reading, const struct opening *how, VipsImage **out, struct err *err)
{
	if (reading->format->open == NULL)
		return bmp_image(reading->bmp, out, err);
	VipsSource *stream = open_stream(reading);
	*out = NULL;
	int result = reading->format->open(stream, out, how);
	g_object_unref(stream); /* the image holds it */
	return result == 0 ? 0 : broken(reading, err);
}

/* --- limits --------------------------------------------------------------------------------------------- */

static int check_limits(const struct reading *reading, int64_t width, int64_t height, int64_t frames, struct err *err)
{
	if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX)
		return err_set(err, ERR_TOO_LARGE, "the image has %lld x %lld pixels; %d a side are taken",
		               (long long)width, (long long)height, IMAGE_SIDE_MAX);
	if (width * height > reading->pixels_max)
		return err_set(err, ERR_TOO_LARGE, "the image has %lld x %lld pixels, more than the %lld of limits.image_pixels",
		               (long long)width, (long long)height, (long long)reading->pixels_max);
	if (frames > IMAGE_FRAMES_MAX)
		return err_set(err, ERR_TOO_LARGE, "the image has %lld frames; %d are taken",
		               (long long)frames, IMAGE_FRAMES_MAX);
	if (width * height * frames > IMAGE_ALL_PIXELS_MAX && frames > 1)
		return err_set(err, ERR_TOO_LARGE, "the image's %lld frames have too many pixels",
		               (long long)frames);
	return 0;
}

static int check_jpeg(struct reading *reading, struct err *err)
{
	const struct image_jpeg_header *jpeg = &reading->jpeg;
	if (!image_jpeg_header(&reading->source, &reading->jpeg))
		return 0; /* libjpeg says what it finds */
	if (jpeg->process == 3 || jpeg->process == 7 || jpeg->process == 11 || jpeg->process == 15)
		return err_set(err, ERR_MEDIA_TYPE, "lossless JPEGs are not taken");
	if (jpeg->process > 2 && jpeg->process != 9 && jpeg->process != 10)
		return err_set(err, ERR_MEDIA_TYPE, "hierarchical JPEGs are not taken");
	if (jpeg->precision != 8)
		return err_set(err, ERR_MEDIA_TYPE, "JPEGs of %d bits a sample are not taken", jpeg->precision);
	if (check_limits(reading, jpeg->width, jpeg->height, 1, err) != 0)
		return -1;
	if (jpeg->work > IMAGE_JPEG_WORK_MAX)
		return err_set(err, ERR_TOO_LARGE, "the image has too many scans for its %lld x %lld pixels",
		               (long long)jpeg->width, (long long)jpeg->height);
	return 0;
}

/* What must be held at once. */
static int check_memory(int64_t bytes, struct err *err)
{
	if (bytes <= IMAGE_WHOLE_BYTES_MAX)
		return 0;
	return err_set(err, ERR_TOO_LARGE,
	               "the image can only be decoded whole, in %lld MB of memory; %d are taken for one (in strips, as most "
	               "formats are decoded, it could have more pixels)",
	               (long long)(bytes / 1000000), IMAGE_WHOLE_BYTES_MAX / 1000000);
}

/* A TIFF may have 65,535 channels: where a pixel has more than 4 bytes, it counts as several. */
static int check_channels(const struct reading *reading, VipsImage *page, int64_t *pixels, struct err *err)
{
	int64_t bytes = (int64_t)vips_format_sizeof(vips_image_get_format(page)) * vips_image_get_bands(page);
	*pixels = (int64_t)vips_image_get_width(page) * vips_image_get_height(page) * (bytes > 4 ? bytes : 4) / 4;
	if (*pixels <= 4 * reading->pixels_max)
		return 0;
	return err_set(err, ERR_TOO_LARGE, "the image has %d channels, too many for its %d x %d pixels",
	               vips_image_get_bands(page), vips_image_get_width(page), vips_image_get_height(page));
}

static int64_t get_int(VipsImage *image, const char *field, int64_t otherwise)
{
	int value;
	return vips_image_get_typeof(image, field) == G_TYPE_INT && vips_image_get_int(image, field,
	                                                                               &value) == 0
	               ? value
	               : otherwise;
}

/* Fills info from the header of the first frame. */
static int read_info(struct reading *reading, VipsImage *header, struct err *err)
{
	struct image_info *info = &reading->info;
	*info = (struct image_info){.type = reading->format->type,
	                            .width = vips_image_get_width(header),
	                            .height = vips_image_get_height(header),
	                            .frames = get_int(header, VIPS_META_N_PAGES, 1),
	                            .orientation = vips_image_get_orientation(header)};
	if (info->orientation < 1 || info->orientation > 8)
		info->orientation = 1;
	if (reading->format->open == open_heif) /* the others are no frames of an animation, and it is turned already */
		info->frames = info->orientation = 1;
	return check_limits(reading, info->width, info->height, info->frames, err) ||
	                       check_channels(reading, header, &reading->pixels_counted, err)
	               ? -1
	               : 0;
}

/* Lossless ones are held whole at any scale; of extended ones the header does not tell. */
static bool is_lossy_webp(const struct image_source *source)
{
	char chunk[4];
	return image_source_read(source, 12, chunk, 4) == 4 && memcmp(chunk, "VP8 ", 4) == 0;
}

/* What the decoder will hold at once. */
static int64_t memory_need(const struct reading *reading, VipsImage *header)
{
	int64_t pixels = reading->info.width * reading->info.height;
	int64_t band_bytes = (int64_t)vips_format_sizeof(vips_image_get_format(header));
	int64_t pixel_bytes = band_bytes * vips_image_get_bands(header);
	if (reading->format->open == open_jpeg)
		return reading->jpeg.in_scans ? reading->jpeg.coefficient_bytes : 0;
	if (reading->format->open == open_png)
		return get_int(header, "interlaced", 0) != 0 ? pixel_bytes * pixels : 0;
	if (reading->bmp != NULL)
		return pixels;
	if (reading->format->open == open_heif) /* as it is coded, in 4:2:0 mostly, and then as RGB */
		return (pixel_bytes + 3 * band_bytes) * pixels;
	if (reading->format->open == open_jxl) /* in floats, and then as it is given out (measured) */
		return (pixel_bytes + JXL_PIXEL_BYTES) * pixels;
	if (reading->format->open == open_webp && reading->info.frames == 1 && is_lossy_webp(&reading->source))
		return 0;
	/* The frame, and of an animation the canvas it is drawn on. */
	return reading->format->whole ? pixel_bytes * pixels * (reading->info.frames > 1 ? 2 : 1) : 0;
}

static const struct format *find_format(const char *type)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].type, type) == 0)
			return &formats[i];
	return NULL;
}

/* libheif itself comes without codecs: they are other packages, or plug-ins. */
static bool heif_can(const char *type)
{
	bool avif = strcmp(type, "image/avif") == 0;
	return vips_type_find("VipsOperation", "heifload_source") != 0 &&
	       heif_have_decoder_for_format(avif ? heif_compression_AV1 : heif_compression_HEVC);
}

static bool can(const char *type)
{
	struct err ignored;
	const struct format *format = find_format(type);
	if (begin(&ignored) != 0 || format == NULL)
		return false;
	if (format->open == open_jxl)
		return vips_type_find("VipsOperation", "jxlload_source") != 0;
	return format->open != open_heif || heif_can(type);
}

/* Opens the first frame, within the limits; nothing is decoded yet. */
static int open_first(struct reading *reading, const struct image_source *source, const char *type, int64_t pixels_max,
                      VipsFailOn fail_on, VipsImage **out, struct err *err)
{
	*reading = (struct reading){.source = *source, .format = find_format(type), .pixels_max = pixels_max};
	*out = NULL;
	if (begin(err) != 0)
		return -1;
	if (reading->format == NULL || !can(type))
		return err_set(err, ERR_MEDIA_TYPE, "%s can't be decoded on this machine: a codec is not installed",
		               reading->format == NULL ? type : reading->format->name);
	if (reading->format->open == NULL) {
		int64_t width, height;
		if (bmp_open(&reading->bmp, source, err) != 0)
			return -1;
		bmp_size(reading->bmp, &width, &height);
		if (check_limits(reading, width, height, 1, err) != 0)
			return -1;
	}
	if (reading->format->open == open_jpeg && check_jpeg(reading, err) != 0)
		return -1;
	if (reading->format->page_by_page && !image_tiff_next(&reading->source, &reading->tiff) &&
	    fail_on != VIPS_FAIL_ON_NONE)
		return broken(reading, err);
	struct opening how = {.n = 1, .scale = 1, .fail_on = fail_on};
	if (open_image(reading, &how, out, err) != 0 || read_info(reading, *out, err) != 0)
		return -1;
	int64_t need = memory_need(reading, *out);
	if (check_memory(need, err) != 0)
		return -1;
	memory_take(reading->memory = need);
	return 0;
}

static void close_reading(struct reading *reading, VipsImage *image)
{
	if (image != NULL)
		g_object_unref(image);
	bmp_free(reading->bmp);
	free(reading->pixels);
	memory_give(reading->memory);
	vips_error_clear();
}

/* --- checking ------------------------------------------------------------------------------------------- */

static int drop_pixels(VipsRegion *region, void *sequence, void *a, void *b, gboolean *stop)
{
	(void)region, (void)sequence, (void)a, (void)b, (void)stop;
	return 0;
}

static int decode(struct reading *reading, VipsImage *image, struct err *err)
{
	return vips_sink(image, NULL, drop_pixels, NULL, NULL, NULL) == 0 ? 0 : broken(reading, err);
}

static int decode_pages(struct reading *reading, struct err *err)
{
	int64_t pixels = reading->pixels_counted, of_page;
	for (int page = 1; page < reading->info.frames; page++) {
		VipsImage *image;
		struct opening how = {.n = 1, .scale = 1, .fail_on = VIPS_FAIL_ON_ERROR};
		if (!image_tiff_next(&reading->source, &reading->tiff))
			return broken(reading, err);
		if (open_image(reading, &how, &image, err) != 0)
			return -1;
		int result = check_limits(reading, vips_image_get_width(image), vips_image_get_height(image), 1, err) ||
		             check_channels(reading, image, &of_page, err);
		if (result == 0 && (pixels += of_page) > IMAGE_ALL_PIXELS_MAX)
			result = err_set(err, ERR_TOO_LARGE, "the image's pages have too many pixels");
		if (result == 0)
			result = decode(reading, image, err);
		g_object_unref(image);
		if (result != 0)
			return -1;
	}
	return 0;
}

/* A still WebP is decoded wholly, but shrunk row by row into a small image. */
static double check_scale(const struct reading *reading)
{
	int64_t pixels = reading->info.width * reading->info.height;
	bool still = reading->format->open == open_webp && reading->info.frames == 1;
	return still && pixels > 1000 * 1000 ? 0.1 : 1;
}

static int decode_all(struct reading *reading, VipsImage *first, struct err *err)
{
	struct opening how = {.n = -1, .scale = check_scale(reading), .fail_on = VIPS_FAIL_ON_ERROR};
	if (reading->bmp != NULL && bmp_unpack(reading->bmp, err) != 0)
		return -1;
	if (reading->format->open == open_jpeg)
		return image_jpeg_decodes(&reading->source) ? 0 : broken(reading, err);
	if (reading->format->page_by_page || (reading->info.frames == 1 && how.scale == 1))
		return decode(reading, first, err) || decode_pages(reading, err) ? -1 : 0;
	VipsImage *all;
	if (open_image(reading, &how, &all, err) != 0)
		return -1;
	int result = decode(reading, all, err);
	g_object_unref(all);
	return result;
}

static int check(const struct image_source *source, const char *type, int64_t pixels_max, struct image_info *out,
                 struct err *err)
{
	struct reading reading = {.format = find_format(type)};
	VipsImage *first;
	int64_t frames;
	if (!image_is_whole(source, type, &frames))
		return broken(&reading, err);
	int result = open_first(&reading, source, type, pixels_max, VIPS_FAIL_ON_ERROR, &first, err);
	if (result == 0 && frames > reading.info.frames)
		result = check_limits(&reading, reading.info.width, reading.info.height, reading.info.frames = frames,
		                      err);
	if (result == 0) {
		result = decode_all(&reading, first, err);
		*out = reading.info;
	}
	close_reading(&reading, first);
	return result;
}

/* --- thumbnails ----------------------------------------------------------------------------------------- */

/* What a JPEG is shrunk by while it is decoded, which takes the mean of so many pixels: at most so that another
 * halving, nearly, is left for the finer way. */
static unsigned jpeg_shrink(const struct image_info *info, int side)
{
	int64_t larger = info->width > info->height ? info->width : info->height;
	unsigned shrink = 8;
	while (shrink > 1 && larger * 10 < side * 19 * (int64_t)shrink)
		shrink /= 2;
	return shrink;
}

/* To the size that it has as a thumbnail of `info`'s image, and turned upright. */
static int fit(VipsImage *image, const struct image_info *info, int side, VipsImage **out)
{
	int64_t larger = info->width > info->height ? info->width : info->height;
	double width = (double)(info->width * side) / (double)larger;
	double height = (double)(info->height * side) / (double)larger;
	VipsImage *small = NULL;
	vips_image_set_int(image, VIPS_META_ORIENTATION, info->orientation);
	/* A pixel is the mean of many already: the sharper and slower kernel adds nothing to see. */
	int result = vips_resize(image, &small, fmax(rint(width), 1) / vips_image_get_width(image), "vscale",
	                         fmax(rint(height), 1) / vips_image_get_height(image), "kernel",
	                         VIPS_KERNEL_CUBIC, NULL) ||
	             vips_autorot(small, out, NULL);
	if (small != NULL)
		g_object_unref(small);
	return result;
}

/* A JPEG without a color profile; false when it is to be done by libvips alone. */
static bool shrink_jpeg(struct reading *reading, VipsImage *first, int side, VipsImage **out)
{
	unsigned by = jpeg_shrink(&reading->info, side);
	struct image_jpeg_pixels pixels;
	VipsImage *image, *copy = NULL;
	if (reading->format->open != open_jpeg || by == 1 ||
	    vips_image_get_typeof(first, VIPS_META_ICC_NAME) != 0 ||
	    !image_jpeg_shrunk(&reading->source, by, &pixels))
		return false;
	reading->pixels = pixels.bytes;
	size_t size = (size_t)pixels.width * (size_t)pixels.height * (size_t)pixels.bands;
	image = vips_image_new_from_memory(pixels.bytes, size, pixels.width, pixels.height, pixels.bands,
	                                   VIPS_FORMAT_UCHAR);
	bool done = image != NULL &&
	           vips_copy(image, &copy, "interpretation",
	                     pixels.bands == 1 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB, NULL) == 0 &&
	           fit(copy, &reading->info, side, out) == 0;
	if (copy != NULL)
		g_object_unref(copy);
	if (image != NULL)
		g_object_unref(image);
	return done;
}

/* The first frame, shrunk while it is decoded where the format can. */
static int shrink(struct reading *reading, VipsImage *first, int side, VipsImage **out)
{
	if (reading->bmp != NULL)
		return vips_thumbnail_image(first, out, side, "height", side, "size", VIPS_SIZE_DOWN, NULL);
	if (shrink_jpeg(reading, first, side, out))
		return 0;
	VipsSource *stream = open_stream(reading);
	int result;
	if (vips_image_get_typeof(first, VIPS_META_ICC_NAME) == 0) /* sRGB or gray; the other way takes 9 ms */
		result = vips_thumbnail_source(stream, out, side, "height", side, "size", VIPS_SIZE_DOWN,
		                               "fail_on", VIPS_FAIL_ON_NONE, NULL);
	else
		result = vips_thumbnail_source(stream, out, side, "height", side, "size", VIPS_SIZE_DOWN,
		                               "fail_on", VIPS_FAIL_ON_NONE, "export_profile", "srgb", NULL);
	g_object_unref(stream);
	return result;
}

static int encode(VipsImage *image, void **bytes, size_t *len, const char **type)
{
	if (vips_image_hasalpha(image)) {
		*type = "image/webp";
		return vips_webpsave_buffer(image, bytes, len, "Q", WEBP_QUALITY, "strip", TRUE, NULL);
	}
	*type = "image/jpeg";
	return vips_jpegsave_buffer(image, bytes, len, "Q", JPEG_QUALITY, "strip", TRUE, "optimize_coding",
	                            TRUE, NULL);
}

static int thumb(const struct image_source *source, const char *type, int64_t pixels_max, int side, struct buf *out,
                 const char **thumb_type, struct err *err)
{
	struct reading reading;
	VipsImage *first, *small = NULL;
	int result = open_first(&reading, source, type, pixels_max, VIPS_FAIL_ON_NONE, &first, err);
	if (result == 0) {
		void *bytes = NULL;
		size_t len = 0;
		if (reading.bmp != NULL && bmp_unpack(reading.bmp, err) != 0)
			result = -1;
		else if (shrink(&reading, first, side, &small) != 0 || encode(small, &bytes, &len,
		                                                         thumb_type) != 0)
			result = broken(&reading, err);
		else if (len > IMAGE_THUMB_BYTES_MAX || buf_add(out, bytes, len) != 0)
			result = err_set(err, ERR_INTERNAL, "the thumbnail has %zu bytes", len);
		g_free(bytes);
		if (small != NULL)
			g_object_unref(small);
	}
	close_reading(&reading, first);
	return result;
}

MODULE_EXPORT extern const struct image_module image_module;
const struct image_module image_module = {check, thumb, can};
