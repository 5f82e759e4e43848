/* Opens images by libvips. */
#include "image/reading.h"

#include <libheif/heif.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "image/tiff_pixels.h"
#include "image/walk.h"

enum { JXL_PIXEL_BYTES = 16, LIBTIFF_PIXEL_BYTES = 8, ROWS_MAX = 1 << 24 };

/* --- set-up ------------------------------------------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_bool ready;

/* What libvips and its decoders think of an image shows in their results; stderr is the log's. */
static void drop_message(const char *domain, GLogLevelFlags level, const char *message, void *data)
{
	(void)domain, (void)level, (void)message, (void)data;
}

static void vips_set_up(void)
{
	g_log_set_handler("VIPS", (GLogLevelFlags)(G_LOG_LEVEL_MASK & ~G_LOG_LEVEL_ERROR), drop_message,
	                  NULL);
	if (vips_init("image-label-server") != 0)
		return;
	vips_block_untrusted_set(TRUE);
	vips_operation_block_set("VipsForeignLoadJxl", FALSE); /* so called for not being fuzzed by libvips; by libjxl it is */
	vips_concurrency_set(1);                               /* there are as many decoders as processors already */
	vips_cache_set_max(0);
	/* Above this, memory goes back to the system when it is freed. Unset, glibc raises it to the size
	 * of the largest piece freed (up to 32 MiB), and every thread's heap keeps that much. */
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	ready = true;
}

static int reading_begin(struct err *err)
{
	pthread_once(&once, vips_set_up);
	return ready ? 0 : err_set(err, ERR_INTERNAL, "libvips can't be set up");
}

/* libvips has one buffer of messages for all threads, so its content may be about another image. The buffer does not
 * exist before libvips is set up. */
static void forget_messages(void)
{
	if (ready)
		vips_error_clear();
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

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

static int reading_open_tiff(VipsSource *stream, VipsImage **out, const struct opening *how)
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

static const struct format formats[] = {
	{"image/jpeg", "JPEG", KIND_JPEG, open_jpeg, false, true}, {"image/png", "PNG", KIND_PNG, open_png, false, true},
	{"image/webp", "WebP", KIND_WEBP, open_webp, true, false}, {"image/gif", "GIF", KIND_GIF, open_gif, true, false},
	{"image/tiff", "TIFF", KIND_TIFF, reading_open_tiff, false, true}, {"image/bmp", "BMP", KIND_BMP, NULL, false, false},
	{"image/avif", "AVIF", KIND_HEIF, open_heif, true, false}, {"image/heic", "HEIC", KIND_HEIF, open_heif, true, false},
	{"image/jxl", "JPEG XL", KIND_JXL, open_jxl, true, false},
};

const struct format *reading_format(const char *type)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].type, type) == 0)
			return &formats[i];
	return NULL;
}

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
VipsSource *reading_stream(struct reading *reading)
{
	if (reading->source.bytes && reading->source.patch[0].len == 0)
		return vips_source_new_from_memory(reading->source.bytes, (size_t)reading->source.size);
	VipsSourceCustom *custom = vips_source_custom_new();
	reading->offset = 0;
	g_signal_connect(custom, "read", G_CALLBACK(stream_read), reading);
	g_signal_connect(custom, "seek", G_CALLBACK(stream_seek), reading);
	return VIPS_SOURCE(custom);
}

int reading_broken(const struct reading *reading, struct err *err)
{
	forget_messages();
	return err_set(err, ERR_UNPROCESSABLE, "the %s image is broken or truncated", reading->format->name);
}

/* Checks the memory that must be held at once. */
static int check_memory(const struct reading *reading, int64_t bytes, struct err *err)
{
	int most = reading->format->kind == KIND_HEIF ? IMAGE_HEIF_BYTES_MAX : IMAGE_WHOLE_BYTES_MAX;
	if (bytes <= most)
		return 0;
	return err_set(err, ERR_TOO_LARGE,
	               "the image can only be decoded whole, in %lld MB of memory; %d are allowed (in strips, as most "
	               "formats are decoded, it could have more pixels)",
	               (long long)(bytes / 1000000), most / 1000000);
}

