/* Types of images, recognised by bytes and by names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/image_type.h"

static const char *sniff(const char *bytes, size_t len)
{
	const struct image_type *type = image_type_sniff((const unsigned char *)bytes, len);
	return type ? type->media : "none";
}
#define SNIFF(literal) sniff(literal, sizeof(literal) - 1)

static void tells_images_by_their_first_bytes(void **state)
{
	(void)state;
	assert_string_equal(SNIFF("\xff\xd8\xff\xe0\0\x10JFIF"), "image/jpeg");
	assert_string_equal(SNIFF("\x89PNG\r\n\x1a\n"), "image/png");
	assert_string_equal(SNIFF("RIFF\x24\0\0\0WEBPVP8 "), "image/webp");
	assert_string_equal(SNIFF("GIF87a"), "image/gif");
	assert_string_equal(SNIFF("GIF89a"), "image/gif");
	assert_string_equal(SNIFF("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0"), "image/bmp");
	assert_string_equal(SNIFF("II*\0\x08\0\0\0"), "image/tiff");
	assert_string_equal(SNIFF("MM\0*\0\0\0\x08"), "image/tiff");
	assert_string_equal(SNIFF("\xff\x0a\x3f\x16"), "image/jxl");
	assert_string_equal(SNIFF("\0\0\0\x0cJXL \r\n\x87\n"), "image/jxl");
	assert_string_equal(SNIFF("RIFF\x24\0\0\0WAVEfmt "), "none");
	assert_string_equal(SNIFF("BMW is a maker of cars"), "none");
	assert_string_equal(SNIFF("<svg xmlns=\"http"), "none");
	assert_string_equal(SNIFF("\xff\xd8"), "none");
	assert_string_equal(SNIFF(""), "none");
}

static void tells_heif_by_its_brands(void **state)
{
	(void)state;
	assert_string_equal(SNIFF("\0\0\0\x1c" "ftypheic\0\0\0\0mif1heic"), "image/heic");
	assert_string_equal(SNIFF("\0\0\0\x1c" "ftypheix\0\0\0\0mif1heix"), "image/heic");
	assert_string_equal(SNIFF("\0\0\0\x1c" "ftypavif\0\0\0\0mif1miaf"), "image/avif");
	assert_string_equal(SNIFF("\0\0\0\x1c" "ftypmif1\0\0\0\0mif1miafheic"), "image/heic");
	assert_string_equal(SNIFF("\0\0\0\x20" "ftypmif1\0\0\0\0mif1miafavif"), "image/avif");
	assert_string_equal(SNIFF("\0\0\0\x18" "ftypmif1\0\0\0\0mif1miafavif"), "image/heic"); /* the box ends before */
	assert_string_equal(SNIFF("\0\0\0\x1c" "ftypmp42\0\0\0\0mp42isom"), "none");
	assert_string_equal(SNIFF("\0\0\0\x14" "ftypqt  \0\0\0\0qt  "), "none");
	assert_string_equal(SNIFF("\0\0\0\x1c" "ftyp"), "none");
}

static const char *by_name(const char *path)
{
	const struct image_type *type = image_type_by_name(path);
	return type ? type->media : "none";
}

static void tells_images_by_their_names(void **state)
{
	(void)state;
	assert_string_equal(by_name("a/b.JPG"), "image/jpeg");
	assert_string_equal(by_name("IMG_0001.HEIC"), "image/heic");
	assert_string_equal(by_name("b.tif"), "image/tiff");
	assert_string_equal(by_name("scan.tga"), "image/x-tga");
	assert_string_equal(by_name("a.png/b"), "none");
	assert_string_equal(by_name("page.html"), "none");
	assert_string_equal(by_name("drawing.svg"), "none");
	assert_string_equal(by_name("ends."), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_images_by_their_first_bytes),
		cmocka_unit_test(tells_heif_by_its_brands),
		cmocka_unit_test(tells_images_by_their_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
