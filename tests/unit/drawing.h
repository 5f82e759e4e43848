/* Images that libvips draws for tests (and BMPs made by hand), and checks of images. */
#ifndef DRAWING_H
#define DRAWING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <unistd.h>

#include <cmocka.h>
#include <vips/vips.h>

#include "image/image.h"

enum { PIXELS_MAX = 100 * 1000 * 1000 }; /* for tests that are not about that */

struct made {
	unsigned char *bytes;
	size_t len;
};

static inline void made_free(struct made *made)
{
	g_free(made->bytes);
}

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

/* --- drawing -------------------------------------------------------------------------------------------- */

/* Left half red, right half blue, with green noise all over so that no two strips are alike. */
static inline VipsImage *draw(int width, int height, int bands)
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

static inline struct made save(VipsImage *image, const char *suffix)
{
	struct made made;
	void *bytes;
	assert_int_equal(vips_image_write_to_buffer(image, suffix, &bytes, &made.len, NULL), 0);
	made.bytes = bytes;
	return made;
}

static inline struct made drawn(int width, int height, int bands, const char *suffix)
{
	VipsImage *image = draw(width, height, bands);
	struct made made = save(image, suffix);
	g_object_unref(image);
	return made;
}

/* `frames` frames of that size one below the other. */
static inline struct made animated(int width, int height, int frames, const char *suffix)
{
	VipsImage *image = draw(width, height * frames, 3), *copy;
	assert_int_equal(vips_copy(image, &copy, NULL), 0);
	vips_image_set_int(copy, VIPS_META_PAGE_HEIGHT, height);
	struct made made = save(copy, suffix);
	g_object_unref(image);
	g_object_unref(copy);
	return made;
}

static inline void put32(unsigned char *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(value >> 8 * i);
}

/* A BMP with the 40-byte header: `palette` colors of 4 bytes, then the rows as given. */
static inline struct made bmp(int width, int height, int bits, uint32_t compression, const void *extra,
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

/* Reads one of tests/images, wherever the tests are run from. */
static inline struct made from_file(const char *name)
{
	char path[4096], *slash;
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 100);
	assert_true(len > 0);
	path[len] = '\0';
	for (int i = 0; i < 5 && (slash = strrchr(path, '/')); i++) /* build/VARIANT/tests/unit/PROGRAM */
		*slash = '\0';
	snprintf(path + strlen(path), 100, "/tests/images/%s", name);
	struct made made;
	char *bytes;
	assert_true(g_file_get_contents(path, &bytes, &made.len, NULL));
	made.bytes = (unsigned char *)bytes;
	return made;
}

/* --- asking --------------------------------------------------------------------------------------------- */

static inline int check(const struct made *made, struct image_info *info, struct err *err)
{
	memset(info, 0, sizeof(*info));
	memset(err, 0, sizeof(*err));
	return image_check_bytes(made->bytes, made->len, PIXELS_MAX, info, err);
}

static inline void assert_refused(const struct made *made, enum err_code code)
{
	struct image_info info;
	struct err err;
	assert_true(check(made, &info, &err));
	assert_int_equal(err.code, code);
}

/* Makes the thumbnail, and decodes it. */
static inline VipsImage *thumb(const struct made *made, int side, const char **type)
{
	struct buf out;
	struct err err;
	buf_init(&out, IMAGE_THUMB_BYTES_MAX);
	if (image_thumb_bytes(made->bytes, made->len, PIXELS_MAX, side, &out, type, &err) != 0)
		fail_msg("%s", err.text);
	VipsImage *image = vips_image_new_from_buffer(out.data, out.len, "", NULL), *copy;
	assert_non_null(image);
	copy = vips_image_copy_memory(image);
	assert_non_null(copy);
	g_object_unref(image);
	buf_release(&out);
	return copy;
}

static inline void assert_pixel(VipsImage *image, int x, int y, int red, int green, int blue)
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

#endif
