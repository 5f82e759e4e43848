/* Walks over the blocks of PNG and GIF files without decoding them. */
#include "image/whole.h"

#include <math.h>

#include "image/tiff.h"
#include "image/walk.h"

/* Bytes of a PNG's text and color profile, which may unpack to a thousand times as many (measured: 5 s a MB). */
enum { PNG_PACKED_MAX = 2 * 1024 * 1024 };

/* Names of chunks, and kinds of blocks. */
enum {
	PNG_IDAT = 0x49444154, PNG_IEND = 0x49454e44, PNG_ZTXT = 0x7a545874, PNG_ITXT = 0x69545874,
	PNG_ICCP = 0x69434350, PNG_SRGB = 0x73524742, PNG_GAMA = 0x67414d41, PNG_CICP = 0x63494350,
};
enum { GIF_EXTENSION = 0x21, GIF_IMAGE = 0x2c };
/* Whether the chunk that begins here is packed text, or a packed color profile. */
static bool png_is_packed(struct walk *walk, uint64_t name)
{
	if (name == PNG_ZTXT || name == PNG_ICCP)
		return true;
	if (name != PNG_ITXT) /* an iTXt says after its keyword whether it is packed */
		return false;
	int64_t at = walk->at;
	for (int left = 80; left > 0 && walk_byte(walk) > 0; left--)
		;
	bool packed = walk_byte(walk) != 0;
	walk->at = at;
	return packed;
}

static bool png_is_whole(struct walk *walk)
{
	bool ok = walk_skip(walk, 8);
	int64_t packed = 0;
	for (;;) {
		uint64_t len = walk_number(walk, 4, true, &ok), name = walk_number(walk, 4, true, &ok);
		packed += ok && png_is_packed(walk, name) ? (int64_t)len : 0;
		if (!ok || packed > PNG_PACKED_MAX || !walk_skip(walk, (int64_t)len + 4))
			return false;
		if (name == PNG_IEND)
			return true;
	}
}

static bool gif_skip_blocks(struct walk *walk)
{
	for (;;) {
		int len = walk_byte(walk);
		if (len <= 0)
			return len == 0;
		if (!walk_skip(walk, len))
			return false;
	}
}

static int64_t gif_table_bytes(int flags)
{
	return (flags & 0x80) != 0 ? 3 << ((flags & 7) + 1) : 0;
}

/* Accepts a missing trailer, as every reader does, and unknown bytes between blocks. */
static bool gif_is_whole(struct walk *walk, int64_t *frames)
{
	*frames = 0;
	if (!walk_skip(walk, 10))
		return false;
	int flags = walk_byte(walk);
	if (flags < 0 || !walk_skip(walk, 2 + gif_table_bytes(flags)))
		return false;
	for (;;) {
		switch (walk_byte(walk)) {
		case GIF_EXTENSION:
			if (walk_byte(walk) < 0 || !gif_skip_blocks(walk))
				return false;
			break;
		case GIF_IMAGE:
			if (!walk_skip(walk, 8) || (flags = walk_byte(walk)) < 0 ||
			    !walk_skip(walk, gif_table_bytes(flags) + 1) || !gif_skip_blocks(walk))
				return false;
			++*frames;
			break;
		default:
			return true;
		}
	}
}

bool image_png_gamma(const struct image_source *source, double *gamma)
{
	struct walk walk = {.source = source};
	bool ok = walk_skip(&walk, 8);
	uint64_t told = 0;
	for (;;) {
		uint64_t len = walk_number(&walk, 4, true, &ok), name = walk_number(&walk, 4, true, &ok);
		if (!ok || name == PNG_IDAT)
			break;
		if (name == PNG_SRGB || name == PNG_ICCP || name == PNG_CICP)
			return false;
		int64_t next = walk.at + (int64_t)len + 4;
		if (name == PNG_GAMA)
			told = walk_number(&walk, 4, true, &ok);
		walk.at = next;
	}
	*gamma = (double)told / 100000;
	return told > 0 && fabs(1 / *gamma - 2.2) >= 0.01;
}

bool image_gif_frame(const struct image_source *source, struct image_rect *out)
{
	struct walk walk = {.source = source};
	int kind, flags;
	bool ok = walk_skip(&walk, 10);
	if (!ok || (flags = walk_byte(&walk)) < 0 || !walk_skip(&walk, 2 + gif_table_bytes(flags)))
		return false;
	while ((kind = walk_byte(&walk)) == GIF_EXTENSION)
		if (walk_byte(&walk) < 0 || !gif_skip_blocks(&walk))
			return false;
	out->left = (int)walk_number(&walk, 2, false, &ok);
	out->top = (int)walk_number(&walk, 2, false, &ok);
	out->width = (int)walk_number(&walk, 2, false, &ok);
	out->height = (int)walk_number(&walk, 2, false, &ok);
	return ok && kind == GIF_IMAGE;
}

bool image_is_whole(const struct image_source *source, const char *type, int64_t *frames)
{
	struct walk walk = {.source = source};
	*frames = 1;
	if (strcmp(type, "image/png") == 0)
		return png_is_whole(&walk);
	if (strcmp(type, "image/gif") == 0)
		return gif_is_whole(&walk, frames);
	if (strcmp(type, "image/tiff") == 0)
		return image_tiff_pages(source, frames);
	return true;
}
