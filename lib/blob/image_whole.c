/* Walks over the blocks of PNG, GIF and TIFF files without decoding them. */
#include "blob/image_whole.h"

/* Reads on through a window, since GIF's blocks are tiny. */
struct walk {
	const struct image_source *source;
	int64_t at;
	int64_t start, len; /* the window: bytes [start, start + len) of the source */
	unsigned char window[16 * 1024];
};

/* The next byte, or -1 at the end. */
static int next_byte(struct walk *walk)
{
	if (walk->at < walk->start || walk->at >= walk->start + walk->len) {
		walk->start = walk->at;
		walk->len = image_source_read(walk->source, walk->at, walk->window, sizeof(walk->window));
		if (walk->len <= 0) {
			walk->len = 0;
			return -1;
		}
	}
	return walk->window[walk->at++ - walk->start];
}

/* Whether len bytes are there to be passed over. */
static bool skip(struct walk *walk, int64_t len)
{
	walk->at += len;
	return walk->at <= walk->source->size;
}

/* An unsigned number of `size` bytes; *ok is false at the end. */
static uint64_t number(struct walk *walk, int size, bool big_endian, bool *ok)
{
	uint64_t value = 0;
	for (int i = 0; i < size; i++) {
		int byte = next_byte(walk);
		if (byte < 0) {
			*ok = false;
			return 0;
		}
		value |= (uint64_t)byte << 8 * (big_endian ? size - 1 - i : i);
	}
	return value;
}

static bool png_is_whole(struct walk *walk)
{
	bool ok = skip(walk, 8);
	for (;;) {
		uint64_t len = number(walk, 4, true, &ok), name = number(walk, 4, true, &ok);
		if (!ok || !skip(walk, (int64_t)len + 4))
			return false;
		if (name == 0x49454e44) /* IEND */
			return true;
	}
}

static bool gif_skip_blocks(struct walk *walk)
{
	for (;;) {
		int len = next_byte(walk);
		if (len <= 0)
			return len == 0;
		if (!skip(walk, len))
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
	if (!skip(walk, 10))
		return false;
	int flags = next_byte(walk);
	if (flags < 0 || !skip(walk, 2 + gif_table_bytes(flags)))
		return false;
	for (;;) {
		switch (next_byte(walk)) {
		case 0x21: /* an extension */
			if (next_byte(walk) < 0 || !gif_skip_blocks(walk))
				return false;
			break;
		case 0x2c: /* an image */
			if (!skip(walk, 8) || (flags = next_byte(walk)) < 0 ||
			    !skip(walk, gif_table_bytes(flags) + 1) || !gif_skip_blocks(walk))
				return false;
			++*frames;
			break;
		default:
			return true;
		}
	}
}

static bool tiff_is_whole(struct walk *walk, int64_t *pages)
{
	bool ok = true, big_endian = next_byte(walk) == 'M';
	skip(walk, 1);
	bool big = number(walk, 2, big_endian, &ok) == 43; /* BigTIFF: 8-byte offsets */
	ok = ok && skip(walk, big ? 4 : 0);
	uint64_t next = number(walk, big ? 8 : 4, big_endian, &ok);
	for (*pages = 0; ok && next != 0 && *pages <= IMAGE_FRAMES_MAX; ++*pages) {
		if (next >= (uint64_t)walk->source->size)
			return false;
		walk->at = (int64_t)next;
		uint64_t entries = number(walk, big ? 8 : 2, big_endian, &ok);
		ok = ok && entries <= 65535 && skip(walk, (int64_t)entries * (big ? 20 : 12));
		next = number(walk, big ? 8 : 4, big_endian, &ok);
	}
	return ok;
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
