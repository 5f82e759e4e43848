/* Checking images and making thumbnails, on images that libvips draws here (and BMPs made by hand). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vips/vips.h>

#include "blob/image.h"

struct made {
	unsigned char *bytes;
	size_t len;
};

static void made_free(struct made *made)
{
	g_free(made->bytes);
}

/* --- drawing -------------------------------------------------------------------------------------------- */

/* Left half red, right half blue, green noise over it all so that no two strips are alike. */
static VipsImage *draw(int width, int height, int bands)
{
	VipsImage *part[4], *all, *image;
	VipsImage *steps[3];
	assert_int_equal(vips_xyz(&steps[0], width, height, NULL), 0);
	assert_int_equal(vips_extract_band(steps[0], &steps[1], 0, NULL), 0);
	assert_int_equal(vips_moreeq_const1(steps[1], &part[2], width / 2, NULL), 0);
	assert_int_equal(vips_invert(part[2], &part[0], NULL), 0);
	assert_int_equal(vips_gaussnoise(&steps[2], width, height, "mean", 60.0, "sigma", 20.0, "seed", 1,
	                                 NULL), 0);
	assert_int_equal(vips_cast(steps[2], &part[1], VIPS_FORMAT_UCHAR, NULL), 0);
	part[3] = part[1];
	assert_int_equal(vips_bandjoin(part, &all, bands, NULL), 0);
	assert_int_equal(vips_copy(all, &image, "interpretation", VIPS_INTERPRETATION_sRGB, NULL), 0);
	for (int i = 0; i < 3; i++) {
		g_object_unref(part[i]);
		g_object_unref(steps[i]);
	}
	g_object_unref(all);
	return image;
}

static struct made save(VipsImage *image, const char *suffix)
{
	struct made made;
	void *bytes;
	assert_int_equal(vips_image_write_to_buffer(image, suffix, &bytes, &made.len, NULL), 0);
	made.bytes = bytes;
	return made;
}

static struct made drawn(int width, int height, int bands, const char *suffix)
{
	VipsImage *image = draw(width, height, bands);
	struct made made = save(image, suffix);
	g_object_unref(image);
	return made;
}

/* `frames` frames of that size one below the other. */
static struct made animated(int width, int height, int frames, const char *suffix)
{
	VipsImage *image = draw(width, height * frames, 3), *copy;
	assert_int_equal(vips_copy(image, &copy, NULL), 0);
	vips_image_set_int(copy, VIPS_META_PAGE_HEIGHT, height);
	struct made made = save(copy, suffix);
	g_object_unref(image);
	g_object_unref(copy);
	return made;
}

static void put32(unsigned char *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(value >> 8 * i);
}

/* A BMP with the 40-byte header: `palette` colors of 4 bytes, then the rows as given. */
static struct made bmp(int width, int height, int bits, uint32_t compression, const void *extra,
                       size_t extra_len, const void *rows, size_t len)
{
	struct made made = {g_malloc0(54 + extra_len + len), 54 + extra_len + len};
	memcpy(made.bytes, "BM", 2);
	put32(made.bytes + 2, (uint32_t)made.len);
	put32(made.bytes + 10, (uint32_t)(54 + extra_len));
	put32(made.bytes + 14, 40);
	put32(made.bytes + 18, (uint32_t)width);
	put32(made.bytes + 22, (uint32_t)height);
	made.bytes[26] = 1;
	made.bytes[28] = (unsigned char)bits;
	put32(made.bytes + 30, compression);
	memcpy(made.bytes + 54, extra, extra_len);
	memcpy(made.bytes + 54 + extra_len, rows, len);
	return made;
}

/* --- asking --------------------------------------------------------------------------------------------- */

static int check(const struct made *made, struct image_info *info, struct err *err)
{
	memset(info, 0, sizeof(*info));
	memset(err, 0, sizeof(*err));
	return image_check_bytes(made->bytes, made->len, info, err);
}

static void assert_refused(const struct made *made, enum err_code code)
{
	struct image_info info;
	struct err err;
	assert_int_equal(check(made, &info, &err), -1);
	assert_int_equal(err.code, code);
}

/* The thumbnail, decoded. */
static VipsImage *thumb(const struct made *made, int side, const char **type)
{
	struct buf out;
	struct err err;
	buf_init(&out, IMAGE_THUMB_BYTES_MAX);
	if (image_thumb_bytes(made->bytes, made->len, side, &out, type, &err) != 0)
		fail_msg("%s", err.text);
	VipsImage *image = vips_image_new_from_buffer(out.data, out.len, "", NULL), *copy;
	assert_non_null(image);
	copy = vips_image_copy_memory(image);
	assert_non_null(copy);
	g_object_unref(image);
	buf_release(&out);
	return copy;
}

