/* Reads BMP row by row. Offsets and fields are those of Microsoft's documentation of BITMAPFILEHEADER and
 * BITMAPV5HEADER. */
#include "image/bmp.h"

#include "base/memory.h"

enum {
	FILE_HEADER = 14,
	CORE_HEADER = 12, /* OS/2 1.x: 16-bit sizes, palette of 3 bytes a color */
	HEADER_MAX = 124, /* BITMAPV5HEADER */
	/* colors that a header may claim for its palette; other readers give up above this, too */
	COLORS_MAX = 65536,
	MASKS_HEADER = 52, /* from this size on the masks are in the header; with alpha from 56 */
};
enum compression { PLAIN = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3, ALPHABITFIELDS = 6 };

struct mask {
	uint32_t bits;
	int shift;
	uint32_t max; /* largest value once shifted down; 0 when there is no such channel */
};

struct bmp {
	const struct image_source *source;
	int64_t width, height;
	bool top_down;
	int bits;
	enum compression compression;
	int64_t pixels; /* offset of the pixels */
	int64_t stride; /* bytes a row */
	int bands;
	unsigned char palette[256][3]; /* red, green, blue */
	struct mask mask[4];           /* red, green, blue, alpha */
	unsigned char *indices;        /* RLE, unpacked: a byte a pixel, top row first */
};

static uint32_t get16(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const unsigned char *p)
{
	return get16(p) | get16(p + 2) << 16;
}

static int bmp_broken(struct err *err)
{
	return err_set(err, ERR_UNPROCESSABLE, "the BMP image is broken or truncated");
}

static struct mask mask_from(uint32_t bits)
{
	struct mask mask = {.bits = bits};
	if (bits == 0)
		return mask;
	while ((bits & 1) == 0) {
		bits >>= 1;
		mask.shift++;
	}
	mask.max = bits;
	return mask;
}

/* Extracts the value of a channel, scaled to a byte. */
static unsigned char mask_value(const struct mask *mask, uint32_t pixel)
{
	uint64_t value = (pixel & mask->bits) >> mask->shift;
	if (mask->max == 0)
		return 0;
	return (unsigned char)((value * 255 + mask->max / 2) / mask->max);
}

/* Takes the masks from the header, or from the 12 or 16 bytes after it (at `after`), or else the usual ones. */
static void set_masks(struct bmp *bmp, const unsigned char *header, uint32_t size, const unsigned char *after)
{
	const unsigned char *masks = size >= MASKS_HEADER ? header + 40 : after;
	bool alpha = size >= MASKS_HEADER + 4 || (size < MASKS_HEADER && bmp->compression == ALPHABITFIELDS);
	bool fields = bmp->compression == BITFIELDS || bmp->compression == ALPHABITFIELDS;
	uint32_t usual[3] = {0xff0000, 0xff00, 0xff};
	if (bmp->bits == 16) {
		usual[0] = 0x7c00;
		usual[1] = 0x3e0;
		usual[2] = 0x1f;
	}
	for (int i = 0; i < 3; i++)
		bmp->mask[i] = mask_from(fields ? get32(masks + 4 * i) : usual[i]);
	if (fields && alpha)
		bmp->mask[3] = mask_from(get32(masks + 12));
	bmp->bands = bmp->mask[3].max != 0 ? 4 : 3;
}

static int read_palette(struct bmp *bmp, int64_t at, int64_t colors, size_t entry, struct err *err)
{
	unsigned char bytes[256 * 4];
	int64_t most = (int64_t)1 << bmp->bits, fits;
	if (colors > COLORS_MAX)
		return bmp_broken(err);
	if (colors <= 0 || colors > most)
		colors = most;
	if (bmp->pixels <= at) /* some writers give the header's end instead */
		bmp->pixels = at + colors * (int64_t)entry;
	fits = (bmp->pixels - at) / (int64_t)entry;
	if (colors > fits)
		colors = fits; /* some writers leave out the rest */
	if (colors <= 0 || image_source_read(bmp->source, at, bytes,
	                                     (size_t)colors * entry) != colors * (int64_t)entry)
		return bmp_broken(err);
	for (int64_t i = 0; i < colors; i++)
		for (size_t band = 0; band < 3; band++)
			bmp->palette[i][band] = bytes[(size_t)i * entry + 2 - band];
	return 0;
}

static bool combination_is_valid(const struct bmp *bmp)
{
	switch (bmp->compression) {
	case PLAIN:
		return bmp->bits == 1 || bmp->bits == 4 || bmp->bits == 8 || bmp->bits == 16 || bmp->bits == 24 ||
		       bmp->bits == 32;
	case RLE8:
		return bmp->bits == 8;
	case RLE4:
		return bmp->bits == 4;
	case BITFIELDS:
	case ALPHABITFIELDS:
		return bmp->bits == 16 || bmp->bits == 32;
	}
	return false;
}

