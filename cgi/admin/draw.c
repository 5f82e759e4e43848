/* `admin draw`: draws the demo's pictures, so that trying the server needs no download and no licence. */
#include "draw.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	WIDTH = 480,
	HEIGHT = 360,
	PICTURES = 40,
	CORNERS_MAX = 80,
	HALOS = 4, /* pale discs in the background */
	PNG_MAX = 4 * WIDTH * HEIGHT,
};

enum shape { CIRCLE, SQUARE, TRIANGLE, STAR, HEART, SHAPES };

struct point {
	double x, y;
};
struct colour {
	double r, g, b;
};

struct picture {
	enum shape shape;
	struct point corner[CORNERS_MAX]; /* in pixels; a circle has none */
	int corners;
	struct point centre;
	double radius, rounding; /* pixels */
	struct colour fill, top, bottom;
	struct point halo[HALOS];
	double halo_radius[HALOS];
};

/* Strong colours on pale ones: each fill differs clearly from each background. */
static const uint32_t fills[] = {0xd1495b, 0xe07a1f, 0x2a9d8f, 0x2f6690, 0x6a4c93,
                                 0x3d7a37, 0xb5179e, 0x264653, 0x9c6615};
static const uint32_t backgrounds[][2] = {
	{0xfdf3e7, 0xf6d9c0}, {0xeaf4f4, 0xc6dfe6}, {0xf3eefb, 0xd9cdee}, {0xf1f7e8, 0xd3e4bf},
	{0xfdf0f3, 0xf2ccd5}, {0xf7f7f2, 0xd9d9ce}, {0xfff9db, 0xf3e2a4},
};

/* --- what is on a picture ----------------------------------------------------------------------------------------- */

/* splitmix64, seeded by the picture's number, so that the pictures are the same everywhere. */
static double chance(uint64_t *seed, double low, double high)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return low + (high - low) * ((double)(z >> 11) / 9007199254740992.0);
}

static struct colour colour_of(uint32_t rgb)
{
	return (struct colour){(double)(rgb >> 16 & 0xff), (double)(rgb >> 8 & 0xff), (double)(rgb & 0xff)};
}

/* A corner of the upright shape with radius 1 around the origin. */
static struct point corner_of(enum shape shape, int i, int corners)
{
	double angle = 2 * M_PI * i / corners;

	if (shape == HEART) {
		double s = sin(angle);
		return (struct point){s * s * s,
		                      -(13 * cos(angle) - 5 * cos(2 * angle) - 2 * cos(3 * angle) - cos(4 * angle)) / 16};
	}
	double radius = shape == STAR && i % 2 ? 0.46 : 1;
	angle += shape == SQUARE ? M_PI / 4 : 0;
	return (struct point){radius * sin(angle), -radius * cos(angle)};
}

static void place_shape(struct picture *picture, double turn)
{
	static const int corners[SHAPES] = {0, 4, 3, 10, CORNERS_MAX};

	picture->corners = corners[picture->shape];
	for (int i = 0; i < picture->corners; i++) {
		struct point p = corner_of(picture->shape, i, picture->corners);
		picture->corner[i].x = picture->centre.x + picture->radius * (p.x * cos(turn) - p.y * sin(turn));
		picture->corner[i].y = picture->centre.y + picture->radius * (p.x * sin(turn) + p.y * cos(turn));
	}
}