static int hold(struct reading *reading, int64_t bytes, struct err *err)
{
	if (check_memory(reading, bytes, err) != 0)
		return -1;
	reading->memory = bytes;
	return 0;
}

/* Reads whole, by libtiff, what libvips does not read. */
static int open_by_libtiff(struct reading *reading, VipsImage **out, struct err *err)
{
	const struct image_tiff_page *page = &reading->tiff.page;
	reading->by_libtiff = true;
	forget_messages();
	int64_t width = page->width < INT32_MAX ? (int64_t)page->width : INT32_MAX;
	int64_t height = page->height < INT32_MAX ? (int64_t)page->height : INT32_MAX;
	if (reading_check_limits(reading, width, height, 1, err) != 0 ||
	    hold(reading, LIBTIFF_PIXEL_BYTES * width * height, err) != 0)
		return -1;
	return image_tiff_pixels(&reading->source, reading->pixels_max, out, err);
}

int reading_image(struct reading *reading, const struct opening *how, VipsImage **out, struct err *err)
{
	*out = NULL;
	if (!reading->format->open)
		return bmp_image(reading->bmp, out, err);
	if (reading->jpeg_work > IMAGE_JPEG_WORK_MAX)
		return err_set(err, ERR_TOO_LARGE, "the image has too many scans for its pixels");
	if (reading->by_libtiff)
		return open_by_libtiff(reading, out, err);
	VipsSource *stream = reading_stream(reading);
	int result = reading->format->open(stream, out, how);
	g_object_unref(stream); /* the image holds it */
	if (result != 0 && reading->format->kind == KIND_TIFF)
		return open_by_libtiff(reading, out, err);
	return result == 0 ? 0 : reading_broken(reading, err);
}

/* The work of decoding a page's JPEGs, as in image_jpeg_header; 0 when none has several scans. */
static int64_t tiff_jpeg_work(const struct image_source *source, const struct image_tiff *tiff)
{
	enum { JPEG = 7 };
	const struct image_tiff_list *offsets = &tiff->page.offsets, *lengths = &tiff->page.lengths;
	struct walk offset = {.source = source, .at = offsets->at}, length = {.source = source, .at = lengths->at};
	int64_t work = 0;
	bool ok = tiff->page.compression == JPEG;
	for (uint64_t i = 0; ok && i < offsets->count && i < lengths->count && work <= IMAGE_JPEG_WORK_MAX; i++) {
		uint64_t from = walk_number(&offset, offsets->size, tiff->big_endian, &ok);
		uint64_t len = walk_number(&length, lengths->size, tiff->big_endian, &ok);
		struct image_jpeg_header header;
		if (!ok || from > (uint64_t)source->size || len > (uint64_t)source->size - from)
			break;
		struct image_source strip = {.bytes = source->bytes, .fd = source->fd, .from = source->from + (int64_t)from,
		                             .size = (int64_t)len};
		image_jpeg_header(&strip, &header);
		work += header.in_scans ? header.work : 0;
	}
	return work;
}

bool reading_next(struct reading *reading)
{
	reading->by_libtiff = false;
	if (!image_tiff_next(&reading->source, &reading->tiff))
		return false;
	reading->jpeg_work = tiff_jpeg_work(&reading->source, &reading->tiff);
	return true;
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

int reading_check_limits(const struct reading *reading, int64_t width, int64_t height, int64_t frames, struct err *err)
{
	if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX)
		return err_set(err, ERR_TOO_LARGE, "the image has %lld x %lld pixels; %d a side are allowed",
		               (long long)width, (long long)height, IMAGE_SIDE_MAX);
	if (width * height > reading->pixels_max)
		return err_set(err, ERR_TOO_LARGE, "the image has %lld x %lld pixels, more than the %lld of limits.image_pixels",
		               (long long)width, (long long)height, (long long)reading->pixels_max);
	if (frames > IMAGE_FRAMES_MAX)
		return err_set(err, ERR_TOO_LARGE, "the image has %lld frames; %d are allowed",
		               (long long)frames, IMAGE_FRAMES_MAX);
	if (width * height * frames > IMAGE_ALL_PIXELS_MAX && frames > 1)
		return err_set(err, ERR_TOO_LARGE, "the image's %lld frames have too many pixels",
		               (long long)frames);
	return 0;
}