static void assert_pixel(VipsImage *image, int x, int y, int red, int green, int blue)
{
	double *values;
	int n;
	assert_int_equal(vips_getpoint(image, &values, &n, x, y, NULL), 0);
	const int want[] = {red, green, blue};
	for (int i = 0; i < 3 && i < n; i++)
		if (want[i] >= 0 && (values[i] < want[i] - 40 || values[i] > want[i] + 40))
			fail_msg("band %d at %d,%d is %.0f, not %d", i, x, y, values[i], want[i]);
	g_free(values);
}

/* --- what is taken -------------------------------------------------------------------------------------- */

static const struct {
	const char *suffix, *type;
} formats[] = {
	{".jpg", "image/jpeg"}, {".jpg[interlace]", "image/jpeg"}, {".png", "image/png"},
	{".png[interlace]", "image/png"}, {".webp", "image/webp"}, {".webp[lossless]", "image/webp"},
	{".gif", "image/gif"}, {".tif", "image/tiff"}, {".tif[compression=lzw]", "image/tiff"},
	{".tif[compression=deflate,tile]", "image/tiff"}, {".tif[compression=jpeg]", "image/tiff"},
	{".tif[bigtiff]", "image/tiff"},
};
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

static void every_type_is_told_by_its_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		struct made made = drawn(120, 90, 3, formats[i].suffix);
		struct image_info info;
		struct err err;
		if (check(&made, &info, &err) != 0)
			fail_msg("%s: %s", formats[i].suffix, err.text);
		assert_string_equal(info.type, formats[i].type);
		assert_int_equal(info.width, 120);
		assert_int_equal(info.height, 90);
		assert_int_equal(info.frames, 1);
		assert_int_equal(info.orientation, 1);
		made_free(&made);
	}
}

static void a_large_webp_keeps_its_size(void **state)
{
	(void)state;
	struct made made = drawn(1500, 1200, 3, ".webp");
	struct image_info info;
	struct err err;
	assert_int_equal(check(&made, &info, &err), 0);
	assert_int_equal(info.width, 1500);
	assert_int_equal(info.height, 1200);
	made.len -= made.len / 10;
	assert_refused(&made, ERR_UNPROCESSABLE);
	made_free(&made);
}

static void animations_and_pages_are_counted(void **state)
{
	(void)state;
	static const char *const suffixes[] = {".gif", ".webp", ".tif"};
	for (size_t i = 0; i < 3; i++) {
		struct made made = animated(60, 40, 7, suffixes[i]);
		struct image_info info;
		struct err err;
		if (check(&made, &info, &err) != 0)
			fail_msg("%s: %s", suffixes[i], err.text);
		assert_int_equal(info.frames, 7);
		assert_int_equal(info.height, 40);
		made_free(&made);
	}
}

static void deep_and_gray_and_cmyk_images_are_fine(void **state)
{
	(void)state;
	VipsImage *image = draw(100, 80, 3), *wide, *deep, *cmyk;
	struct image_info info;
	struct err err;
	const char *type;
	assert_int_equal(vips_linear1(image, &wide, 257, 0, NULL), 0);
	assert_int_equal(vips_cast(wide, &deep, VIPS_FORMAT_USHORT, NULL), 0);
	deep->Type = VIPS_INTERPRETATION_RGB16;
	struct made made[3] = {save(deep, ".png"), drawn(100, 80, 1, ".jpg")};
	assert_int_equal(vips_colourspace(image, &cmyk, VIPS_INTERPRETATION_CMYK, NULL), 0);
	made[2] = save(cmyk, ".jpg");
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(check(&made[i], &info, &err), 0);
		VipsImage *small = thumb(&made[i], 50, &type);
		assert_int_equal(vips_image_get_width(small), 50);
		assert_string_equal(type, "image/jpeg");
		if (i != 1) {
			assert_int_equal(vips_image_get_interpretation(small), VIPS_INTERPRETATION_sRGB);
			assert_pixel(small, 10, 20, i == 0 ? 255 : -1, -1, i == 0 ? 0 : -1);
		}
		g_object_unref(small);
		made_free(&made[i]);
	}
	g_object_unref(image);
	g_object_unref(wide);
	g_object_unref(deep);
	g_object_unref(cmyk);
}

static void a_file_is_read_without_moving_its_position(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		char path[] = "/tmp/test-image-XXXXXX";
		struct made made = drawn(120, 90, 3, formats[i].suffix);
		struct image_info info;
		struct err err;
		int fd = mkstemp(path);
		unlink(path);
		assert_int_equal(write(fd, made.bytes, made.len), (ssize_t)made.len);
		assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
		assert_int_equal(image_check_fd(fd, &info, &err), 0);
		assert_string_equal(info.type, formats[i].type);
		struct buf out;
		const char *type;
		buf_init(&out, IMAGE_THUMB_BYTES_MAX);
		assert_int_equal(image_thumb_fd(fd, 64, &out, &type, &err), 0);
		assert_true(out.len > 0);
		assert_int_equal(lseek(fd, 0, SEEK_CUR), 5);
		buf_release(&out);
		close(fd);
		made_free(&made);
	}
}

/* --- what is refused ------------------------------------------------------------------------------------ */

