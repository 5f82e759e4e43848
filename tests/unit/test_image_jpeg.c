/* JPEGs: their kinds, and the cost of decoding them. */
#include "drawing.h"

static struct made made_of(GByteArray *bytes)
{
	gsize len;
	unsigned char *data = g_byte_array_steal(bytes, &len);
	g_byte_array_unref(bytes);
	return (struct made){data, len};
}

static void add(GByteArray *bytes, const void *more, size_t len)
{
	g_byte_array_append(bytes, more, (guint)len);
}

static void add_segment(GByteArray *bytes, int marker, const void *body, size_t len)
{
	const unsigned char head[] = {0xff, (unsigned char)marker, (unsigned char)((len + 2) >> 8), (unsigned char)(len + 2)};
	add(bytes, head, sizeof(head));
	add(bytes, body, len);
}

static void add_scan(GByteArray *bytes, int first, int last, int bits, const void *data, size_t len)
{
	const unsigned char head[] = {1, 1, 0, (unsigned char)first, (unsigned char)last, (unsigned char)bits};
	add_segment(bytes, 0xda, head, sizeof(head));
	add(bytes, data, len);
}

/* A gray square of that side and process, its tables one code each: "0". */
static GByteArray *begun(int process, int precision, int side)
{
	GByteArray *bytes = g_byte_array_new();
	unsigned char quantizers[65], codes[18] = {0, 1};
	memset(quantizers, 1, sizeof(quantizers));
	quantizers[0] = 0;
	const unsigned char frame[] = {(unsigned char)precision, (unsigned char)(side >> 8), (unsigned char)side,
	                               (unsigned char)(side >> 8), (unsigned char)side, 1, 1, 0x11, 0};
	add(bytes, "\xff\xd8", 2);
	add_segment(bytes, 0xdb, quantizers, sizeof(quantizers));
	add_segment(bytes, 0xc0 + process, frame, sizeof(frame));
	add_segment(bytes, 0xc4, codes, sizeof(codes)); /* DC: no difference */
	codes[0] = 0x10;
	codes[17] = 0xe0; /* AC: 16,384 blocks, and as many as the next 14 bits say, end here */
	add_segment(bytes, 0xc4, codes, sizeof(codes));
	return bytes;
}

/* A progressive one of 8000 x 8000 pixels with so many scans that refine nothing. */
static struct made of_scans(int refinements)
{
	enum { SIDE = 8000, BLOCKS = SIDE / 8 * (SIDE / 8), RUN = 16384, RUNS = BLOCKS / RUN + 1 };
	GByteArray *bytes = begun(2, 8, SIDE);
	unsigned char *none = g_malloc0(BLOCKS / 8), runs[RUNS * 15 / 8 + 1] = {0};
	add_scan(bytes, 0, 0, 0x01, none, BLOCKS / 8);
	add_scan(bytes, 1, 63, 0x02, runs, sizeof(runs));
	for (int i = 0; i < refinements; i++)
		add_scan(bytes, 1, 63, i % 2 == 0 ? 0x21 : 0x10, runs, sizeof(runs));
	add(bytes, "\xff\xd9", 2);
	g_free(none);
	return made_of(bytes);
}