/* Windows' versions 1 to 5, and OS/2's, whose header may end after any field. */
static bool header_is_known(uint32_t size)
{
	return size == CORE_HEADER || (size >= 16 && size <= 64 && size % 4 == 0) || size == 42 || size == 46 || size == 108 ||
	       size == HEADER_MAX;
}

static int parse_header(struct bmp *bmp, struct err *err)
{
	unsigned char file[FILE_HEADER + HEADER_MAX + 16] = {0}, *header = file + FILE_HEADER;
	int64_t got = image_source_read(bmp->source, 0, file, sizeof(file));
	uint32_t size = got < FILE_HEADER + CORE_HEADER ? 0 : get32(header);
	if (!header_is_known(size) || got < FILE_HEADER + (int64_t)size)
		return bmp_broken(err);
	bmp->pixels = get32(file + 10);
	uint32_t compression = 0;
	int64_t colors = 0;
	if (size == CORE_HEADER) {
		bmp->width = get16(header + 4);
		bmp->height = get16(header + 6);
		bmp->bits = (int)get16(header + 10);
	} else {
		bmp->width = (int32_t)get32(header + 4);
		bmp->height = (int32_t)get32(header + 8);
		bmp->bits = (int)get16(header + 14);
		if (size >= 20)
			compression = get32(header + 16);
		if (size >= 36)
			colors = get32(header + 32);
	}
	bmp->compression = (enum compression)compression;
	bmp->top_down = bmp->height < 0;
	bmp->height = bmp->top_down ? -bmp->height : bmp->height;
	if (bmp->width < 1 || bmp->height < 1 || compression > ALPHABITFIELDS ||
	    !combination_is_valid(bmp))
		return bmp_broken(err);
	set_masks(bmp, header, size, header + size);
	bmp->stride = (bmp->width * bmp->bits + 31) / 32 * 4;
	int64_t palette = FILE_HEADER + (int64_t)size;
	return bmp->bits > 8 ? 0 : read_palette(bmp, palette, colors, size == CORE_HEADER ? 3 : 4, err);
}

int bmp_open(struct bmp **out, const struct image_source *source, struct err *err)
{
	struct bmp *bmp = memory_new(1, sizeof(*bmp));
	bmp->source = source;
	int result = parse_header(bmp, err);
	if (result == 0) {
		/* The last row's padding may be missing. */
		int64_t last = (bmp->width * bmp->bits + 7) / 8;
		if (bmp_memory(bmp) == 0 && source->size - bmp->pixels < bmp->stride * (bmp->height - 1) + last)
			result = bmp_broken(err);
	}
	if (result != 0) {
		bmp_free(bmp);
		return -1;
	}
	*out = bmp;
	return 0;
}

void bmp_free(struct bmp *bmp)
{
	if (!bmp)
		return;
	free(bmp->indices);
	free(bmp);
}

int64_t bmp_memory(const struct bmp *bmp)
{
	return bmp->compression == RLE4 || bmp->compression == RLE8 ? bmp->width * bmp->height : 0;
}

void bmp_size(const struct bmp *bmp, int64_t *width, int64_t *height)
{
	*width = bmp->width;
	*height = bmp->height;
}

/* --- run lengths -------------------------------------------------------------------------------------------------- */

struct rle {
	struct bmp *bmp;
	unsigned char window[4096];
	int64_t at, len, next; /* in the window; and where the source continues */
	int64_t x, y;          /* the next pixel; y counts from the first row that is stored */
};

/* The next byte, or -1 at the end. */
static int rle_byte(struct rle *rle)
{
	if (rle->at == rle->len) {
		rle->len = image_source_read(rle->bmp->source, rle->next, rle->window, sizeof(rle->window));
		rle->at = 0;
		if (rle->len <= 0) {
			rle->len = 0;
			return -1;
		}
		rle->next += rle->len;
	}
	return rle->window[rle->at++];
}

/* Drops pixels beyond the row's end, as other readers do. */
static void rle_pixel(struct rle *rle, int index)
{
	struct bmp *bmp = rle->bmp;
	if (rle->x < bmp->width && rle->y < bmp->height)
		bmp->indices[(bmp->top_down ? rle->y : bmp->height - 1 - rle->y) * bmp->width + rle->x] =
			(unsigned char)index;
	rle->x++;
}

static int rle_run(struct rle *rle, int count, int value)
{
	if (value < 0)
		return -1;
	for (int i = 0; i < count; i++)
		rle_pixel(rle,
		          rle->bmp->compression == RLE8 ? value : (i % 2 == 0 ? value >> 4 : value & 15));
	return 0;
}

