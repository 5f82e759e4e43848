/* Decodes TIFFs by libtiff: the kinds that its RGBA interface reads, and samples of other widths and kinds. */
#include "image/tiff_pixels.h"

#include <tiffio.h>

#include "base/memory.h"
#include "image/image.h"

struct stream {
	const struct image_source *source;
	int64_t at;
};

static tmsize_t tiff_stream_read(thandle_t handle, void *bytes, tmsize_t len)
{
	struct stream *stream = handle;
	int64_t got = image_source_read(stream->source, stream->at, bytes, (size_t)len);
	stream->at += got > 0 ? got : 0;
	return got;
}

static tmsize_t write_nothing(thandle_t handle, void *bytes, tmsize_t len)
{
	(void)handle, (void)bytes, (void)len;
	return -1;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence)
{
	struct stream *stream = handle;
	int64_t base = whence == SEEK_CUR ? stream->at : whence == SEEK_END ? stream->source->size : 0;
	stream->at = base + (int64_t)offset;
	return stream->at < 0 ? (toff_t)-1 : (toff_t)stream->at;
}

static int close_nothing(thandle_t handle)
{
	(void)handle;
	return 0;
}

static toff_t tiff_pixels_size(thandle_t handle)
{
	return (toff_t)((struct stream *)handle)->source->size;
}

static int tiff_say_nothing(TIFF *tiff, void *data, const char *module, const char *format, va_list values)
{
	(void)tiff, (void)data, (void)module, (void)format, (void)values;
	return 1;
}

static TIFF *tiff_open(struct stream *stream)
{
	TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
	TIFFOpenOptionsSetMaxSingleMemAlloc(options, IMAGE_WHOLE_BYTES_MAX);
	TIFFOpenOptionsSetErrorHandlerExtR(options, tiff_say_nothing, NULL);
	TIFFOpenOptionsSetWarningHandlerExtR(options, tiff_say_nothing, NULL);
	/* "m": do not map the file into memory; a file that shrinks meanwhile would kill the process. */
	TIFF *tiff = TIFFClientOpenExt("image", "rm", stream, tiff_stream_read, write_nothing, seek, close_nothing,
	                               tiff_pixels_size, NULL, NULL, options);
	TIFFOpenOptionsFree(options);
	return tiff;
}

/* The first page. */
struct page {
	TIFF *tiff;
	uint32_t width, height;
	uint16_t bits, samples, planar, photometric, compression, format, orientation;
	bool alpha;
};

