/* Kinds of TIFFs: those that libvips does not read, and those that nothing here does. */
#include "drawing.h"

#include <tiffio.h>

/* How a TIFF is made: red on its left half and blue on its right (or white and black), WIDTH x HEIGHT. */
struct kind {
	uint16_t bits, samples, photometric, planar, format, compression;
	uint32_t tile; /* its side; 0: in strips */
};
enum { WIDTH = 40, HEIGHT = 24 };

static void put_bits(unsigned char *row, size_t bit, unsigned bits, uint64_t value)
{
	for (unsigned i = 0; i < bits; i++, bit++)
		if (value >> (bits - 1 - i) & 1)
			row[bit / 8] |= (unsigned char)(128 >> bit % 8);
}

static void put_sample(const struct kind *kind, unsigned char *row, size_t index, bool full)
{
	if (kind->format == SAMPLEFORMAT_IEEEFP && kind->bits == 64)
		((double *)(void *)row)[index] = full ? 1e4 : -1e4;
	else if (kind->bits == 64)
		((uint64_t *)(void *)row)[index] = full ? 1u << 30 : 0;
	else if (kind->bits == 32)
		((uint32_t *)(void *)row)[index] = full ? 1u << 30 : 0;
	else if (kind->bits == 16)
		((uint16_t *)(void *)row)[index] = full ? 65535 : 0;
	else
		put_bits(row, index * kind->bits, kind->bits, full ? (1u << kind->bits) - 1 : 0);
}

static bool is_full(const struct kind *kind, uint32_t x, int band)
{
	bool left = x < WIDTH / 2;
	return kind->photometric == PHOTOMETRIC_MINISWHITE ? !left : band == 0 ? left : band == 2 ? !left : false;
}

static void write_chunks(TIFF *tiff, const struct kind *kind)
{
	bool separate = kind->planar == PLANARCONFIG_SEPARATE;
	uint32_t width = kind->tile ? kind->tile : WIDTH, height = kind->tile ? kind->tile : 8;
	tmsize_t len = kind->tile ? TIFFTileSize(tiff) : TIFFStripSize(tiff), row = kind->tile ? TIFFTileRowSize(tiff) : TIFFScanlineSize(tiff);
	int step = separate ? 1 : kind->samples;
	for (int plane = 0; plane < (separate ? kind->samples : 1); plane++)
		for (uint32_t top = 0; top < HEIGHT; top += height)
			for (uint32_t left = 0; left < WIDTH; left += width) {
				unsigned char *bytes = g_malloc0((gsize)len);
				for (uint32_t y = 0; y < height; y++)
					for (uint32_t x = 0; x < width; x++)
						for (int band = 0; band < step; band++)
							put_sample(kind, bytes + y * row, (size_t)x * (size_t)step + (size_t)band,
							           is_full(kind, left + x, separate ? plane : band));
				if (kind->tile)
					TIFFWriteEncodedTile(tiff, TIFFComputeTile(tiff, left, top, 0, (uint16_t)plane), bytes, len);
				else
					TIFFWriteEncodedStrip(tiff, TIFFComputeStrip(tiff, top, (uint16_t)plane), bytes, len);
				g_free(bytes);
			}
}

static struct made tiff_of(const struct kind *kind)
{
	char path[] = "/tmp/test-tiff-XXXXXX";
	close(mkstemp(path));
	TIFF *tiff = TIFFOpen(path, "w");
	TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, WIDTH);
	TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, HEIGHT);
	TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, kind->bits);
	TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, kind->samples);
	TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, kind->photometric);
	TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, kind->planar);
	TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, kind->format);
	TIFFSetField(tiff, TIFFTAG_COMPRESSION, kind->compression);
	if (kind->tile) {
		TIFFSetField(tiff, TIFFTAG_TILEWIDTH, kind->tile);
		TIFFSetField(tiff, TIFFTAG_TILELENGTH, kind->tile);
	} else {
		TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 8);
	}
	write_chunks(tiff, kind);
	TIFFClose(tiff);
	struct made made;
	char *bytes;
	assert_true(g_file_get_contents(path, &bytes, &made.len, NULL));
	made.bytes = (unsigned char *)bytes;
	unlink(path);
	return made;
}

