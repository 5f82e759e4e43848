/* Thumbnails, and many threads that check images at once. */
#include "drawing.h"

#include <math.h>

#include <pthread.h>

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
	assert_true(image_thumb_bytes(made.bytes, made.len, PIXELS_MAX, 0, &out, &type, &err));
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_true(image_thumb_bytes(made.bytes, made.len, PIXELS_MAX, IMAGE_THUMB_SIDE_MAX + 1, &out, &type, &err));
	assert_int_equal(image_thumb_bytes(made.bytes, made.len, PIXELS_MAX, 1, &out, &type, &err), 0);
	buf_release(&out);
	made_free(&made);
}

/* --- as browsers show it -------------------------------------------------------------------------------- */

static struct made with_profile(int bands, const void *profile, size_t len, const char *suffix)
{
	VipsImage *image = draw(100, 80, bands < 3 ? 3 : bands), *made, *copy;
	assert_int_equal(vips_extract_band(image, &made, 0, "n", bands, NULL), 0);
	assert_int_equal(vips_copy(made, &copy, "interpretation", bands < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB,
	                           NULL), 0);
	vips_image_set_blob_copy(copy, VIPS_META_ICC_NAME, profile, len);
	struct made saved = save(copy, suffix);
	g_object_unref(image);
	g_object_unref(made);
	g_object_unref(copy);
	return saved;
}

static void a_color_profile_that_does_not_fit_does_not_decide(void **state)
{
	(void)state;
	static const char *const suffixes[] = {".jpg", ".jpg[interlace]", ".png", ".tif", ".webp"};
	static const char junk[300] = "no profile at all";
	VipsBlob *srgb;
	assert_int_equal(vips_profile_load("srgb", &srgb, NULL), 0);
	size_t len;
	const void *profile = vips_blob_get(srgb, &len);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		for (int kind = 0; kind < 4; kind++) {
			int bands = kind % 2 == 0 ? 1 : 3;
			struct made made = with_profile(bands, kind < 2 ? profile : junk, kind < 2 ? len : sizeof(junk), suffixes[i]);
			struct image_info info;
			struct err err;
			const char *type;
			if (check(&made, &info, &err) != 0)
				fail_msg("%s, kind %d: %s", suffixes[i], kind, err.text);
			for (int side = 8; side <= 256; side *= 4) {
				VipsImage *image = thumb(&made, side, &type);
				int width = vips_image_get_width(image), height = vips_image_get_height(image);
				assert_int_equal(width, side < 100 ? side : 100);
				assert_pixel(image, width / 4, height / 2, 255, -1, bands == 1 ? -1 : 0);
				assert_pixel(image, width * 3 / 4, height / 2, 0, -1, bands == 1 ? -1 : 255);
				g_object_unref(image);
			}
			made_free(&made);
		}
	vips_area_unref(VIPS_AREA(srgb));
}

/* A copy with that orientation in its EXIF. */
static struct made turned(int orientation, const char *suffix)
{
	VipsImage *image = draw(40, 20, 3), *copy;
	assert_int_equal(vips_copy(image, &copy, NULL), 0);
	vips_image_set_int(copy, VIPS_META_ORIENTATION, orientation);
	struct made made = save(copy, suffix);
	g_object_unref(image);
	g_object_unref(copy);
	return made;
}

/* As seen in Chromium: it turns JPEG and PNG by EXIF, and WebP not. */
static void only_what_a_browser_turns_is_turned(void **state)
{
	(void)state;
	static const struct {
		const char *suffix;
		bool turned;
	} kinds[] = {{".jpg", true}, {".webp", false}, {".webp[lossless]", false}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct made made = turned(6, kinds[i].suffix);
		struct image_info info;
		struct err err;
		const char *type;
		assert_int_equal(check(&made, &info, &err), 0);
		assert_int_equal(info.orientation, kinds[i].turned ? 6 : 1);
		for (int side = 10; side <= 100; side *= 10) {
			VipsImage *image = thumb(&made, side, &type);
			bool high = vips_image_get_height(image) > vips_image_get_width(image);
			assert_int_equal(high, kinds[i].turned);
			assert_pixel(image, 1, 1, 255, -1, 0);
			g_object_unref(image);
		}
		made_free(&made);
	}
	struct made made = from_file("turned.heic");
	const char *type;
	VipsImage *image = thumb(&made, 32, &type);
	assert_int_equal(vips_image_get_height(image), 32);
	assert_pixel(image, 12, 2, 255, 0, 0);
	assert_pixel(image, 12, 29, 0, 0, 255);
	g_object_unref(image);
	made_free(&made);
}