static void what_is_no_image_is_a_wrong_type(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", "hello", "<svg xmlns='http://www.w3.org/2000/svg'/>", "<!DOCTYPE html><script>alert(1)</script>",
		"%PDF-1.4\n", "P6 1 1 255 abc", "BM, said the man, and went home for good and all.",
		"PK\x03\x04", "\x89PN",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct made made = {g_memdup2(texts[i], strlen(texts[i]) + 1), strlen(texts[i])};
		assert_refused(&made, ERR_MEDIA_TYPE);
		made_free(&made);
	}
}

static void only_magic_is_broken(void **state)
{
	(void)state;
	static const char *const magics[] = {"\xff\xd8\xff\xe0", "\x89PNG\r\n\x1a\n", "GIF89a",
	                                     "II*\0\x08\0\0\0",
	                                     "RIFF\x10\0\0\0WEBPVP8 ", "BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0"};
	static const size_t lens[] = {4, 8, 6, 8, 16, 16};
	for (size_t i = 0; i < 6; i++) {
		struct made made = {g_memdup2(magics[i], lens[i]), lens[i]};
		assert_refused(&made, ERR_UNPROCESSABLE);
		made_free(&made);
	}
}

static void truncated_images_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMATS + 3; i++) {
		static const char *const animations[] = {".gif", ".webp", ".tif"};
		struct made made = i < FORMATS ? drawn(200, 150, 3, formats[i].suffix)
		                               : animated(60, 40, 9, animations[i - FORMATS]);
		size_t whole = made.len;
		for (size_t part = 2; part < 20; part++) {
			made.len = whole * part / 20;
			struct image_info info;
			struct err err;
			if (check(&made, &info, &err) == 0)
				fail_msg("format %zu, %zu of %zu bytes", i, made.len, whole);
			assert_int_equal(err.code, ERR_UNPROCESSABLE);
		}
		made.len = whole - 2; /* of a GIF the trailer alone may be missing */
		assert_refused(&made, ERR_UNPROCESSABLE);
		made_free(&made);
	}
}

static void a_jpeg_cut_off_anywhere_is_refused_from_memory_and_from_a_file(void **state)
{
	(void)state;
	static const char *const kinds[] = {".jpg", ".jpg[interlace]"};
	for (size_t i = 0; i < 2; i++) {
		struct made made = drawn(300, 200, 3, kinds[i]);
		size_t whole = made.len;
		int fd = memfd_create("image", 0);
		struct image_info info;
		struct err err;
		assert_int_equal(write(fd, made.bytes, whole), whole);
		assert_int_equal(image_check_fd(fd, &info, &err), 0);
		assert_int_equal(info.width, 300);
		for (made.len = whole - 1; made.len > 4; made.len -= made.len / 30 + 1) {
			assert_refused(&made, ERR_UNPROCESSABLE);
			assert_int_equal(ftruncate(fd, (off_t)made.len), 0);
			assert_int_equal(image_check_fd(fd, &info, &err), -1);
			assert_int_equal(err.code, ERR_UNPROCESSABLE);
		}
		close(fd);
		made_free(&made);
	}
}

static void a_jpeg_of_endless_scans_is_refused(void **state)
{
	(void)state;
	enum { REPEATED = 200 };
	struct made made = drawn(64, 64, 3, ".jpg[interlace]");
	size_t scan = made.len - 2;
	while (made.bytes[scan] != 0xff || made.bytes[scan + 1] != 0xda) /* where its last scan begins */
		scan--;
	size_t len = made.len - 2 - scan;
	struct made many = {.bytes = g_malloc(made.len + REPEATED * len), .len = made.len + REPEATED * len};
	memcpy(many.bytes, made.bytes, scan);
	for (size_t i = 0; i <= REPEATED; i++)
		memcpy(many.bytes + scan + i * len, made.bytes + scan, len);
	memcpy(many.bytes + many.len - 2, "\xff\xd9", 2);
	assert_refused(&many, ERR_UNPROCESSABLE);
	made_free(&many);
	made_free(&made);
}

static void a_damaged_page_is_refused(void **state)
{
	(void)state;
	struct made made = animated(200, 100, 5, ".tif[compression=lzw]");
	memset(made.bytes + made.len / 2, 0xff, made.len / 50); /* amid the third page */
	assert_refused(&made, ERR_UNPROCESSABLE);
	made_free(&made);
}