static void tiff_pixels_describe(struct page *page)
{
	uint16_t extra = 0, *kinds = NULL;
	TIFFGetField(page->tiff, TIFFTAG_IMAGEWIDTH, &page->width);
	TIFFGetField(page->tiff, TIFFTAG_IMAGELENGTH, &page->height);
	TIFFGetFieldDefaulted(page->tiff, TIFFTAG_BITSPERSAMPLE, &page->bits);
	TIFFGetFieldDefaulted(page->tiff, TIFFTAG_SAMPLESPERPIXEL, &page->samples);
	TIFFGetFieldDefaulted(page->tiff, TIFFTAG_PLANARCONFIG, &page->planar);
	TIFFGetFieldDefaulted(page->tiff, TIFFTAG_COMPRESSION, &page->compression);
	TIFFGetFieldDefaulted(page->tiff, TIFFTAG_SAMPLEFORMAT, &page->format);
	TIFFGetFieldDefaulted(page->tiff, TIFFTAG_ORIENTATION, &page->orientation);
	if (!TIFFGetField(page->tiff, TIFFTAG_PHOTOMETRIC, &page->photometric))
		page->photometric = PHOTOMETRIC_MINISBLACK;
	TIFFGetFieldDefaulted(page->tiff, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
	page->alpha = extra > 0 && kinds && (kinds[0] == EXTRASAMPLE_ASSOCALPHA || kinds[0] == EXTRASAMPLE_UNASSALPHA);
}

static int tiff_pixels_broken(struct err *err)
{
	return err_set(err, ERR_UNPROCESSABLE, "the TIFF image is broken or truncated");
}

static int check_size(const struct page *page, int64_t pixels_max, int64_t pixel_bytes, struct err *err)
{
	int64_t pixels = (int64_t)page->width * page->height;
	if (page->width == 0 || page->height == 0)
		return tiff_pixels_broken(err);
	if (page->width > IMAGE_SIDE_MAX || page->height > IMAGE_SIDE_MAX || pixels > pixels_max)
		return err_set(err, ERR_TOO_LARGE, "the image has %u x %u pixels, more than the %lld of limits.image_pixels",
		               page->width, page->height, (long long)pixels_max);
	if (pixels * pixel_bytes > IMAGE_WHOLE_BYTES_MAX)
		return err_set(err, ERR_TOO_LARGE, "the image can only be decoded whole, in %lld MB of memory; %d are allowed",
		               (long long)(pixels * pixel_bytes / 1000000), IMAGE_WHOLE_BYTES_MAX / 1000000);
	return 0;
}

/* Makes an image of the pixels in `bytes` (malloced), which it takes. */
static int wrap(void *bytes, const struct page *page, int bands, VipsBandFormat format, VipsImage **out,
                struct err *err)
{
	size_t len = (size_t)page->width * page->height * (size_t)bands * (size_t)vips_format_sizeof(format);
	VipsImage *image = vips_image_new_from_memory_copy(bytes, len, (int)page->width, (int)page->height, bands, format);
	free(bytes);
	if (!image)
		return err_set(err, ERR_INTERNAL, "out of memory");
	vips_image_set_int(image, VIPS_META_ORIENTATION, page->orientation);
	VipsInterpretation color = format == VIPS_FORMAT_USHORT ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
	VipsInterpretation gray = format == VIPS_FORMAT_USHORT ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W;
	int result = vips_copy(image, out, "interpretation", bands < 3 ? gray : color, NULL);
	g_object_unref(image);
	return result == 0 ? 0 : err_set(err, ERR_INTERNAL, "out of memory");
}

/* --- what the RGBA interface reads -------------------------------------------------------------------------------- */

/* In place: red, green, blue and, where there is one, alpha, by which the colors were multiplied. */
static void pack(uint32_t *raster, size_t pixels, bool alpha)
{
	unsigned char *out = (unsigned char *)raster;
	for (size_t i = 0; i < pixels; i++) {
		uint32_t pixel = raster[i];
		uint32_t a = TIFFGetA(pixel), color[3] = {TIFFGetR(pixel), TIFFGetG(pixel), TIFFGetB(pixel)};
		for (int band = 0; band < 3; band++) {
			uint32_t value = alpha && a > 0 ? color[band] * 255 / a : color[band];
			*out++ = (unsigned char)(value < 255 ? value : 255);
		}
		if (alpha)
			*out++ = (unsigned char)a;
	}
}

static int read_rgba(const struct page *page, int64_t pixels_max, VipsImage **out, struct err *err)
{
	if (check_size(page, pixels_max, 4, err) != 0)
		return -1;
	size_t pixels = (size_t)page->width * page->height;
	uint32_t *raster = memory_new(pixels, sizeof(*raster));
	/* In the file's orientation: the image is turned later, like any other. */
	if (!TIFFReadRGBAImageOriented(page->tiff, page->width, page->height, raster, page->orientation, 1)) {
		free(raster);
		return tiff_pixels_broken(err);
	}
	pack(raster, pixels, page->alpha);
	return wrap(raster, page, page->alpha ? 4 : 3, VIPS_FORMAT_UCHAR, out, err);
}

/* --- other samples ------------------------------------------------------------------------------------------------ */

/* Unpacks one strip or tile at a time: colors of up to 16 bits into 16 bits, other values into floats. */
struct unpacking {
	const struct page *page;
	uint16_t *colors; /* NULL: unpack into values */
	float *values;
	int bands;              /* of out: 1 or 3 */
	uint32_t width, height; /* of a strip or tile */
	bool tiled;
};

static uint16_t color_at(const unsigned char *row, size_t bit, unsigned bits)
{
	const unsigned char *at = row + bit / 8;
	uint16_t whole;
	if (bits == 16) {
		memcpy(&whole, at, sizeof(whole));
		return whole;
	}
	unsigned most = (1u << bits) - 1;
	unsigned value = ((unsigned)at[0] << 16 | (unsigned)at[1] << 8 | at[2]) >> (24 - bit % 8 - bits) & most;
	return (uint16_t)(value * 65535 / most);
}

/* libtiff gives samples of 16, 32 and 64 bits in this machine's byte order. */
static float value_at(const unsigned char *row, size_t index, const struct page *page)
{
	union {
		uint16_t u16;
		int16_t i16;
		uint32_t u32;
		int32_t i32;
		uint64_t u64;
		int64_t i64;
		float f32;
		double f64;
	} value;
	memcpy(&value, row + index * page->bits / 8, page->bits / 8);
	bool is_float = page->format == SAMPLEFORMAT_IEEEFP, is_signed = page->format == SAMPLEFORMAT_INT;
	if (page->bits == 16)
		return is_signed ? (float)value.i16 : (float)value.u16;
	if (page->bits == 32)
		return is_float ? value.f32 : is_signed ? (float)value.i32 : (float)value.u32;
	return is_float ? (float)value.f64 : is_signed ? (float)value.i64 : (float)value.u64;
}

/* Unpacks the samples of a chunk whose corner is at left, top; plane: the color it has, where each color has planes
 * of its own. */
static void unpack(const struct unpacking *unpacking, const unsigned char *bytes, size_t row_bytes, uint32_t left,
                   uint32_t top, int plane)
{
	const struct page *page = unpacking->page;
	bool separate = page->planar == PLANARCONFIG_SEPARATE;
	unsigned step = separate ? 1 : page->samples;
	float sign = page->photometric == PHOTOMETRIC_MINISWHITE ? -1 : 1;
	for (uint32_t y = 0; y < unpacking->height && top + y < page->height; y++)
		for (uint32_t x = 0; x < unpacking->width && left + x < page->width; x++) {
			size_t to = ((size_t)(top + y) * page->width + left + x) * (size_t)unpacking->bands;
			for (int band = 0; band < (separate ? 1 : unpacking->bands); band++) {
				const unsigned char *row = bytes + y * row_bytes;
				size_t from = (size_t)x * step + (size_t)band, at = to + (size_t)(separate ? plane : band);
				if (!unpacking->colors)
					unpacking->values[at] = sign * value_at(row, from, page);
				else
					unpacking->colors[at] = color_at(row, from * page->bits, page->bits) ^ (sign < 0 ? 0xffff : 0);
			}
		}
}

static bool unpack_chunk(const struct unpacking *unpacking, unsigned char *bytes, tmsize_t len, uint32_t left,
                         uint32_t top, uint16_t plane)
{
	TIFF *tiff = unpacking->page->tiff;
	uint32_t number = unpacking->tiled ? TIFFComputeTile(tiff, left, top, 0, plane) : TIFFComputeStrip(tiff, top, plane);
	tmsize_t got = unpacking->tiled ? TIFFReadEncodedTile(tiff, number, bytes, len)
	                                : TIFFReadEncodedStrip(tiff, number, bytes, len);
	tmsize_t row = unpacking->tiled ? TIFFTileRowSize(tiff) : TIFFScanlineSize(tiff);
	uint32_t rows = unpacking->page->height - top < unpacking->height ? unpacking->page->height - top : unpacking->height;
	if (got < row * (tmsize_t)rows)
		return false;
	unpack(unpacking, bytes, (size_t)row, left, top, plane);
	return true;
}

static bool unpack_all(struct unpacking *unpacking)
{
	const struct page *page = unpacking->page;
	TIFF *tiff = page->tiff;
	uint16_t planes = page->planar == PLANARCONFIG_SEPARATE ? (uint16_t)unpacking->bands : 1;
	unpacking->tiled = TIFFIsTiled(tiff);
	unpacking->width = page->width;
	if (unpacking->tiled) {
		TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &unpacking->width);
		TIFFGetField(tiff, TIFFTAG_TILELENGTH, &unpacking->height);
	} else {
		TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &unpacking->height);
	}
	if (unpacking->height > page->height && !unpacking->tiled)
		unpacking->height = page->height;
	tmsize_t len = unpacking->tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
	tmsize_t row = unpacking->tiled ? TIFFTileRowSize(tiff) : TIFFScanlineSize(tiff);
	unsigned step = page->planar == PLANARCONFIG_SEPARATE ? 1 : page->samples;
	uint64_t least = ((uint64_t)unpacking->width * step * page->bits + 7) / 8;
	if (len <= 0 || len > IMAGE_WHOLE_BYTES_MAX || unpacking->width == 0 || unpacking->height == 0 || row <= 0 ||
	    (uint64_t)row < least || len / row < (tmsize_t)unpacking->height)
		return false;
	unsigned char *bytes = memory_raw((size_t)len + 2); /* 2 more, since color_at looks ahead */
	bool ok = true;
	for (uint16_t plane = 0; plane < planes && ok; plane++)
		for (uint32_t top = 0; top < page->height && ok; top += unpacking->height)
			for (uint32_t left = 0; left < page->width && ok; left += unpacking->width)
				ok = unpack_chunk(unpacking, bytes, len, left, top, plane);
	free(bytes);
	return ok;
}