/* A gray square of that value: a PNG with that chunk after its header. */
static struct made gray_png(int value, const char *chunk, size_t len)
{
	VipsImage *image, *gray;
	assert_int_equal(vips_black(&image, 8, 8, NULL), 0);
	assert_int_equal(vips_linear1(image, &gray, 1, value, "uchar", TRUE, NULL), 0);
	struct made plain = save(gray, ".png"), made = {g_malloc(plain.len + len), plain.len + len};
	memcpy(made.bytes, plain.bytes, 33);
	memcpy(made.bytes + 33, chunk, len);
	memcpy(made.bytes + 33 + len, plain.bytes + 33, plain.len - 33);
	made_free(&plain);
	g_object_unref(image);
	g_object_unref(gray);
	return made;
}

/* The values are those that Chromium shows. */
static void the_gamma_of_a_png_is_applied(void **state)
{
	(void)state;
#define GAMMA_1 "\0\0\0\4gAMA" "\x00\x01\x86\xa0\x31\xe8\x96\x5f"
#define GAMMA_045455 "\0\0\0\4gAMA" "\x00\x00\xb1\x8f\x0b\xfc\x61\x05"
#define GAMMA_03 "\0\0\0\4gAMA" "\x00\x00\x75\x30\xff\xb4\xdd\x52"
#define SRGB "\0\0\0\1sRGB" "\x00\xae\xce\x1c\xe9"
	static const struct {
		const char *chunks;
		size_t len;
		int shown;
	} kinds[] = {{GAMMA_1, 16, 188}, {GAMMA_045455, 16, 128}, {GAMMA_03, 16, 89}, {SRGB GAMMA_1, 29, 128}, {GAMMA_1 SRGB, 29, 128}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct made made = gray_png(128, kinds[i].chunks, kinds[i].len);
		const char *type;
		double *value;
		int n;
		VipsImage *image = thumb(&made, 8, &type);
		assert_int_equal(vips_getpoint(image, &value, &n, 4, 4, NULL), 0);
		if (fabs(value[0] - kinds[i].shown) > 3)
			fail_msg("kind %zu: %.0f, not %d", i, value[0], kinds[i].shown);
		g_free(value);
		g_object_unref(image);
		made_free(&made);
	}
}

static void what_a_gif_does_not_paint_is_transparent(void **state)
{
	(void)state;
	/* A canvas of 5 x 5, of which one pixel at 2, 1 is painted, white. */
	static const unsigned char gif[] = "GIF89a\5\0\5\0\x80\0\0\0\0\0\xff\xff\xff\x2c\2\0\1\0\1\0\1\0\0\2\2\x4c\1\0;";
	struct made made = {g_memdup2(gif, sizeof(gif) - 1), sizeof(gif) - 1};
	const char *type;
	double *value;
	int n;
	VipsImage *image = thumb(&made, 64, &type);
	assert_string_equal(type, "image/webp");
	assert_int_equal(vips_image_get_width(image), 5);
	for (int y = 0; y < 5; y++)
		for (int x = 0; x < 5; x++) {
			assert_int_equal(vips_getpoint(image, &value, &n, x, y, NULL), 0);
			assert_int_equal(n, 4);
			assert_int_equal(value[3] > 128, x == 2 && y == 1);
			g_free(value);
		}
	g_object_unref(image);
	made_free(&made);
}