/* Reads only the header: libvips takes a fifth of the decoding time just to open the image. */
static int open_jpeg_header(struct reading *reading, struct err *err)
{
	const struct image_jpeg_header *jpeg = &reading->jpeg;
	if (!image_jpeg_header(&reading->source, &reading->jpeg))
		return reading_broken(reading, err);
	if (jpeg->process == 3 || jpeg->process == 7 || jpeg->process == 11 || jpeg->process == 15)
		return err_set(err, ERR_MEDIA_TYPE, "lossless JPEGs are not supported");
	if (jpeg->process > 2 && jpeg->process != 9 && jpeg->process != 10)
		return err_set(err, ERR_MEDIA_TYPE, "hierarchical JPEGs are not supported");
	if (jpeg->precision != 8)
		return err_set(err, ERR_MEDIA_TYPE, "JPEGs of %d bits a sample are not supported", jpeg->precision);
	if (reading_check_limits(reading, jpeg->width, jpeg->height, 1, err) != 0)
		return -1;
	if (jpeg->work > IMAGE_JPEG_WORK_MAX)
		return err_set(err, ERR_TOO_LARGE, "the image has too many scans for its %lld x %lld pixels",
		               (long long)jpeg->width, (long long)jpeg->height);
	reading->info = (struct image_info){.type = reading->format->type,
	                                    .width = jpeg->width,
	                                    .height = jpeg->height,
	                                    .frames = 1,
	                                    .orientation = jpeg->orientation};
	return hold(reading, jpeg->in_scans ? jpeg->coefficient_bytes : 0, err);
}

int reading_open_jpeg(struct reading *reading, const struct image_source *source, int64_t pixels_max, struct err *err)
{
	*reading = (struct reading){.source = *source, .format = reading_format("image/jpeg"), .pixels_max = pixels_max};
	return open_jpeg_header(reading, err);
}

/* A TIFF may have 65,535 channels: where a pixel has more than 4 bytes, it counts as several. */
int reading_check_channels(const struct reading *reading, VipsImage *page, int64_t *pixels, struct err *err)
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
	if (!reading->format->turned)
		info->orientation = 1;
	if (reading->format->kind == KIND_HEIF) /* its other images are no frames of an animation */
		info->frames = 1;
	return reading_check_limits(reading, info->width, info->height, info->frames, err) ||
	       reading_check_channels(reading, header, &reading->pixels_counted, err);
}

/* A lossless WebP is held whole at any scale; an extended one's header does not say whether it is. */
static bool is_lossy_webp(const struct image_source *source)
{
	char chunk[4];
	return image_source_read(source, 12, chunk, 4) == 4 && memcmp(chunk, "VP8 ", 4) == 0;
}

/* Bytes of a strip, or two rows of tiles; libtiff already holds its image whole. */
static int64_t tiff_need(const struct reading *reading, VipsImage *page, int64_t pixel_bytes)
{
	const struct image_tiff_page *told = &reading->tiff.page;
	int64_t height = vips_image_get_height(page), rows = height;
	if (reading->by_libtiff)
		return reading->memory;
	if (told->tile_height > 0)
		rows = told->tile_height < ROWS_MAX ? 2 * (int64_t)told->tile_height : ROWS_MAX;
	else if (told->rows_per_strip > 0 && told->rows_per_strip < (uint64_t)height)
		rows = (int64_t)told->rows_per_strip;
	return rows * vips_image_get_width(page) * pixel_bytes;
}