static int rle_literal(struct rle *rle, int count)
{
	bool rle8 = rle->bmp->compression == RLE8;
	int bytes = rle8 ? count : (count + 1) / 2;
	for (int i = 0; i < bytes; i++) {
		int value = rle_byte(rle);
		if (rle_run(rle, rle8 || (i + 1) * 2 > count ? 1 : 2, value) != 0)
			return -1;
	}
	return bytes % 2 == 1 && rle_byte(rle) < 0; /* padded to words */
}

static int rle_unpack(struct bmp *bmp)
{
	struct rle rle = {.bmp = bmp, .next = bmp->pixels};
	for (;;) {
		int count = rle_byte(&rle), value = rle_byte(&rle);
		if (value < 0)
			return -1;
		int result = 0;
		if (count > 0) {
			result = rle_run(&rle, count, value);
		} else if (value == 0) { /* end of line */
			rle.x = 0;
			rle.y++;
		} else if (value == 1) { /* end of the bitmap */
			return 0;
		} else if (value == 2) { /* a jump */
			int right = rle_byte(&rle), up = rle_byte(&rle);
			rle.x += right;
			rle.y += up;
			result = up < 0;
		} else {
			result = rle_literal(&rle, value);
		}
		if (result != 0)
			return -1;
		if (rle.x > bmp->width + 65536 || rle.y > bmp->height)
			return 0; /* the rest is beyond the picture */
	}
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static void put_color(const struct bmp *bmp, unsigned char *out, unsigned index)
{
	memcpy(out, bmp->palette[index], 3);
}

/* Unpacks pixels [left, left + count) of a stored row into out. */
static void unpack_row(const struct bmp *bmp, const unsigned char *row, int left, int count,
                       unsigned char *out)
{
	for (int x = left; x < left + count; x++, out += bmp->bands) {
		uint32_t pixel = 0;
		switch (bmp->bits) {
		case 1:
			put_color(bmp, out, row[x / 8] >> (7 - x % 8) & 1);
			continue;
		case 4:
			put_color(bmp, out, x % 2 == 0 ? row[x / 2] >> 4 : row[x / 2] & 15);
			continue;
		case 8:
			put_color(bmp, out, row[x]);
			continue;
		case 24:
			out[0] = row[3 * x + 2];
			out[1] = row[3 * x + 1];
			out[2] = row[3 * x];
			continue;
		case 16:
			pixel = get16(row + 2 * x);
			break;
		default:
			pixel = get32(row + 4 * x);
		}
		for (int band = 0; band < bmp->bands; band++)
			out[band] = mask_value(&bmp->mask[band], pixel);
	}
}

static int generate(VipsRegion *region, void *sequence, void *a, void *b, gboolean *stop)
{
	(void)sequence, (void)b, (void)stop;
	struct bmp *bmp = a;
	VipsRect *rect = &region->valid;
	unsigned char *row = bmp->indices ? NULL : g_malloc((gsize)bmp->stride);
	int result = 0;
	for (int y = rect->top; y < rect->top + rect->height && result == 0; y++) {
		unsigned char *out = region->data + (ptrdiff_t)(y - rect->top) * region->bpl;
		if (bmp->indices) {
			const unsigned char *index = bmp->indices + y * bmp->width + rect->left;
			for (int x = 0; x < rect->width; x++)
				put_color(bmp, out + x * bmp->bands, index[x]);
			continue;
		}
		int64_t at = bmp->pixels + bmp->stride * (bmp->top_down ? y : bmp->height - 1 - y);
		int64_t got = image_source_read(bmp->source, at, row, (size_t)bmp->stride);
		if (got < (bmp->width * bmp->bits + 7) / 8) {
			vips_error("bmp", "%s", "a row is not there any more");
			result = -1;
			break;
		}
		unpack_row(bmp, row, rect->left, rect->width, out);
	}
	g_free(row);
	return result;
}

int bmp_unpack(struct bmp *bmp, struct err *err)
{
	if (bmp_memory(bmp) == 0)
		return 0;
	bmp->indices = memory_new((size_t)bmp->width, (size_t)bmp->height);
	return rle_unpack(bmp) == 0 ? 0 : bmp_broken(err);
}

int bmp_image(struct bmp *bmp, VipsImage **out, struct err *err)
{
	VipsImage *image = vips_image_new();
	vips_image_init_fields(image, (int)bmp->width, (int)bmp->height, bmp->bands, VIPS_FORMAT_UCHAR,
	                       VIPS_CODING_NONE, VIPS_INTERPRETATION_sRGB, 1.0, 1.0);
	if (vips_image_pipelinev(image, VIPS_DEMAND_STYLE_THINSTRIP, NULL) != 0 ||
	    vips_image_generate(image, NULL, generate, NULL, bmp, NULL) != 0) {
		g_object_unref(image);
		return err_set(err, ERR_INTERNAL, "can't set up a BMP image");
	}
	*out = image;
	return 0;
}