static void a_small_picture_keeps_its_colors(void **state)
{
	(void)state;
	VipsImage *xyz, *x, *red, *parts[3], *image, *fine;
	const char *type;
	/* Stripes of a pixel, red and blue. */
	assert_int_equal(vips_xyz(&xyz, 64, 64, NULL), 0);
	assert_int_equal(vips_extract_band(xyz, &x, 0, NULL), 0);
	assert_int_equal(vips_remainder_const1(x, &red, 2, NULL), 0);
	assert_int_equal(vips_linear1(red, &parts[0], 255, 0, "uchar", TRUE, NULL), 0);
	assert_int_equal(vips_invert(parts[0], &parts[2], NULL), 0);
	assert_int_equal(vips_linear1(parts[0], &parts[1], 0, 0, "uchar", TRUE, NULL), 0);
	assert_int_equal(vips_bandjoin(parts, &image, 3, NULL), 0);
	assert_int_equal(vips_copy(image, &fine, "interpretation", VIPS_INTERPRETATION_sRGB, NULL), 0);
	struct made made = save(fine, ".png");
	VipsImage *small = thumb(&made, 64, &type);
	for (int i = 20; i < 24; i++)
		assert_pixel(small, i, 30, i % 2 == 1 ? 255 : 0, 0, i % 2 == 1 ? 0 : 255);
	g_object_unref(small);
	made_free(&made);
	VipsImage *all[] = {xyz, x, red, parts[0], parts[1], parts[2], image, fine};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		g_object_unref(all[i]);
}

static void measured_values_are_scaled_by_their_range(void **state)
{
	(void)state;
	static const double ranges[][2] = {{0, 1}, {-5, 5}, {1e6, 2e6}, {0, 1e-3}, {0, 255}};
	for (size_t i = 0; i < 2 * sizeof(ranges) / sizeof(ranges[0]); i++) {
		VipsImage *ramp, *values, *cast;
		const double *range = ranges[i / 2];
		const char *type;
		VipsBandFormat format = i % 2 == 0 ? VIPS_FORMAT_FLOAT : VIPS_FORMAT_DOUBLE;
		assert_int_equal(vips_grey(&ramp, 200, 100, NULL), 0); /* 0 to 1 from left to right */
		assert_int_equal(vips_linear1(ramp, &values, range[1] - range[0], range[0], NULL), 0);
		assert_int_equal(vips_cast(values, &cast, format, NULL), 0);
		struct made made = save(cast, ".tif");
		struct image_info info;
		struct err err;
		if (check(&made, &info, &err) != 0)
			fail_msg("%zu: %s", i, err.text);
		VipsImage *image = thumb(&made, 100, &type);
		assert_int_equal(vips_image_get_width(image), 100);
		assert_pixel(image, 1, 25, 0, -1, -1);
		assert_pixel(image, 50, 25, 128, -1, -1);
		assert_pixel(image, 98, 25, 255, -1, -1);
		g_object_unref(image);
		g_object_unref(ramp);
		g_object_unref(values);
		g_object_unref(cast);
		made_free(&made);
	}
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
			*wrong += !check(&made, &info, &err) != !cut;
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
	if (vips_init("test_image_thumb") != 0)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thumbnails_fit_and_are_never_enlarged),
		cmocka_unit_test(exif_orientation_is_applied_and_all_metadata_dropped),
		cmocka_unit_test(transparency_is_kept),
		cmocka_unit_test(a_thumbnail_of_an_animation_is_its_first_frame),
		cmocka_unit_test(a_truncated_image_still_has_a_thumbnail),
		cmocka_unit_test(thumbnails_have_a_sensible_size),
		cmocka_unit_test(a_color_profile_that_does_not_fit_does_not_decide),
		cmocka_unit_test(only_what_a_browser_turns_is_turned),
		cmocka_unit_test(the_gamma_of_a_png_is_applied),
		cmocka_unit_test(what_a_gif_does_not_paint_is_transparent),
		cmocka_unit_test(a_small_picture_keeps_its_colors),
		cmocka_unit_test(measured_values_are_scaled_by_their_range),
		cmocka_unit_test(each_thread_gets_the_verdict_of_its_own_image),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
