/* Thumbnails, and many threads that check images at once. */
#include "drawing.h"

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
	assert_int_equal(image_thumb_bytes(made.bytes, made.len, PIXELS_MAX, 0, &out, &type, &err), -1);
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_int_equal(image_thumb_bytes(made.bytes, made.len, PIXELS_MAX, IMAGE_THUMB_SIDE_MAX + 1, &out, &type, &err),
	                 -1);
	assert_int_equal(image_thumb_bytes(made.bytes, made.len, PIXELS_MAX, 1, &out, &type, &err), 0);
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
	if (vips_init("test_image_thumb") != 0)
		return 1;
	const struct CMUnitTest tests[] = {
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