static void compose(struct picture *picture, int number)
{
	static const double turns[SHAPES] = {0, 0.7, 1.0, 0.6, 0.35}; /* the largest turn that leaves a shape recognisable */
	uint64_t seed = (uint64_t)number * 7919;

	memset(picture, 0, sizeof(*picture));
	/* Each run of SHAPES pictures shows each shape once; each run begins with another shape. */
	picture->shape = (enum shape)((number * 3 + number / SHAPES * 2) % SHAPES);
	picture->radius = chance(&seed, 62, 118);
	picture->rounding = picture->shape == HEART ? 1 : chance(&seed, 3, 9);
	picture->centre.x = chance(&seed, 150, WIDTH - 150);
	picture->centre.y = chance(&seed, 138, HEIGHT - 138);
	picture->fill = colour_of(fills[(size_t)chance(&seed, 0, sizeof(fills) / sizeof(fills[0]))]);
	const uint32_t *background =
		backgrounds[(size_t)chance(&seed, 0, sizeof(backgrounds) / sizeof(backgrounds[0]))];
	picture->top = colour_of(background[0]);
	picture->bottom = colour_of(background[1]);
	for (int i = 0; i < HALOS; i++) {
		picture->halo[i] = (struct point){chance(&seed, 0, WIDTH), chance(&seed, 0, HEIGHT)};
		picture->halo_radius[i] = chance(&seed, 40, 130);
	}
	place_shape(picture, chance(&seed, -turns[picture->shape], turns[picture->shape]));
}

/* --- painting ----------------------------------------------------------------------------------------------------- */

static double clamp(double value, double low, double high)
{
	return value < low ? low : value > high ? high : value;
}

/* Rises smoothly from 0 to 1 while value goes from `low` to `high`. */
static double ease(double low, double high, double value)
{
	double t = clamp((value - low) / (high - low), 0, 1);
	return t * t * (3 - 2 * t);
}

static void blend(struct colour *under, struct colour over, double alpha)
{
	under->r += (over.r - under->r) * alpha;
	under->g += (over.g - under->g) * alpha;
	under->b += (over.b - under->b) * alpha;
}

/* Distance from the shape's edge in pixels, negative inside. */
static double draw_distance(const struct picture *picture, double x, double y)
{
	double nearest = 1e12; /* squared */
	bool inside = false;

	if (picture->shape == CIRCLE)
		return hypot(x - picture->centre.x, y - picture->centre.y) - picture->radius;
	for (int i = 0, j = picture->corners - 1; i < picture->corners; j = i++) {
		struct point a = picture->corner[j], b = picture->corner[i];
		double ex = b.x - a.x, ey = b.y - a.y, px = x - a.x, py = y - a.y;
		double along = clamp((px * ex + py * ey) / (ex * ex + ey * ey), 0, 1);

		double dx = px - ex * along, dy = py - ey * along;

		nearest = dx * dx + dy * dy < nearest ? dx * dx + dy * dy : nearest;
		if ((a.y > y) != (b.y > y) && x < a.x + ex * (y - a.y) / ey)
			inside = !inside;
	}
	return (inside ? -sqrt(nearest) : sqrt(nearest)) - picture->rounding;
}

static struct colour colour_at(const struct picture *picture, double x, double y)
{
	static const struct colour white = {255, 255, 255}, black = {0, 0, 0}, dusk = {40, 36, 60};
	struct colour colour = picture->top, fill = picture->fill;

	blend(&colour, picture->bottom, ease(0, (double)HEIGHT + 0.35 * (double)WIDTH, y + 0.35 * x));
	for (int i = 0; i < HALOS; i++) {
		double from_edge = hypot(x - picture->halo[i].x, y - picture->halo[i].y) - picture->halo_radius[i];
		blend(&colour, white, 0.22 * (1 - ease(-6, 6, from_edge)));
	}
	if (hypot(x - picture->centre.x, y - picture->centre.y) > picture->radius + 50)
		return colour; /* neither the shape nor its shadow reaches here */
	blend(&colour, dusk, 0.30 * (1 - ease(-14, 22, draw_distance(picture, x - 6, y - 10))));
	double light = ((picture->centre.x - x) + 2 * (picture->centre.y - y)) / (3 * picture->radius);
	blend(&fill, light > 0 ? white : black, 0.16 * fabs(light));
	blend(&colour, fill, clamp(0.5 - draw_distance(picture, x, y), 0, 1)); /* over a pixel's width, for smooth edges */
	return colour;
}