/* A TIFF of pages of 1 pixel, each with so many fields that nobody knows, and of that many channels. */
static struct made tiff_of_pages(int pages, uint32_t unknown, uint32_t channels)
{
	const uint32_t known[][2] = {{256, 1}, {257, 1}, {258, 8}, {259, 1}, {262, 1}, {273, 8}, {277, channels}, {278, 1}, {279, channels}};
	size_t page_bytes = 2 + 12 * (9 + unknown) + 4, first = 8 + channels;
	struct made made = {g_malloc0(first + (gsize)pages * page_bytes), first + (gsize)pages * page_bytes};
	memcpy(made.bytes, "II*", 4);
	put32(made.bytes + 4, (uint32_t)first);
	for (int page = 0; page < pages; page++) {
		unsigned char *at = made.bytes + first + (size_t)page * page_bytes;
		at[0] = (unsigned char)(9 + unknown), at[1] = (unsigned char)((9 + unknown) >> 8);
		for (uint32_t i = 0; i < 9 + unknown; i++) {
			put32(at + 2 + 12 * i, (i < 9 ? known[i][0] : 40000 + i) | 4 << 16);
			put32(at + 6 + 12 * i, 1);
			put32(at + 10 + 12 * i, i < 9 ? known[i][1] : 0);
		}
		put32(at + page_bytes - 4, page + 1 < pages ? (uint32_t)(at + page_bytes - made.bytes) : 0);
	}
	return made;
}

/* How many bytes are read while a file of so many pages is checked. */
static int64_t bytes_read(int pages)
{
	struct made made = tiff_of_pages(pages, 0, 1);
	struct image_info info;
	struct err err;
	long long before = 0, after = 0;
	int fd = memfd_create("pages", 0);
	assert_int_equal(write(fd, made.bytes, made.len), made.len);
	for (int i = 0; i < 2; i++) {
		FILE *counts = fopen("/proc/thread-self/io", "r");
		assert_int_equal(fscanf(counts, "rchar: %lld", i == 0 ? &before : &after), 1);
		fclose(counts);
		if (i == 0 && image_check_fd(fd, &info, &err) != 0)
			fail_msg("%s", err.text);
	}
	assert_int_equal(info.frames, pages);
	close(fd);
	made_free(&made);
	return after - before;
}

static void three_times_the_pages_are_three_times_the_work(void **state)
{
	(void)state;
	assert_in_range(bytes_read(600), 1, 5 * bytes_read(200));
}

static void pages_described_without_end_are_refused(void **state)
{
	(void)state;
	struct made made = tiff_of_pages(2, 2000, 1);
	assert_refused(&made, ERR_UNPROCESSABLE);
	made_free(&made);
	made = tiff_of_pages(400, 900, 1);
	assert_refused(&made, ERR_UNPROCESSABLE);
	made_free(&made);
	made = tiff_of_pages(2, 0, 1);
	put32(made.bytes + made.len - 4, 8 + 1); /* the last one is followed by the first */
	assert_refused(&made, ERR_TOO_LARGE);
	made_free(&made);
}

static void channels_count_as_pixels_do(void **state)
{
	(void)state;
	struct made made = tiff_of_pages(2, 0, 30);
	for (int page = 0; page < 2; page++) { /* each becomes as large as one of few channels may be */
		unsigned char *fields = made.bytes + 8 + 30 + page * (2 + 12 * 9 + 4) + 2;
		struct image_info info;
		struct err err;
		if (check(&made, &info, &err) != 0)
			fail_msg("%s", err.text);
		put32(fields + 8, 8000);
		put32(fields + 12 + 8, 8000);
		assert_refused(&made, ERR_TOO_LARGE);
		put32(fields + 8, 1);
		put32(fields + 12 + 8, 1);
	}
	made_free(&made);
}

