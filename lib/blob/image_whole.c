/* Walks over the blocks of PNG, GIF and TIFF files without decoding them. */
#include "blob/image_whole.h"

#include "blob/image_walk.h"

/* Bytes of a PNG's text and color profile, which are unpacked to a thousand times as many (measured: 5 s a MB). */
enum { PNG_PACKED_MAX = 2 * 1024 * 1024 };
/* Of a page, and of all of them; a camera writes some 60 a page, and libtiff takes 40 us for each that it does not know. */
enum { TIFF_ENTRIES_MAX = 1000, TIFF_ALL_ENTRIES_MAX = 250 * 1000 };

/* Whether the chunk that begins here is text, or a color profile, that is packed. */
static bool png_is_packed(struct walk *walk, uint64_t name)
{
	if (name == 0x7a545874 || name == 0x69434350) /* zTXt, iCCP */
		return true;
	if (name != 0x69545874) /* iTXt: its keyword, and whether it is */
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
		if (name == 0x49454e44) /* IEND */
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

/* A missing trailer is let pass, as every reader does, and so is what no reader knows between blocks. */
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
		case 0x21: /* an extension */
			if (walk_byte(walk) < 0 || !gif_skip_blocks(walk))
				return false;
			break;
		case 0x2c: /* an image */
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

static bool tiff_begin(struct walk *walk, struct image_tiff *tiff)
{
	bool ok = true;
	tiff->big_endian = walk_byte(walk) == 'M';
	walk_skip(walk, 1);
	tiff->big = walk_number(walk, 2, tiff->big_endian, &ok) == 43;
	ok = ok && walk_skip(walk, tiff->big ? 4 : 0);
	tiff->first_at = walk->at;
	tiff->next = walk_number(walk, tiff->big ? 8 : 4, tiff->big_endian, &ok);
	return ok;
}

static struct image_patch tiff_patch(const struct image_tiff *tiff, int64_t at, uint64_t value)
{
	struct image_patch patch = {.at = at, .len = tiff->big ? 8 : 4};
	for (size_t i = 0; i < patch.len; i++)
		patch.bytes[i] = (unsigned char)(value >> 8 * (tiff->big_endian ? patch.len - 1 - i : i));
	return patch;
}

bool image_tiff_next(struct image_source *source, struct image_tiff *tiff)
{
	struct walk walk = {.source = source};
	bool ok = true;
	source->patch[0].len = source->patch[1].len = 0;
	if (tiff->first_at == 0 && !tiff_begin(&walk, tiff))
		return false;
	uint64_t page = tiff->next;
	if (page == 0 || page >= (uint64_t)source->size)
		return false;
	walk.at = (int64_t)page;
	uint64_t entries = walk_number(&walk, tiff->big ? 8 : 2, tiff->big_endian, &ok);
	if (!ok || entries > TIFF_ENTRIES_MAX || (tiff->entries += (int64_t)entries) > TIFF_ALL_ENTRIES_MAX || !walk_skip(&walk, (int64_t)entries * (tiff->big ? 20 : 12)))
		return false;
	int64_t next_at = walk.at;
	tiff->next = walk_number(&walk, tiff->big ? 8 : 4, tiff->big_endian, &ok);
	if (!ok)
		return false;
	source->patch[0] = tiff_patch(tiff, tiff->first_at, page);
	source->patch[1] = tiff_patch(tiff, next_at, 0);
	return true;
}

static bool tiff_is_whole(const struct walk *walk, int64_t *pages)
{
	struct image_source source = *walk->source;
	struct image_tiff tiff = {0};
	for (*pages = 0; *pages == 0 || (tiff.next != 0 && *pages <= IMAGE_FRAMES_MAX); ++*pages)
		if (!image_tiff_next(&source, &tiff))
			return false;
	return true;
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
		return tiff_is_whole(&walk, frames);
	return true;
}
