/* Reads an image's bytes one after the other. */
#include "image/walk.h"

static bool walk_fill(struct walk *walk)
{
	if (walk->at >= walk->start && walk->at < walk->start + walk->len)
		return true;
	walk->start = walk->at;
	walk->len = image_source_read(walk->source, walk->at, walk->window, sizeof(walk->window));
	if (walk->len < 0)
		walk->len = 0;
	return walk->len > 0;
}

int walk_byte(struct walk *walk)
{
	return walk_fill(walk) ? walk->window[walk->at++ - walk->start] : -1;
}

bool walk_find(struct walk *walk, int value)
{
	while (walk_fill(walk)) {
		const unsigned char *from = walk->window + (walk->at - walk->start);
		const unsigned char *found = memchr(from, value, (size_t)(walk->start + walk->len - walk->at));
		if (found) {
			walk->at += found - from;
			return true;
		}
		walk->at = walk->start + walk->len;
	}
	return false;
}

bool walk_skip(struct walk *walk, int64_t len)
{
	walk->at += len;
	return walk->at <= walk->source->size;
}

uint64_t walk_number(struct walk *walk, int size, bool big_endian, bool *ok)
{
	uint64_t value = 0;
	for (int i = 0; i < size; i++) {
		int byte = walk_byte(walk);
		if (byte < 0) {
			*ok = false;
			return 0;
		}
		value |= (uint64_t)byte << 8 * (big_endian ? size - 1 - i : i);
	}
	return value;
}
