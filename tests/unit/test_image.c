/* Checking images: which are accepted, and which refused. */
#include "drawing.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- what is taken -------------------------------------------------------------------------------------- */

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

static void what_telephones_send_is_taken(void **state)
{
	(void)state;
	static const struct {
		const char *file, *type;
		int width;
	} files[] = {{"turned.heic", "image/heic", 48}, {"red-blue.avif", "image/avif", 64}, {"red-blue.jxl", "image/jxl", 64}};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct made made = from_file(files[i].file);
		struct image_info info;
		struct err err;
		assert_true(image_can(files[i].type, &err));
		if (check(&made, &info, &err) != 0)
			fail_msg("%s: %s", files[i].file, err.text);
		assert_string_equal(info.type, files[i].type);
		assert_int_equal(info.width, files[i].width);
		assert_int_equal(info.height, 64 + 48 - files[i].width);
		assert_int_equal(info.orientation, 1);
		assert_int_equal(info.frames, 1);
		size_t whole = made.len;
		for (size_t part = 2; part < 20; part++) {
			made.len = whole * part / 20;
			assert_refused(&made, ERR_UNPROCESSABLE);
		}
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
		assert_int_equal(image_check_fd(fd, PIXELS_MAX, &info, &err), 0);
		assert_string_equal(info.type, formats[i].type);
		struct buf out;
		const char *type;
		buf_init(&out, IMAGE_THUMB_BYTES_MAX);
		assert_int_equal(image_thumb_fd(fd, PIXELS_MAX, 64, &out, &type, &err), 0);
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
		struct image_info info;
		struct err err;
		if (check(&made, &info, &err) == 0)
			fail_msg("format %zu, %zu of %zu bytes", i, made.len, whole);
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
		assert_int_equal(image_check_fd(fd, PIXELS_MAX, &info, &err), 0);
		assert_int_equal(info.width, 300);
		for (made.len = whole - 1; made.len > 4; made.len -= made.len / 30 + 1) {
			assert_refused(&made, ERR_UNPROCESSABLE);
			assert_int_equal(ftruncate(fd, (off_t)made.len), 0);
			assert_true(image_check_fd(fd, PIXELS_MAX, &info, &err));
			assert_int_equal(err.code, ERR_UNPROCESSABLE);
		}
		close(fd);
		made_free(&made);
	}
}

static void a_damaged_first_page_is_refused_and_a_later_one_is_not(void **state)
{
	(void)state;
	for (size_t part = 1; part <= 5; part += 4) { /* tenths: amid the first page, and amid the third */
		struct made made = animated(200, 100, 5, ".tif[compression=lzw]");
		struct image_info info;
		struct err err;
		const char *type;
		memset(made.bytes + made.len * part / 10, 0xff, made.len / 50);
		if (part == 1) {
			assert_refused(&made, ERR_UNPROCESSABLE);
		} else {
			assert_int_equal(check(&made, &info, &err), 0);
			assert_int_equal(info.frames, 5);
			g_object_unref(thumb(&made, 64, &type));
		}
		made_free(&made);
	}
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
		if (i == 0 && image_check_fd(fd, PIXELS_MAX, &info, &err) != 0)
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
	made_free(&made);
}

static void a_list_of_pages_that_leads_back_ends_there(void **state)
{
	(void)state;
	struct image_info info;
	struct err err;
	for (int pages = 1; pages <= 3; pages++) {
		struct made made = tiff_of_pages(pages, 0, 1);
		put32(made.bytes + made.len - 4, 8 + 1); /* the last one is followed by the first */
		if (check(&made, &info, &err) != 0)
			fail_msg("%s", err.text);
		assert_int_equal(info.frames, pages);
		made_free(&made);
	}
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
		if (page == 0)
			assert_refused(&made, ERR_TOO_LARGE);
		else /* which is not looked at any further */
			assert_int_equal(check(&made, &info, &err), 0);
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

/* A PNG's header tells another size from now on. */
static void png_resize(struct made *made, uint32_t width, uint32_t height)
{
	put32(made->bytes + 16, __builtin_bswap32(width));
	put32(made->bytes + 20, __builtin_bswap32(height));
	put32(made->bytes + 29, __builtin_bswap32(crc32_of(made->bytes + 12, 17)));
}

static struct made png_of_size(uint32_t width, uint32_t height)
{
	struct made made = drawn(10, 10, 3, ".png");
	png_resize(&made, width, height);
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
		assert_int_equal(!check(&texts, &info, &err), !texts_of[t].refused);
		made_free(&texts);
	}
	g_free(chunk);
	made_free(&made);
}

