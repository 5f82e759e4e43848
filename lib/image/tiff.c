/* Walks through a TIFF's pages. */
#include "image/tiff.h"

#include "base/memory.h"
#include "image/walk.h"

/* Entries of a page, and of all pages; a camera writes some 60 a page. libtiff takes 40 us for each unknown one. */
enum { ENTRIES_MAX = 1000, ALL_ENTRIES_MAX = 250 * 1000 };
enum {
	WIDTH = 256, HEIGHT = 257, COMPRESSION = 259, STRIP_OFFSETS = 273, ORIENTATION = 274, ROWS_PER_STRIP = 278,
	STRIP_LENGTHS = 279, TILE_HEIGHT = 323, TILE_OFFSETS = 324, TILE_LENGTHS = 325,
};

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

static struct image_patch patch(const struct image_tiff *tiff, int64_t at, uint64_t value)
{
	struct image_patch made = {.at = at, .len = tiff->big ? 8 : 4};
	for (size_t i = 0; i < made.len; i++)
		made.bytes[i] = (unsigned char)(value >> 8 * (tiff->big_endian ? made.len - 1 - i : i));
	return made;
}

/* Bytes of a value of this type; 0 for an unknown type. */
static int size_of(uint64_t type)
{
	static const int sizes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
	return type < sizeof(sizes) / sizeof(sizes[0]) ? sizes[type] : 0;
}

/* Reads the entry that begins here. */
static bool tiff_read_entry(struct walk *walk, struct image_tiff *tiff)
{
	bool ok = true, end = tiff->big_endian;
	uint64_t tag = walk_number(walk, 2, end, &ok);
	int word = tiff->big ? 8 : 4, size = size_of(walk_number(walk, 2, end, &ok));
	uint64_t count = walk_number(walk, word, end, &ok);
	int64_t at = walk->at;
	if (!ok || size == 0 || count == 0)
		return ok;
	bool inside = count <= (uint64_t)(word / size);
	uint64_t value = walk_number(walk, count == 1 && inside ? size : word, end, &ok);
	if (ok && !inside) {
		uint64_t file = (uint64_t)walk->source->size;
		at = value <= INT64_MAX ? (int64_t)value : INT64_MAX;
		tiff->page.cut = tiff->page.cut || value > file || count > (file - value) / (uint64_t)size;
	}
	struct image_tiff_list list = {.at = at, .count = count, .size = size};
	switch (tag) {
	case WIDTH: tiff->page.width = value; break;
	case HEIGHT: tiff->page.height = value; break;
	case COMPRESSION: tiff->page.compression = value; break;
	case ORIENTATION: tiff->page.orientation = value; break;
	case ROWS_PER_STRIP: tiff->page.rows_per_strip = value; break;
	case TILE_HEIGHT: tiff->page.tile_height = value; break;
	case STRIP_OFFSETS:
	case TILE_OFFSETS: tiff->page.offsets = list; break;
	case STRIP_LENGTHS:
	case TILE_LENGTHS: tiff->page.lengths = list; break;
	}
	return ok;
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
	if (!ok || entries > ENTRIES_MAX || (tiff->entries += (int64_t)entries) > ALL_ENTRIES_MAX)
		return false;
	tiff->page = (struct image_tiff_page){.at = page};
	int64_t at = walk.at, entry = tiff->big ? 20 : 12;
	for (uint64_t i = 0; ok && i < entries; i++, at += entry) {
		walk.at = at;
		ok = tiff_read_entry(&walk, tiff);
	}
	walk.at = at;
	tiff->next = walk_number(&walk, tiff->big ? 8 : 4, tiff->big_endian, &ok);
	if (!ok)
		return false;
	source->patch[0] = patch(tiff, tiff->first_at, page);
	source->patch[1] = patch(tiff, at, 0);
	return true;
}

bool image_tiff_is_cut(const struct image_source *source, const struct image_tiff *tiff)
{
	const struct image_tiff_list *offsets = &tiff->page.offsets, *lengths = &tiff->page.lengths;
	struct walk offset = {.source = source, .at = offsets->at}, length = {.source = source, .at = lengths->at};
	bool ok = !tiff->page.cut;
	for (uint64_t i = 0; ok && i < offsets->count; i++) {
		uint64_t from = walk_number(&offset, offsets->size, tiff->big_endian, &ok);
		uint64_t len = i < lengths->count ? walk_number(&length, lengths->size, tiff->big_endian, &ok) : 0;
		if (from > (uint64_t)source->size || len > (uint64_t)source->size - from)
			return true;
	}
	return !ok;
}

bool image_tiff_pages(const struct image_source *source, int64_t *pages)
{
	struct image_source copy = *source;
	struct image_tiff tiff = {0};
	uint64_t *seen = memory_raw((IMAGE_FRAMES_MAX + 1) * sizeof(*seen));
	bool ok = true, again = false;
	for (*pages = 0; ok && !again && (*pages == 0 || (tiff.next != 0 && *pages <= IMAGE_FRAMES_MAX)); ++*pages) {
		ok = image_tiff_next(&copy, &tiff);
		seen[*pages] = tiff.page.at;
		for (int64_t i = 0; i <= *pages && !again; i++)
			again = seen[i] == tiff.next;
	}
	free(seen);
	return ok;
}
