/* BMPs, which our own code reads, not libvips. */
#include "drawing.h"

#include <pthread.h>
#include <sys/resource.h>

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
	struct made made = bmp(32, 32, 8, 1, palette, 256 * 4, "\0\2\xff\xff\0\1", 6);
	struct image_info info;
	struct err err;
	assert_int_equal(check(&made, &info, &err), 0); /* a jump beyond the picture: others end there, too */
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
	             {1, INT32_MIN, 24, 0}, {1, 1, 0, 0}, {1, 1, 24, 99}};
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

/* Chromium and Pillow take the first ones, and neither of them the others. */
static void odd_headers_are_taken_as_others_take_them(void **state)
{
	(void)state;
	static const struct {
		int height;
		uint32_t compression, at, value; /* of the header, changed */
		bool taken;
	} cases[] = {
		{8, 0, 26, 8 << 16 | 5, true}, /* planes */
		{8, 0, 10, 54, true},          /* pixels that begin where the palette does */
		{-8, 1, 2, 0, true},           /* run lengths from the top */
		{8, 0, 14, 66, false},         /* a header of a size that nobody has described */
		{8, 0, 46, 65537, false},      /* colors */
	};
	char rows[64 + 2] = "";
	rows[65] = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const void *pixels = cases[i].compression ? (const void *)(rows + 64) : rows;
		struct made made = bmp(8, cases[i].height, 8, cases[i].compression, (unsigned char[1024]){0}, 1024, pixels,
		                       cases[i].compression ? 2 : 64);
		struct image_info info;
		struct err err;
		put32(made.bytes + cases[i].at, cases[i].value);
		if ((check(&made, &info, &err) == 0) != cases[i].taken)
			fail_msg("case %zu", i);
		made_free(&made);
	}
}

int main(void)
{
	if (vips_init("test_image_bmp") != 0)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bitmaps_of_every_depth_are_read),
		cmocka_unit_test(bitmaps_of_one_bit_are_read),
		cmocka_unit_test(run_lengths_are_unpacked),
		cmocka_unit_test(large_bitmaps_of_run_lengths_are_unpacked_one_after_the_other),
		cmocka_unit_test(odd_headers_are_taken_as_others_take_them),
		cmocka_unit_test(impossible_bitmaps_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