static void paint(const struct picture *picture, unsigned char *rows)
{
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++) {
			struct colour colour = colour_at(picture, x + 0.5, y + 0.5);
			*rows++ = (unsigned char)lrint(colour.r);
			*rows++ = (unsigned char)lrint(colour.g);
			*rows++ = (unsigned char)lrint(colour.b);
		}
}

/* --- PNG (RFC 2083) ----------------------------------------------------------------------------------------------- */

static void add_uint32(struct buf *out, uint32_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_char(out, (char)(value >> shift));
}

static void add_chunk(struct buf *out, const char *type, const void *bytes, size_t len)
{
	uLong crc = crc32(crc32(0, (const Bytef *)type, 4), bytes, (uInt)len);

	add_uint32(out, (uint32_t)len);
	buf_add(out, type, 4);
	buf_add(out, bytes, len);
	add_uint32(out, (uint32_t)crc);
}

/* Writes rows of RGB, each as its difference from the one above (filter 2), which suits a gradient. */
static void draw_encode(const unsigned char *rows, struct buf *out)
{
	enum { ROW = 3 * WIDTH };
	static const unsigned char header[13] = {0, 0, WIDTH >> 8, WIDTH & 0xff,
	                                         0, 0, HEIGHT >> 8, HEIGHT & 0xff, 8, 2}; /* 8 bits, RGB */
	static unsigned char filtered[HEIGHT * (ROW + 1)], packed[PNG_MAX];
	uLongf packed_len = sizeof(packed);

	for (int y = 0; y < HEIGHT; y++) {
		filtered[y * (ROW + 1)] = 2;
		for (int i = 0; i < ROW; i++)
			filtered[y * (ROW + 1) + 1 + i] =
				(unsigned char)(rows[y * ROW + i] - (y ? rows[(y - 1) * ROW + i] : 0));
	}
	if (compress2(packed, &packed_len, filtered, sizeof(filtered), Z_DEFAULT_COMPRESSION) != Z_OK)
		abort(); /* cannot happen: packed has room for any input of this size */
	buf_add(out, "\x89PNG\r\n\x1a\n", 8);
	add_chunk(out, "IHDR", header, sizeof(header));
	add_chunk(out, "IDAT", packed, packed_len);
	add_chunk(out, "IEND", "", 0);
}

/* Writes the file in one step, so that an interruption leaves no half picture. */
static int draw_write(const char *path, const struct buf *bytes, struct err *err)
{
	char temporary[4096];

	snprintf(temporary, sizeof(temporary), "%s.part", path);
	FILE *file = fopen(temporary, "we");
	if (!file)
		return err_errno(err, ERR_INTERNAL, "Cannot write %s", temporary);
	size_t written = fwrite(bytes->data, 1, bytes->len, file);
	if (fclose(file) || written != bytes->len || rename(temporary, path)) {
		err_errno(err, ERR_INTERNAL, "Cannot write %s", path);
		remove(temporary);
		return -1;
	}
	return 0;
}

static int draw_draw(const char *folder, int number, struct err *err)
{
	static unsigned char rows[HEIGHT * WIDTH * 3];
	static struct picture picture;
	struct stat st;
	struct buf png;
	char path[4000];

	if ((size_t)snprintf(path, sizeof(path), "%s/picture-%02d.png", folder, number) >= sizeof(path))
		return err_set(err, ERR_BAD_REQUEST, "The folder's name is too long: %s", folder);
	if (stat(path, &st) == 0 && st.st_size > 0)
		return 0;
	buf_init(&png, PNG_MAX + 1024);
	compose(&picture, number);
	paint(&picture, rows);
	draw_encode(rows, &png);
	int failed = draw_write(path, &png, err);
	buf_release(&png);
	return failed;
}

int admin_draw(int argc, char **argv)
{
	struct err err;

	if (argc != 2) {
		fputs("admin draw: give one folder\n", stderr);
		return 2;
	}
	for (int number = 1; number <= PICTURES; number++)
		if (draw_draw(argv[1], number, &err)) {
			fprintf(stderr, "admin draw: %s\n", err.text);
			return 1;
		}
	return 0;
}