static void bombs_are_refused_by_their_header(void **state)
{
	(void)state;
	static const uint32_t sizes[][2] = {{50000, 50000}, {IMAGE_SIDE_MAX + 1, 1}, {1, IMAGE_SIDE_MAX + 1}, {10001, 10000}};
	for (size_t i = 0; i < 4; i++) {
		struct made made = png_of_size(sizes[i][0], sizes[i][1]);
		assert_refused(&made, ERR_TOO_LARGE);
		struct buf out;
		struct err err;
		const char *type;
		buf_init(&out, IMAGE_THUMB_BYTES_MAX);
		assert_true(image_thumb_bytes(made.bytes, made.len, PIXELS_MAX, 64, &out, &type, &err));
		assert_int_equal(err.code, ERR_TOO_LARGE);
		made_free(&made);
	}
	struct made made = png_of_size(10000, 10000); /* not too many, but they are not there */
	assert_refused(&made, ERR_UNPROCESSABLE);
	made_free(&made);
	made = bmp(30000, 30000, 24, 0, "", 0, "", 0);
	assert_int_not_equal(image_check_bytes(made.bytes, made.len, PIXELS_MAX, &(struct image_info){0},
	                                       &(struct err){0}), 0);
	made_free(&made);
}

static void the_limit_of_pixels_is_the_callers_and_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		struct made made = drawn(120, 90, 3, formats[i].suffix);
		struct image_info info;
		struct err err;
		assert_int_equal(image_check_bytes(made.bytes, made.len, 120 * 90, &info, &err), 0);
		assert_true(image_check_bytes(made.bytes, made.len, 120 * 90 - 1, &info, &err));
		assert_int_equal(err.code, ERR_TOO_LARGE);
		assert_non_null(strstr(err.text, "120 x 90"));
		assert_non_null(strstr(err.text, "limits.image_pixels"));
		made_free(&made);
	}
}

static void what_is_held_whole_is_bounded_by_memory(void **state)
{
	(void)state;
	struct made made = drawn(10, 10, 3, ".png[interlace]");
	struct err err;
	struct image_info info;
	png_resize(&made, 10000, 5000); /* 150 MB */
	assert_refused(&made, ERR_UNPROCESSABLE);
	png_resize(&made, 10000, 5001);
	assert_true(check(&made, &info, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_non_null(strstr(err.text, "memory"));
	made_free(&made);
}

static void put16(unsigned char *at, unsigned value)
{
	at[0] = (unsigned char)(value >> 8), at[1] = (unsigned char)value;
}

/* The size in its header alone: its tiles stay as they are. */
static void heic_resize(struct made *made, unsigned width, unsigned height)
{
	unsigned char *ispe = memmem(made->bytes, made->len, "ispe", 4);
	assert_non_null(ispe);
	put16(ispe + 10, width);
	put16(ispe + 14, height);
}

/* 12 x 16 tiles, as telephones write them. */
static void a_telephones_largest_picture_is_taken_and_a_larger_one_not(void **state)
{
	(void)state;
	struct made made = from_file("48-megapixels.heic");
	struct image_info info;
	struct err err;
	if (check(&made, &info, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(info.width, 8064);
	assert_int_equal(info.height, 6048);
	heic_resize(&made, 10000, 5001); /* six bytes each: over 300 MB */
	assert_true(check(&made, &info, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_non_null(strstr(err.text, "300 are allowed"));
	heic_resize(&made, 10000, 5000);
	assert_true(check(&made, &info, &err) == 0 || err.code == ERR_UNPROCESSABLE);
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

int main(void)
{
	if (vips_init("test_image") != 0)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_told_by_its_content),
		cmocka_unit_test(what_telephones_send_is_taken),
		cmocka_unit_test(a_large_webp_keeps_its_size),
		cmocka_unit_test(animations_and_pages_are_counted),
		cmocka_unit_test(deep_and_gray_and_cmyk_images_are_fine),
		cmocka_unit_test(a_file_is_read_without_moving_its_position),
		cmocka_unit_test(what_is_no_image_is_a_wrong_type),
		cmocka_unit_test(only_magic_is_broken),
		cmocka_unit_test(truncated_images_are_refused),
		cmocka_unit_test(a_jpeg_cut_off_anywhere_is_refused_from_memory_and_from_a_file),
		cmocka_unit_test(a_damaged_first_page_is_refused_and_a_later_one_is_not),
		cmocka_unit_test(three_times_the_pages_are_three_times_the_work),
		cmocka_unit_test(pages_described_without_end_are_refused),
		cmocka_unit_test(a_list_of_pages_that_leads_back_ends_there),
		cmocka_unit_test(channels_count_as_pixels_do),
		cmocka_unit_test(packed_text_without_end_is_refused),
		cmocka_unit_test(bombs_are_refused_by_their_header),
		cmocka_unit_test(the_limit_of_pixels_is_the_callers_and_named),
		cmocka_unit_test(what_is_held_whole_is_bounded_by_memory),
		cmocka_unit_test(a_telephones_largest_picture_is_taken_and_a_larger_one_not),
		cmocka_unit_test(endless_animations_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