static uint32_t crc32_of(const unsigned char *bytes, size_t len)
{
	uint32_t crc = ~0u;
	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* A small PNG whose header tells another size. */
static struct made png_of_size(uint32_t width, uint32_t height)
{
	struct made made = drawn(10, 10, 3, ".png");
	put32(made.bytes + 16, __builtin_bswap32(width));
	put32(made.bytes + 20, __builtin_bswap32(height));
	put32(made.bytes + 29, __builtin_bswap32(crc32_of(made.bytes + 12, 17)));
	return made;
}

static void packed_text_without_end_is_refused(void **state)
{
	(void)state;
	enum { TEXT = 64 * 1024, HEADER_END = 33 };
	struct made made = drawn(10, 10, 3, ".png");
	unsigned char *chunk = g_malloc0(TEXT + 12);
	put32(chunk, __builtin_bswap32(TEXT));
	static const struct {
		const char *name;
		int chunks;
		bool packed, refused;
	} texts_of[] = {{"zTXt", 31, 0, 0}, {"zTXt", 33, 0, 1}, {"iTXt", 33, 0, 0}, {"iTXt", 31, 1, 0}, {"iTXt", 33, 1, 1}};
	for (size_t t = 0; t < 5; t++) {
		int chunks = texts_of[t].chunks;
		memcpy(chunk + 4, texts_of[t].name, 4);
		chunk[8] = 'k';
		chunk[10] = texts_of[t].packed;
		put32(chunk + 8 + TEXT, __builtin_bswap32(crc32_of(chunk + 4, TEXT + 4)));
		struct made texts = {g_malloc(made.len + (size_t)chunks * (TEXT + 12)), made.len + (size_t)chunks * (TEXT + 12)};
		struct image_info info;
		struct err err;
		memcpy(texts.bytes, made.bytes, HEADER_END);
		for (int i = 0; i < chunks; i++)
			memcpy(texts.bytes + HEADER_END + i * (TEXT + 12), chunk, TEXT + 12);
		memcpy(texts.bytes + HEADER_END + chunks * (TEXT + 12), made.bytes + HEADER_END, made.len - HEADER_END);
		assert_int_equal(check(&texts, &info, &err), texts_of[t].refused ? -1 : 0);
		made_free(&texts);
	}
	g_free(chunk);
	made_free(&made);
}

static void bombs_are_refused_by_their_header(void **state)
{
	(void)state;
	static const uint32_t sizes[][2] = {{50000, 50000}, {20001, 1}, {1, 20001}, {8001, 8000}};
	for (size_t i = 0; i < 4; i++) {
		struct made made = png_of_size(sizes[i][0], sizes[i][1]);
		assert_refused(&made, ERR_TOO_LARGE);
		struct buf out;
		struct err err;
		const char *type;
		buf_init(&out, IMAGE_THUMB_BYTES_MAX);
		assert_int_equal(image_thumb_bytes(made.bytes, made.len, 64, &out, &type, &err), -1);
		assert_int_equal(err.code, ERR_TOO_LARGE);
		made_free(&made);
	}
	struct made made = png_of_size(8000, 8000); /* not too many, but they are not there */
	assert_refused(&made, ERR_UNPROCESSABLE);
	made_free(&made);
	made = bmp(30000, 30000, 24, 0, "", 0, "", 0);
	assert_int_not_equal(image_check_bytes(made.bytes, made.len, &(struct image_info){0},
	                                       &(struct err){0}), 0);
	made_free(&made);
}

/* A GIF of that many frames of one pixel on a canvas of that size. */
static struct made gif_of_frames(int frames, int width, int height)
{
	static const unsigned char frame[] = {0x21, 0xf9, 4, 0, 0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0,
	                                      2, 2, 0x44, 1, 0};
	struct made made = {g_malloc((gsize)frames * sizeof(frame) + 20), 19};
	memcpy(made.bytes, "GIF89a\0\0\0\0\x80\0\0\0\0\0\xff\xff\xff", 19);
	made.bytes[6] = (unsigned char)width, made.bytes[7] = (unsigned char)(width >> 8);
	made.bytes[8] = (unsigned char)height, made.bytes[9] = (unsigned char)(height >> 8);
	for (int i = 0; i < frames; i++, made.len += sizeof(frame))
		memcpy(made.bytes + made.len, frame, sizeof(frame));
	made.bytes[made.len++] = 0x3b;
	return made;
}

static void endless_animations_are_refused(void **state)
{
	(void)state;
	struct image_info info;
	struct err err;
	struct made made = gif_of_frames(IMAGE_FRAMES_MAX, 2, 2);
	if (check(&made, &info, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(info.frames, IMAGE_FRAMES_MAX);
	made_free(&made);
	made = gif_of_frames(IMAGE_FRAMES_MAX + 1, 2, 2);
	assert_refused(&made, ERR_TOO_LARGE);
	made_free(&made);
	made = gif_of_frames(500, 1500, 1500);
	assert_refused(&made, ERR_TOO_LARGE);
	made_free(&made);
}

/* --- BMP ------------------------------------------------------------------------------------------------ */

/* Its thumbnail must be red at the top left, green at the top right, blue at the bottom left, white at the
 * bottom right. */
static void assert_four_colors(struct made made)
{
	struct image_info info;
	struct err err;
	const char *type;
	if (check(&made, &info, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(info.type, "image/bmp");
	assert_int_equal(info.width, 32);
	assert_int_equal(info.height, 32);
	VipsImage *image = thumb(&made, 64, &type);
	assert_int_equal(vips_image_get_width(image), 32);
	assert_pixel(image, 5, 5, 255, 0, 0);
	assert_pixel(image, 26, 5, 0, 255, 0);
	assert_pixel(image, 5, 26, 0, 0, 255);
	assert_pixel(image, 26, 26, 255, 255, 255);
	g_object_unref(image);
	for (size_t cut = 1; cut < 4; cut++) {
		struct made shorter = {made.bytes, made.len * cut / 4};
		assert_refused(&shorter, ERR_UNPROCESSABLE);
	}
	made_free(&made);
}

/* Rows of the picture with `bits` a pixel, color i being colors[i]; the bottom row first unless top_down. */
static size_t bmp_rows(unsigned char *out, int bits, const uint32_t colors[4], bool top_down)
{
	size_t stride = (size_t)(32 * bits + 31) / 32 * 4;
	memset(out, 0, 32 * stride);
	for (size_t y = 0; y < 32; y++) {
		for (size_t x = 0; x < 32; x++) {
			bool top = top_down ? y < 16 : y >= 16;
			uint32_t color = colors[(top ? 0 : 2) + (x < 16 ? 0 : 1)];
			unsigned char *row = out + y * stride;
			size_t bit = x * (size_t)bits;
			if (bits < 8)
				row[bit / 8] |= (unsigned char)(color << (8 - (size_t)bits - bit % 8));
			for (int byte = 0; byte < bits / 8; byte++)
				row[bit / 8 + (size_t)byte] = (unsigned char)(color >> 8 * byte);
		}
	}
	return 32 * stride;
}

static void bitmaps_of_every_depth_are_read(void **state)
{
	(void)state;
	unsigned char rows[32 * 32 * 4], palette[256 * 4] = {0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 255,
	                                                     255, 255, 0};
	const uint32_t index[] = {0, 1, 2, 3}, rgb[] = {0xff0000, 0xff00, 0xff, 0xffffff};
	const uint32_t rgb555[] = {0x7c00, 0x3e0, 0x1f, 0x7fff}, rgb565[] = {0xf800, 0x7e0, 0x1f, 0xffff};
	size_t len = bmp_rows(rows, 4, index, false);
	assert_four_colors(bmp(32, 32, 4, 0, palette, 16 * 4, rows, len));
	len = bmp_rows(rows, 8, index, false);
	assert_four_colors(bmp(32, 32, 8, 0, palette, 256 * 4, rows, len));
	len = bmp_rows(rows, 8, index, true);
	assert_four_colors(bmp(32, -32, 8, 0, palette, 256 * 4, rows, len));
	len = bmp_rows(rows, 16, rgb555, false);
	assert_four_colors(bmp(32, 32, 16, 0, "", 0, rows, len));
	len = bmp_rows(rows, 24, rgb, false);
	assert_four_colors(bmp(32, 32, 24, 0, "", 0, rows, len));
	len = bmp_rows(rows, 32, rgb, true);
	assert_four_colors(bmp(32, -32, 32, 0, "", 0, rows, len));
	unsigned char masks[12];
	put32(masks, 0xf800), put32(masks + 4, 0x7e0), put32(masks + 8, 0x1f);
	len = bmp_rows(rows, 16, rgb565, false);
	assert_four_colors(bmp(32, 32, 16, 3, masks, 12, rows, len));
}

static void bitmaps_of_one_bit_are_read(void **state)
{
	(void)state;
	unsigned char rows[32 * 4], palette[8] = {0, 0, 255, 0, 255, 0, 0, 0};
	const uint32_t index[] = {0, 1, 0, 1};
	const char *type;
	size_t len = bmp_rows(rows, 1, index, false);
	struct made made = bmp(32, 32, 1, 0, palette, 8, rows, len);
	VipsImage *image = thumb(&made, 32, &type);
	assert_pixel(image, 5, 5, 255, 0, 0);
	assert_pixel(image, 26, 26, 0, 0, 255);
	g_object_unref(image);
	made_free(&made);
}

static void run_lengths_are_unpacked(void **state)
{
	(void)state;
	unsigned char palette[256 * 4] = {0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0};
	unsigned char rows[32 * 32 * 2], *p = rows;
	for (int y = 0; y < 32; y++) {
		unsigned char left = y < 16 ? 2 : 0;
		*p++ = 13, *p++ = left;
		*p++ = 0, *p++ = 3, *p++ = left, *p++ = left, *p++ = left, *p++ = 0; /* a literal, padded */
		*p++ = 16, *p++ = (unsigned char)(left + 1);
		*p++ = 0, *p++ = 0;
	}
	*p++ = 0, *p++ = 1;
	assert_four_colors(bmp(32, 32, 8, 1, palette, 256 * 4, rows, (size_t)(p - rows)));
	p = rows;
	for (int y = 0; y < 32; y++) {
		unsigned char left = y < 16 ? 2 : 0;
		*p++ = 16, *p++ = (unsigned char)(left * 17);
		unsigned char right = (unsigned char)(left + 1);
		*p++ = 0, *p++ = 5, *p++ = (unsigned char)(right * 17), *p++ = (unsigned char)(right * 17);
		*p++ = (unsigned char)(right * 16), *p++ = 0;
		*p++ = 11, *p++ = (unsigned char)(right * 17);
		*p++ = 0, *p++ = 0;
	}
	*p++ = 0, *p++ = 1;
	assert_four_colors(bmp(32, 32, 4, 2, palette, 16 * 4, rows, (size_t)(p - rows)));
	/* A jump beyond the picture, and no end. */
	struct made made = bmp(32, 32, 8, 1, palette, 256 * 4, "\0\2\xff\xff\0\1", 6);
	assert_refused(&made, ERR_UNPROCESSABLE);
	made_free(&made);
	made = bmp(32, 32, 8, 1, palette, 256 * 4, "\x20\1", 2);
	assert_refused(&made, ERR_UNPROCESSABLE);
	made_free(&made);
}

static void *check_run_lengths(void *data)
{
	struct image_info info;
	struct err err;
	return check(data, &info, &err) == 0 ? data : NULL;
}

static void large_bitmaps_of_run_lengths_are_unpacked_one_after_the_other(void **state)
{
	(void)state;
	enum { SIDE = 8000, RUNS = (SIDE + 254) / 255, ROW = 2 * RUNS + 2 };
	unsigned char *rows = g_malloc0(ROW * SIDE + 2);
	for (size_t i = 0; i < SIDE * RUNS; i++) {
		unsigned char *run = rows + i / RUNS * ROW + i % RUNS * 2;
		run[0] = i % RUNS == RUNS - 1 ? SIDE % 255 : 255;
		run[1] = 7;
	}
	rows[ROW * SIDE + 1] = 1;
	struct made made = bmp(SIDE, SIDE, 8, 1, (unsigned char[1024]){0}, 1024, rows, ROW * SIDE + 2);
	struct rusage before, after;
	pthread_t threads[8];
	getrusage(RUSAGE_SELF, &before);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, check_run_lengths, &made), 0);
	for (int i = 0; i < 8; i++) {
		void *checked;
		pthread_join(threads[i], &checked);
		assert_non_null(checked);
	}
	getrusage(RUSAGE_SELF, &after);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which keep what is freed */
	assert_in_range(after.ru_maxrss, 1, before.ru_maxrss + 2 * SIDE * SIDE / 1024);
#endif
	g_free(rows);
	made_free(&made);
}

static void impossible_bitmaps_are_refused(void **state)
{
	(void)state;
	static const struct {
		int width, height, bits;
		uint32_t compression;
	} cases[] = {{0, 1, 24, 0}, {-1, 1, 24, 0}, {1, 0, 24, 0}, {1, 1, 7, 0}, {1, 1, 24, 4}, {1, 1, 24, 1},
	             {1, -1, 8, 1}, {1, INT32_MIN, 24, 0}, {1, 1, 0, 0}, {1, 1, 24, 99}};
	char rows[2048] = "";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct made made = bmp(cases[i].width, cases[i].height, cases[i].bits, cases[i].compression,
		                       rows, 1024, rows, sizeof(rows));
		struct image_info info;
		struct err err;
		if (check(&made, &info, &err) == 0)
			fail_msg("case %zu is taken", i);
		made_free(&made);
	}
}

/* --- thumbnails ----------------------------------------------------------------------------------------- */

static void thumbnails_fit_and_are_never_enlarged(void **state)
{
	(void)state;
	const char *type;
	for (size_t i = 0; i < FORMATS; i++) {
		struct made made = drawn(400, 300, 3, formats[i].suffix);
		VipsImage *image = thumb(&made, 100, &type);
		if (strcmp(formats[i].suffix, ".gif") != 0) /* its palette has a transparent color */
			assert_string_equal(type, "image/jpeg");
		assert_int_equal(vips_image_get_width(image), 100);
		assert_int_equal(vips_image_get_height(image), 75);
		assert_pixel(image, 20, 30, 255, -1, 0);
		assert_pixel(image, 80, 30, 0, -1, 255);
		g_object_unref(image);
		image = thumb(&made, 1000, &type);
		assert_int_equal(vips_image_get_width(image), 400);
		g_object_unref(image);
		made_free(&made);
	}
}

static void exif_orientation_is_applied_and_all_metadata_dropped(void **state)
{
	(void)state;
	VipsImage *image = draw(400, 200, 3), *copy;
	assert_int_equal(vips_copy(image, &copy, NULL), 0);
	vips_image_set_int(copy, VIPS_META_ORIENTATION, 6); /* shown turned by 90 degrees clockwise */
	vips_image_set_string(copy, "exif-ifd3-GPSLatitude", "10/1 20/1 30/1");
	vips_image_set_string(copy, "exif-ifd0-Artist", "Someone");
	struct made made = save(copy, ".jpg");
	struct image_info info;
	struct err err;
	const char *type;
	assert_int_equal(check(&made, &info, &err), 0);
	assert_int_equal(info.orientation, 6);
	assert_int_equal(info.width, 400);
	VipsImage *small = thumb(&made, 100, &type);
	assert_int_equal(vips_image_get_width(small), 50);
	assert_int_equal(vips_image_get_height(small), 100);
	assert_pixel(small, 25, 10, 255, -1, 0); /* what was left is up */
	assert_pixel(small, 25, 90, 0, -1, 255);
	assert_int_equal(vips_image_get_typeof(small, VIPS_META_EXIF_NAME), 0);
	assert_int_equal(vips_image_get_typeof(small, VIPS_META_ORIENTATION), 0);
	g_object_unref(small);
	g_object_unref(copy);
	g_object_unref(image);
	made_free(&made);
}

static void transparency_is_kept(void **state)
{
	(void)state;
	const char *type;
	struct made made = drawn(200, 200, 4, ".png");
	VipsImage *image = thumb(&made, 100, &type);
	assert_string_equal(type, "image/webp");
	assert_int_equal(vips_image_get_bands(image), 4);
	g_object_unref(image);
	made_free(&made);
}

static void a_thumbnail_of_an_animation_is_its_first_frame(void **state)
{
	(void)state;
	const char *type;
	static const char *const suffixes[] = {".gif", ".webp", ".tif"};
	for (size_t i = 0; i < 3; i++) {
		struct made made = animated(60, 40, 7, suffixes[i]);
		VipsImage *image = thumb(&made, 30, &type);
		assert_int_equal(vips_image_get_width(image), 30);
		assert_int_equal(vips_image_get_height(image), 20);
		g_object_unref(image);
		made_free(&made);
	}
}

static void a_truncated_image_still_has_a_thumbnail(void **state)
{
	(void)state;
	const char *type;
	struct made made = drawn(400, 300, 3, ".jpg");
	made.len = made.len * 3 / 4;
	VipsImage *image = thumb(&made, 100, &type);
	assert_int_equal(vips_image_get_width(image), 100);
	assert_pixel(image, 20, 10, 255, -1, 0);
	g_object_unref(image);
	made_free(&made);
}

static void thumbnails_have_a_sensible_size(void **state)
{
	(void)state;
	struct made made = drawn(10, 10, 3, ".png");
	struct buf out;
	struct err err;
	const char *type;
	buf_init(&out, IMAGE_THUMB_BYTES_MAX);
	assert_int_equal(image_thumb_bytes(made.bytes, made.len, 0, &out, &type, &err), -1);
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_int_equal(image_thumb_bytes(made.bytes, made.len, IMAGE_THUMB_SIDE_MAX + 1, &out, &type, &err),
	                 -1);
	assert_int_equal(image_thumb_bytes(made.bytes, made.len, 1, &out, &type, &err), 0);
	buf_release(&out);
	made_free(&made);
}

/* --- many threads --------------------------------------------------------------------------------------- */

static struct made shared[FORMATS];

static void *check_all(void *data)
{
	bool cut = data != NULL;
	size_t *wrong = calloc(1, sizeof(*wrong));
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < FORMATS; i++) {
			struct made made = {shared[i].bytes, cut ? shared[i].len / 2 : shared[i].len};
			struct image_info info;
			struct err err;
			*wrong += check(&made, &info, &err) != (cut ? -1 : 0);
		}
	}
	return wrong;
}

