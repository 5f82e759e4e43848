/* Walks over the markers of a JPEG (ITU-T T.81, annex B).
 *
 * A scan of a few hundred bytes may say that no block changes, and yet the decoder looks at each of them (measured:
 * 90 such scans of 64 megapixels, 261 KB, take up to 27 s). libjpeg has no limit of its own. */
#include "image/jpeg_header.h"

#include "base/memory.h"
#include "image/tiff.h"
#include "image/walk.h"

enum {
	BLOCK = 64,      /* coefficients */
	BLOCK_LOOKS = 8, /* a block of a first pass takes as long as this many coefficients of a refinement */
	COMPONENTS_MAX = 4,
	TEM = 0x01, SOF0 = 0xc0, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, SOF15 = 0xcf, RST0 = 0xd0, RST7 = 0xd7, SOI = 0xd8,
	EOI = 0xd9, SOS = 0xda, DNL = 0xdc, APP0 = 0xe0, APP1 = 0xe1, APP15 = 0xef, COM = 0xfe,
};

struct component {
	uint64_t id;
	int64_t across, down; /* its sampling factors */
	int64_t blocks;
};

struct frame {
	struct component component[COMPONENTS_MAX];
	uint64_t count; /* of components; 0: not known yet */
};

static bool read_frame(struct walk *walk, int marker, struct frame *frame, struct image_jpeg_header *out)
{
	bool ok = true;
	int64_t most_across = 1, most_down = 1;
	out->process = marker - SOF0;
	out->precision = (int)walk_number(walk, 1, true, &ok);
	out->height = (int64_t)walk_number(walk, 2, true, &ok);
	out->width = (int64_t)walk_number(walk, 2, true, &ok);
	frame->count = walk_number(walk, 1, true, &ok);
	if (!ok || frame->count < 1 || frame->count > COMPONENTS_MAX)
		return false;
	for (size_t i = 0; i < frame->count; i++) {
		struct component *component = &frame->component[i];
		component->id = walk_number(walk, 1, true, &ok);
		uint64_t sampling = walk_number(walk, 1, true, &ok);
		walk_skip(walk, 1);
		component->across = (int64_t)(sampling >> 4);
		component->down = (int64_t)(sampling & 15);
		if (!ok || component->across < 1 || component->across > 4 || component->down < 1 || component->down > 4)
			return false;
		most_across = component->across > most_across ? component->across : most_across;
		most_down = component->down > most_down ? component->down : most_down;
	}
	for (size_t i = 0; i < frame->count; i++) {
		struct component *component = &frame->component[i];
		component->blocks = (out->width * component->across / (most_across * 8) + 1) *
		                    (out->height * component->down / (most_down * 8) + 1);
		out->coefficient_bytes += component->blocks * BLOCK * 2;
	}
	return true;
}

static bool read_scan(struct walk *walk, const struct frame *frame, struct image_jpeg_header *out)
{
	bool ok = true;
	int64_t blocks = 0;
	uint64_t count = walk_number(walk, 1, true, &ok);
	for (uint64_t i = 0; ok && i < count; i++) {
		uint64_t id = walk_number(walk, 1, true, &ok);
		walk_skip(walk, 1);
		for (size_t j = 0; j < frame->count; j++)
			blocks += frame->component[j].id == id ? frame->component[j].blocks : 0;
	}
	uint64_t first = walk_number(walk, 1, true, &ok), last = walk_number(walk, 1, true, &ok);
	uint64_t bits = walk_number(walk, 1, true, &ok);
	if (!ok || last >= BLOCK)
		return false;
	bool refines = bits >> 4 != 0 && first > 0 && last >= first;
	out->in_scans = out->in_scans || out->process == 2 || out->process == 10 || count < frame->count;
	out->work += blocks * (refines && last - first + 1 > BLOCK_LOOKS ? (int64_t)(last - first + 1) : BLOCK_LOOKS);
	out->scans++;
	return true;
}

/* EXIF holds a TIFF, whose first page describes the image. */
static int read_orientation(struct walk *walk, int64_t end)
{
	static const char name[6] = "Exif\0";
	unsigned char *bytes = end - walk->at > (int64_t)sizeof(name) ? memory_raw((size_t)(end - walk->at)) : NULL;
	int64_t len = !bytes ? 0 : image_source_read(walk->source, walk->at, bytes, (size_t)(end - walk->at));
	struct image_tiff tiff = {0};
	if (len > (int64_t)sizeof(name) && memcmp(bytes, name, sizeof(name)) == 0) {
		struct image_source exif = {.bytes = bytes + sizeof(name), .fd = -1, .size = len - (int64_t)sizeof(name)};
		image_tiff_next(&exif, &tiff); /* may fail after that field */
	}
	free(bytes);
	return tiff.page.orientation >= 1 && tiff.page.orientation <= 8 ? (int)tiff.page.orientation : 0;
}

/* Goes to the next marker and returns it, or -1. Between segments there are entropy-coded bytes or unknown ones. */
static int next_marker(struct walk *walk)
{
	while (walk_find(walk, 0xff)) {
		int marker;
		do
			marker = walk_byte(walk);
		while (marker == 0xff);
		if (marker > 0 && marker != TEM && (marker < RST0 || marker > RST7))
			return marker;
	}
	return -1;
}

static bool is_frame(int marker)
{
	return marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC;
}

/* After a scan of all components only markers may come that decoding can do without: any other is damage. */
static bool may_come(int marker, const struct frame *frame, const struct image_jpeg_header *header)
{
	if (header->scans > 0 && !header->in_scans)
		return marker == DNL || marker == COM || (marker >= APP0 && marker <= APP15);
	return marker != SOI && (marker != SOS || frame->count > 0);
}

bool image_jpeg_header(const struct image_source *source, struct image_jpeg_header *out)
{
	struct walk walk = {.source = source, .at = 2}; /* after SOI */
	struct frame frame = {.count = 0};
	*out = (struct image_jpeg_header){0};
	int marker;
	while ((marker = next_marker(&walk)) >= 0 && marker != EOI) {
		bool ok = true;
		int64_t end = walk.at;
		end += (int64_t)walk_number(&walk, 2, true, &ok);
		if (!ok || !may_come(marker, &frame, out) || (marker == SOS && !read_scan(&walk, &frame, out)) ||
		    out->work > IMAGE_JPEG_WORK_MAX)
			break;
		if (marker == APP1 && out->orientation == 0)
			out->orientation = read_orientation(&walk, end);
		if (is_frame(marker) && frame.count == 0 && !read_frame(&walk, marker, &frame, out))
			break;
		walk.at = end;
	}
	out->ends = marker == EOI;
	if (out->orientation == 0)
		out->orientation = 1;
	return frame.count > 0 && out->scans > 0;
}