/* The bytes that the decoder will hold at once. */
static int64_t memory_need(const struct reading *reading, VipsImage *header)
{
	int64_t pixels = reading->info.width * reading->info.height;
	int64_t band_bytes = (int64_t)vips_format_sizeof(vips_image_get_format(header));
	int64_t pixel_bytes = band_bytes * vips_image_get_bands(header);
	if (reading->format->kind == KIND_JPEG)
		return reading->jpeg.in_scans ? reading->jpeg.coefficient_bytes : 0;
	if (reading->format->kind == KIND_PNG)
		return get_int(header, "interlaced", 0) != 0 ? pixel_bytes * pixels : 0;
	if (reading->bmp)
		return bmp_memory(reading->bmp);
	if (reading->format->kind == KIND_TIFF)
		return tiff_need(reading, header, pixel_bytes);
	if (reading->format->kind == KIND_HEIF) /* as coded (a grid of tiles in 4:4:4), and then turned, or as RGB */
		return (pixel_bytes + 3 * band_bytes) * pixels;
	if (reading->format->kind == KIND_JXL) /* in floats, and then in the format that it returns (measured) */
		return (pixel_bytes + JXL_PIXEL_BYTES) * pixels;
	if (reading->format->kind == KIND_WEBP && reading->info.frames == 1 && is_lossy_webp(&reading->source))
		return 0;
	/* The frame and, for an animation, the canvas on which it is drawn. */
	return reading->format->whole ? pixel_bytes * pixels * (reading->info.frames > 1 ? 2 : 1) : 0;
}

/* libheif comes without codecs: these are other packages, or plug-ins. */
static bool heif_can(const char *type)
{
	bool avif = strcmp(type, "image/avif") == 0;
	return vips_type_find("VipsOperation", "heifload_source") != 0 &&
	       heif_have_decoder_for_format(avif ? heif_compression_AV1 : heif_compression_HEVC);
}

bool reading_can(const char *type)
{
	struct err ignored;
	const struct format *format = reading_format(type);
	if (reading_begin(&ignored) != 0 || !format)
		return false;
	if (format->kind == KIND_JXL)
		return vips_type_find("VipsOperation", "jxlload_source") != 0;
	return format->kind != KIND_HEIF || heif_can(type);
}

int reading_open(struct reading *reading, const struct image_source *source, const char *type, int64_t pixels_max,
                 VipsFailOn fail_on, VipsImage **out, struct err *err)
{
	*reading = (struct reading){.source = *source, .format = reading_format(type), .pixels_max = pixels_max};
	*out = NULL;
	if (reading_begin(err) != 0)
		return -1;
	if (!reading->format || !reading_can(type))
		return err_set(err, ERR_MEDIA_TYPE, "%s can't be decoded on this machine: a codec is not installed",
		               !reading->format ? type : reading->format->name);
	if (!reading->format->open) {
		int64_t width, height;
		if (bmp_open(&reading->bmp, source, err) != 0)
			return -1;
		bmp_size(reading->bmp, &width, &height);
		if (reading_check_limits(reading, width, height, 1, err) != 0)
			return -1;
	}
	if (reading->format->kind == KIND_JPEG && open_jpeg_header(reading, err) != 0)
		return -1;
	if (reading->format->kind == KIND_TIFF && !reading_next(reading))
		return reading_broken(reading, err);
	struct opening how = {.n = 1, .scale = 1, .fail_on = fail_on};
	return reading_image(reading, &how, out, err) || read_info(reading, *out, err) ||
	       reading_take(reading, *out, err);
}

int reading_take(struct reading *reading, VipsImage *image, struct err *err)
{
	return hold(reading, memory_need(reading, image), err);
}

void reading_close(struct reading *reading, VipsImage *image)
{
	if (image)
		g_object_unref(image);
	bmp_free(reading->bmp);
	forget_messages();
}