static void kinds_that_libvips_does_not_read_are_taken(void **state)
{
	(void)state;
	enum { GRAY = PHOTOMETRIC_MINISBLACK, INVERSE = PHOTOMETRIC_MINISWHITE, RGB = PHOTOMETRIC_RGB, CONTIG = PLANARCONFIG_CONTIG,
	       PLANES = PLANARCONFIG_SEPARATE, UINT = SAMPLEFORMAT_UINT, REAL = SAMPLEFORMAT_IEEEFP, NONE = COMPRESSION_NONE,
	       LZW = COMPRESSION_LZW };
	static const struct kind kinds[] = {
		{12, 1, GRAY, CONTIG, UINT, NONE, 0}, {12, 1, INVERSE, CONTIG, UINT, LZW, 0}, {12, 3, RGB, CONTIG, UINT, NONE, 16},
		{12, 3, RGB, PLANES, UINT, NONE, 16}, {10, 3, RGB, CONTIG, UINT, LZW, 0}, {14, 1, GRAY, CONTIG, UINT, NONE, 0},
		{8, 3, RGB, PLANES, UINT, LZW, 16}, {16, 3, RGB, PLANES, UINT, NONE, 16}, {64, 1, GRAY, CONTIG, REAL, NONE, 0},
		{64, 3, RGB, PLANES, REAL, NONE, 16}, {64, 1, GRAY, CONTIG, UINT, NONE, 0}, {32, 1, GRAY, CONTIG, UINT, NONE, 16},
		{2, 1, GRAY, CONTIG, UINT, NONE, 0}, {4, 1, INVERSE, CONTIG, UINT, LZW, 0}, {1, 1, INVERSE, CONTIG, UINT, NONE, 16},
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct made made = tiff_of(&kinds[i]);
		struct image_info info;
		struct err err;
		const char *type;
		if (check(&made, &info, &err) != 0)
			fail_msg("kind %zu: %s", i, err.text);
		assert_int_equal(info.width, WIDTH);
		assert_int_equal(info.height, HEIGHT);
		VipsImage *image = thumb(&made, 100, &type);
		assert_int_equal(vips_image_get_width(image), WIDTH);
		assert_pixel(image, 5, 12, 255, -1, kinds[i].samples == 1 ? -1 : 0);
		assert_pixel(image, 35, 12, 0, -1, kinds[i].samples == 1 ? -1 : 255);
		g_object_unref(image);
		made.len = made.len * 6 / 10;
		assert_refused(&made, ERR_UNPROCESSABLE);
		made_free(&made);
	}
}

static void put_entry(unsigned char *at, unsigned tag, unsigned type, uint32_t count, uint32_t value)
{
	put32(at, tag | type << 16);
	put32(at + 4, count);
	put32(at + 8, value);
}

/* Compression 6 of TIFF 6.0: a whole JPEG within, to which two fields point. */
static void old_style_jpeg_is_taken(void **state)
{
	(void)state;
	struct made jpeg = drawn(120, 96, 3, ".jpg");
	enum { FIELDS = 11, JPEG_AT = 8 + 2 + 12 * FIELDS + 4 + 6 };
	struct made made = {g_malloc0(JPEG_AT + jpeg.len), JPEG_AT + jpeg.len};
	unsigned char *at = made.bytes + 10;
	memcpy(made.bytes, "II*\0\x08\0\0\0\x0b\0", 10);
	const uint32_t bits_at = 8 + 2 + 12 * FIELDS + 4, len = (uint32_t)jpeg.len;
	put_entry(at, 256, 4, 1, 120);
	put_entry(at += 12, 257, 4, 1, 96);
	put_entry(at += 12, 258, 3, 3, bits_at);
	put_entry(at += 12, 259, 3, 1, 6);
	put_entry(at += 12, 262, 3, 1, 6);
	put_entry(at += 12, 273, 4, 1, JPEG_AT);
	put_entry(at += 12, 277, 3, 1, 3);
	put_entry(at += 12, 278, 4, 1, 96);
	put_entry(at += 12, 279, 4, 1, len);
	put_entry(at += 12, 513, 4, 1, JPEG_AT);
	put_entry(at += 12, 514, 4, 1, len);
	for (int i = 0; i < 3; i++)
		made.bytes[bits_at + 2 * (uint32_t)i] = 8;
	memcpy(made.bytes + JPEG_AT, jpeg.bytes, jpeg.len);
	struct image_info info;
	struct err err;
	const char *type;
	if (check(&made, &info, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(info.width, 120);
	VipsImage *image = thumb(&made, 60, &type);
	assert_pixel(image, 10, 20, 255, -1, 0);
	assert_pixel(image, 50, 20, 0, -1, 255);
	g_object_unref(image);
	made_free(&made);
	made_free(&jpeg);
}

static void a_kind_that_nothing_reads_is_told(void **state)
{
	(void)state;
	static const struct kind kind = {8, 1, PHOTOMETRIC_MINISBLACK, PLANARCONFIG_CONTIG, SAMPLEFORMAT_UINT, COMPRESSION_NONE, 0};
	struct made made = tiff_of(&kind);
	struct image_info info;
	struct err err;
	for (size_t i = 8; i + 12 <= made.len; i += 2) /* its compression becomes one that nobody has heard of */
		if (made.bytes[i] == 3 && made.bytes[i + 1] == 1 && made.bytes[i + 2] == 3 && made.bytes[i + 8] == 1) {
			made.bytes[i + 8] = 0x39;
			made.bytes[i + 9] = 0x30;
		}
	assert_true(check(&made, &info, &err));
	assert_int_equal(err.code, ERR_MEDIA_TYPE);
	assert_non_null(strstr(err.text, "compression 12345"));
	made_free(&made);
}

int main(void)
{
	if (vips_init("test_image_tiff") != 0)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_that_libvips_does_not_read_are_taken),
		cmocka_unit_test(old_style_jpeg_is_taken),
		cmocka_unit_test(a_kind_that_nothing_reads_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
