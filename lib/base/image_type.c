/* The table of image types. */
#include "base/image_type.h"

#include <string.h>
#include <strings.h>

/* Raster images only: nothing that a browser would execute, such as SVG or HTML, is ever served under its own type. */
static const struct image_type types[] = {
	{"image/jpeg", "JPEG", {"jpg", "jpeg", "jpe", "jfif"}, true, true},
	{"image/png", "PNG", {"png"}, true, true},
	{"image/webp", "WebP", {"webp"}, true, true},
	{"image/gif", "GIF", {"gif"}, true, true},
	{"image/bmp", "BMP", {"bmp", "dib"}, true, true},
	{"image/tiff", "TIFF", {"tiff", "tif"}, true, false},
	{"image/avif", "AVIF", {"avif"}, true, true},
	{"image/heic", "HEIC", {"heic", "heif", "hif"}, true, false},
	{"image/jxl", "JPEG XL", {"jxl"}, true, false},
	{"image/apng", "APNG", {"apng"}, false, true},
	{"image/x-icon", "ICO", {"ico"}, false, true},
	{"image/jp2", "JPEG 2000", {"jp2"}, false, false},
	{"image/jpx", "JPEG 2000", {"jpx"}, false, false},
	{"image/j2c", "JPEG 2000", {"j2k"}, false, false},
	{"image/x-tga", "TGA", {"tga"}, false, false},
	{"image/x-exr", "OpenEXR", {"exr"}, false, false},
	{"image/x-portable-bitmap", "PBM", {"pbm"}, false, false},
	{"image/x-portable-graymap", "PGM", {"pgm"}, false, false},
	{"image/x-portable-pixmap", "PPM", {"ppm"}, false, false},
	{"image/x-portable-anymap", "PNM", {"pnm"}, false, false},
};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

const struct image_type *image_type_of(const char *media)
{
	for (size_t i = 0; i < TYPES; i++)
		if (strcmp(types[i].media, media) == 0)
			return &types[i];
	return NULL;
}

static bool ends(const struct image_type *type, const char *ending)
{
	for (const char *const *known = type->endings; *known; known++)
		if (strcasecmp(ending, *known) == 0)
			return true;
	return false;
}

const struct image_type *image_type_by_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash ? slash : path, '.');

	for (size_t i = 0; dot && i < TYPES; i++)
		if (ends(&types[i], dot + 1))
			return &types[i];
	return NULL;
}

void image_type_names(struct buf *out)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].taken)
			buf_printf(out, "%s%s", i ? ", " : "", types[i].name);
}

/* --- first bytes -------------------------------------------------------------------------------------------------- */

static bool image_type_starts(const unsigned char *bytes, size_t len, size_t at, const char *magic, size_t magic_len)
{
	return len >= at + magic_len && memcmp(bytes + at, magic, magic_len) == 0;
}

/* "BM" also begins many texts; a bitmap is recognised by the size of the header that follows (12: OS/2; 16 to 124:
 * the others). */
static bool is_bmp(const unsigned char *bytes, size_t len)
{
	if (!image_type_starts(bytes, len, 0, "BM", 2) || len < 16)
		return false;
	unsigned header = (unsigned)bytes[14] | (unsigned)bytes[15] << 8;
	return header == 12 || (header >= 16 && header <= 124);
}

/* The type that a brand of ISO/IEC 23008-12 (HEIF) stands for; NULL when the brand alone says none. */
static const char *type_of_brand(const unsigned char *brand)
{
	static const struct {
		char brand[5];
		const char *media;
	} brands[] = {
		{"avif", "image/avif"}, {"avis", "image/avif"}, {"heic", "image/heic"}, {"heix", "image/heic"},
		{"heim", "image/heic"}, {"heis", "image/heic"}, {"hevc", "image/heic"}, {"hevx", "image/heic"},
		{"hevm", "image/heic"}, {"hevs", "image/heic"},
	};

	for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++)
		if (memcmp(brands[i].brand, brand, 4) == 0)
			return brands[i].media;
	return NULL;
}

/* Reads an "ftyp" box: its size, the major brand, a version, and the compatible brands. */
static const char *type_of_heif(const unsigned char *bytes, size_t len)
{
	if (!image_type_starts(bytes, len, 4, "ftyp", 4) || len < 12)
		return NULL;
	size_t size = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
	const char *media = type_of_brand(bytes + 8);
	bool any = image_type_starts(bytes, len, 8, "mif1", 4) || image_type_starts(bytes, len, 8, "msf1", 4) ||
	           image_type_starts(bytes, len, 8, "mif2", 4);

	for (size_t at = 16; !media && any && at + 4 <= size && at + 4 <= len; at += 4)
		media = type_of_brand(bytes + at);
	return media || !any ? media : "image/heic";
}

const struct image_type *image_type_sniff(const unsigned char *bytes, size_t len)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *media;
	} magics[] = {
		{"\xff\xd8\xff", 3, "image/jpeg"}, {"\x89PNG\r\n\x1a\n", 8, "image/png"}, {"GIF87a", 6, "image/gif"},
		{"GIF89a", 6, "image/gif"}, {"II*\0", 4, "image/tiff"}, {"MM\0*", 4, "image/tiff"},
		{"II+\0", 4, "image/tiff"}, {"MM\0+", 4, "image/tiff"}, /* BigTIFF */
		{"\xff\x0a", 2, "image/jxl"}, {"\0\0\0\x0cJXL \r\n\x87\n", 12, "image/jxl"},
	};
	const char *media = type_of_heif(bytes, len);

	for (size_t i = 0; !media && i < sizeof(magics) / sizeof(magics[0]); i++)
		if (image_type_starts(bytes, len, 0, magics[i].magic, magics[i].len))
			media = magics[i].media;
	if (!media && image_type_starts(bytes, len, 0, "RIFF", 4) && image_type_starts(bytes, len, 8, "WEBP", 4))
		media = "image/webp";
	if (!media && is_bmp(bytes, len))
		media = "image/bmp";
	return media ? image_type_of(media) : NULL;
}