static bool are_colors(const struct page *page)
{
	return page->bits >= 1 && page->bits <= 16 && page->format == SAMPLEFORMAT_UINT;
}

static int tiff_read_samples(const struct page *page, int64_t pixels_max, VipsImage **out, struct err *err)
{
	struct unpacking unpacking = {.page = page, .bands = page->photometric == PHOTOMETRIC_RGB ? 3 : 1};
	VipsBandFormat format = are_colors(page) ? VIPS_FORMAT_USHORT : VIPS_FORMAT_FLOAT;
	size_t size = (size_t)vips_format_sizeof(format) * (size_t)unpacking.bands;
	if (check_size(page, pixels_max, (int64_t)size, err) != 0)
		return -1;
	void *room = memory_new((size_t)page->width * page->height, size);
	if (format == VIPS_FORMAT_USHORT)
		unpacking.colors = room;
	else
		unpacking.values = room;
	if (!unpack_all(&unpacking)) {
		free(room);
		return tiff_pixels_broken(err);
	}
	return wrap(room, page, unpacking.bands, format, out, err);
}

static bool can_unpack(const struct page *page)
{
	bool gray = page->photometric == PHOTOMETRIC_MINISBLACK || page->photometric == PHOTOMETRIC_MINISWHITE;
	bool color = page->photometric == PHOTOMETRIC_RGB && page->samples >= 3;
	bool real = page->format == SAMPLEFORMAT_IEEEFP;
	bool whole = page->format == SAMPLEFORMAT_UINT || page->format == SAMPLEFORMAT_INT;
	bool values = (page->bits == 16 && whole) || ((page->bits == 32 || page->bits == 64) && (whole || real));
	return (gray || color) && (are_colors(page) || values);
}

int image_tiff_pixels(const struct image_source *source, int64_t pixels_max, VipsImage **out, struct err *err)
{
	struct stream stream = {.source = source};
	struct page page = {.tiff = tiff_open(&stream)};
	char why[1024];
	int result;
	*out = NULL;
	if (!page.tiff)
		return tiff_pixels_broken(err);
	tiff_pixels_describe(&page);
	if (!TIFFIsCODECConfigured(page.compression))
		result = err_set(err, ERR_MEDIA_TYPE, "TIFFs of compression %d are not supported", page.compression);
	else if (can_unpack(&page) && page.bits > 8 && !page.alpha)
		result = tiff_read_samples(&page, pixels_max, out, err);
	else if (TIFFRGBAImageOK(page.tiff, why))
		result = read_rgba(&page, pixels_max, out, err);
	else if (can_unpack(&page))
		result = tiff_read_samples(&page, pixels_max, out, err);
	else
		result = err_set(err, ERR_MEDIA_TYPE,
		                 "TIFFs of this kind are not supported: %d samples a pixel, %d bits each, photometric "
		                 "interpretation %d, compression %d", page.samples, page.bits, page.photometric, page.compression);
	TIFFClose(page.tiff);
	return result;
}