static void each_thread_gets_the_verdict_of_its_own_image(void **state)
{
	(void)state;
	pthread_t threads[8];
	for (size_t i = 0; i < FORMATS; i++)
		shared[i] = drawn(200, 150, 3, formats[i].suffix);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, check_all, i % 2 == 0 ? NULL : shared), 0);
	for (int i = 0; i < 8; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_int_equal(*(size_t *)wrong, 0);
		free(wrong);
	}
	for (size_t i = 0; i < FORMATS; i++)
		made_free(&shared[i]);
}

int main(void)
{
	if (vips_init("test_image") != 0)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_told_by_its_content),
		cmocka_unit_test(a_large_webp_keeps_its_size),
		cmocka_unit_test(animations_and_pages_are_counted),
		cmocka_unit_test(deep_and_gray_and_cmyk_images_are_fine),
		cmocka_unit_test(a_file_is_read_without_moving_its_position),
		cmocka_unit_test(what_is_no_image_is_a_wrong_type),
		cmocka_unit_test(only_magic_is_broken),
		cmocka_unit_test(truncated_images_are_refused),
		cmocka_unit_test(a_jpeg_cut_off_anywhere_is_refused_from_memory_and_from_a_file),
		cmocka_unit_test(a_jpeg_of_endless_scans_is_refused),
		cmocka_unit_test(a_damaged_page_is_refused),
		cmocka_unit_test(three_times_the_pages_are_three_times_the_work),
		cmocka_unit_test(pages_described_without_end_are_refused),
		cmocka_unit_test(channels_count_as_pixels_do),
		cmocka_unit_test(packed_text_without_end_is_refused),
		cmocka_unit_test(bombs_are_refused_by_their_header),
		cmocka_unit_test(endless_animations_are_refused),
		cmocka_unit_test(bitmaps_of_every_depth_are_read),
		cmocka_unit_test(bitmaps_of_one_bit_are_read),
		cmocka_unit_test(run_lengths_are_unpacked),
		cmocka_unit_test(large_bitmaps_of_run_lengths_are_unpacked_one_after_the_other),
		cmocka_unit_test(impossible_bitmaps_are_refused),
		cmocka_unit_test(thumbnails_fit_and_are_never_enlarged),
		cmocka_unit_test(exif_orientation_is_applied_and_all_metadata_dropped),
		cmocka_unit_test(transparency_is_kept),
		cmocka_unit_test(a_thumbnail_of_an_animation_is_its_first_frame),
		cmocka_unit_test(a_truncated_image_still_has_a_thumbnail),
		cmocka_unit_test(thumbnails_have_a_sensible_size),
		cmocka_unit_test(each_thread_gets_the_verdict_of_its_own_image),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