static void scans_times_pixels_are_bounded(void **state)
{
	(void)state;
	struct made made = of_scans(3);
	struct image_info info;
	struct err err;
	const char *type;
	if (check(&made, &info, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(info.width, 8000);
	g_object_unref(thumb(&made, 64, &type));
	made_free(&made);
	for (int refinements = 4; refinements < 100; refinements *= 4) {
		struct buf out;
		made = of_scans(refinements);
		assert_refused(&made, ERR_TOO_LARGE);
		buf_init(&out, IMAGE_THUMB_BYTES_MAX);
		for (int side = 64; side <= 2048; side *= 32) {
			assert_true(image_thumb_bytes(made.bytes, made.len, PIXELS_MAX, side, &out, &type, &err));
			assert_int_equal(err.code, ERR_TOO_LARGE);
		}
		made_free(&made);
	}
}

/* The same as the one strip of a TIFF, where libtiff decodes it. */
static void scans_within_a_tiff_are_bounded_alike(void **state)
{
	(void)state;
	enum { FIELDS = 9, STRIP_AT = 8 + 2 + 12 * FIELDS + 4 };
	for (int refinements = 3; refinements < 100; refinements += 87) {
		struct made strip = of_scans(refinements), made = {g_malloc0(STRIP_AT + strip.len), STRIP_AT + strip.len};
		const uint32_t fields[FIELDS][2] = {{256, 8000}, {257, 8000}, {258, 8}, {259, 7}, {262, 1}, {273, STRIP_AT},
		                                    {277, 1}, {278, 8000}, {279, (uint32_t)strip.len}};
		struct image_info info;
		struct err err;
		memcpy(made.bytes, "II*\0\x08\0\0\0\x09\0", 10);
		for (size_t i = 0; i < FIELDS; i++) {
			put32(made.bytes + 10 + 12 * i, fields[i][0] | 4 << 16);
			put32(made.bytes + 14 + 12 * i, 1);
			put32(made.bytes + 18 + 12 * i, fields[i][1]);
		}
		memcpy(made.bytes + STRIP_AT, strip.bytes, strip.len);
		if (refinements > 3)
			assert_refused(&made, ERR_TOO_LARGE);
		else if (check(&made, &info, &err) != 0)
			fail_msg("%s", err.text);
		made_free(&made);
		made_free(&strip);
	}
}

static void a_small_one_may_have_many_scans(void **state)
{
	(void)state;
	enum { REPEATED = 200 };
	struct made made = drawn(64, 64, 3, ".jpg[interlace]");
	struct image_info info;
	struct err err;
	size_t scan = made.len - 2;
	while (made.bytes[scan] != 0xff || made.bytes[scan + 1] != 0xda) /* where its last scan begins */
		scan--;
	size_t len = made.len - 2 - scan;
	struct made many = {.bytes = g_malloc(made.len + REPEATED * len), .len = made.len + REPEATED * len};
	memcpy(many.bytes, made.bytes, scan);
	for (size_t i = 0; i <= REPEATED; i++)
		memcpy(many.bytes + scan + i * len, made.bytes + scan, len);
	memcpy(many.bytes + many.len - 2, "\xff\xd9", 2);
	assert_int_equal(check(&many, &info, &err), 0);
	made_free(&many);
	made_free(&made);
}

static void a_kind_that_is_not_taken_is_told(void **state)
{
	(void)state;
	static const struct {
		int process, precision;
		const char *told;
	} kinds[] = {{3, 8, "lossless"}, {11, 8, "lossless"}, {1, 12, "12 bits"}, {2, 12, "12 bits"}, {5, 8, "hierarchical"}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		GByteArray *bytes = begun(kinds[i].process, kinds[i].precision, 16);
		add_scan(bytes, 0, 63, 0, "\0\0\0\0\xff\xd9", 6);
		struct made made = made_of(bytes);
		struct image_info info;
		struct err err;
		assert_true(check(&made, &info, &err));
		assert_int_equal(err.code, ERR_MEDIA_TYPE);
		if (strstr(err.text, kinds[i].told) == NULL)
			fail_msg("process %d: %s", kinds[i].process, err.text);
		made_free(&made);
	}
}

/* What libjpeg makes of a marker amid the bits of a scan. */
static void damage_that_libjpeg_gives_up_at_is_refused(void **state)
{
	(void)state;
	static const struct {
		unsigned char marker;
		bool taken;
	} markers[] = {{0xd8, false}, {0xc0, false}, {0xc4, false}, {0xda, false}, {0xd3, true}, {0xd9, true}, {0xfe, true}};
	for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++) {
		struct made made = drawn(400, 300, 3, ".jpg");
		struct image_info info;
		struct err err;
		unsigned char *amid = made.bytes + made.len / 2;
		const unsigned char marker[] = {0xff, markers[i].marker, 0, 4, 0, 0};
		memcpy(amid, marker, sizeof(marker));
		if ((check(&made, &info, &err) == 0) != markers[i].taken)
			fail_msg("marker %x", markers[i].marker);
		made_free(&made);
	}
}

static void the_orientation_is_that_of_its_exif(void **state)
{
	(void)state;
	for (int orientation = 1; orientation <= 8; orientation++)
		for (int motorola = 0; motorola < 2; motorola++) {
			struct made plain = drawn(40, 20, 3, ".jpg"), made;
			unsigned char exif[] = "\xff\xe1\0\x22" "Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\0\0\0\0\0\0\0";
			unsigned char other[] = "\xff\xe1\0\x22" "Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\0\0\0\0\0\0";
			unsigned char *used = motorola ? other : exif;
			size_t len = 36;
			used[motorola ? 29 : 28] = (unsigned char)orientation;
			made = (struct made){g_malloc(plain.len + len), plain.len + len};
			memcpy(made.bytes, plain.bytes, 2);
			memcpy(made.bytes + 2, used, len);
			memcpy(made.bytes + 2 + len, plain.bytes + 2, plain.len - 2);
			struct image_info info;
			struct err err;
			const char *type;
			assert_int_equal(check(&made, &info, &err), 0);
			assert_int_equal(info.orientation, orientation);
			VipsImage *image = thumb(&made, 20, &type);
			assert_int_equal(vips_image_get_width(image), orientation > 4 ? 10 : 20);
			g_object_unref(image);
			made_free(&made);
			made_free(&plain);
		}
}

int main(void)
{
	if (vips_init("test_image_jpeg") != 0)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scans_times_pixels_are_bounded),
		cmocka_unit_test(scans_within_a_tiff_are_bounded_alike),
		cmocka_unit_test(a_small_one_may_have_many_scans),
		cmocka_unit_test(damage_that_libjpeg_gives_up_at_is_refused),
		cmocka_unit_test(the_orientation_is_that_of_its_exif),
		cmocka_unit_test(a_kind_that_is_not_taken_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
