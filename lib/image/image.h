/* Images: whether bytes are one, of which type and size, and their thumbnails; by libvips, in processes apart that are
 * confined (image/decoder.h).
 *
 * Only the bytes are trusted: the type follows from the content, limits are checked by the header before anything is
 * decoded, then every pixel is decoded once (a plain JPEG is only checked for its end, since every reader shows
 * whatever it holds). Only the decoders of the accepted types can be reached. Thread-safe; images wait
 * for each other where there are more than decoders. pixels_max counts the pixels of one frame, width x height.
 * Errors: ERR_MEDIA_TYPE (no image of these types, or of a variant that nothing here decodes), ERR_UNPROCESSABLE
 * (broken or truncated, or it ends its decoder), ERR_TOO_LARGE (over a limit), ERR_INTERNAL. */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	IMAGE_SIDE_MAX = 20 * 1000,                /* pixels */
	IMAGE_FRAMES_MAX = 10 * 1000,              /* frames of an animation, pages of a TIFF */
	IMAGE_ALL_PIXELS_MAX = 1000 * 1000 * 1000, /* of all frames: some 10 s of one processor */
	IMAGE_WHOLE_BYTES_MAX = 150 * 1000 * 1000, /* that a decoder may hold at once */
	IMAGE_HEIF_BYTES_MAX = 300 * 1000 * 1000,  /* the same of libheif: twice 48 MP in planes of 8 bits (287 MB) */
	IMAGE_THUMB_SIDE_MAX = 2048,
	IMAGE_THUMB_BYTES_MAX = 16 * 1024 * 1024,
};

struct image_info {
	const char *type;      /* one of the accepted types (base/image_type.h); static */
	int64_t width, height; /* pixels as stored, of the first frame */
	int64_t frames;        /* 1 for a still image */
	int orientation;       /* EXIF: 1..8; 5 to 8 are shown with width and height swapped */
};

/* Check the whole image and fill *out. A page of a TIFF after the first is ignored when it cannot be decoded. A fd
 * is read by pread: its position neither matters nor moves; the file must not change meanwhile. */
int image_check_bytes(const void *bytes, size_t len, int64_t pixels_max, struct image_info *out, struct err *err);
int image_check_fd(int fd, int64_t pixels_max, struct image_info *out, struct err *err);

/* Append a thumbnail of the first frame to `out`, at most `side` (1..IMAGE_THUMB_SIDE_MAX) pixels either way, never
 * enlarged: turned as EXIF says, in sRGB, without any metadata. *type is its media type, static: image/jpeg, or
 * image/webp where there is transparency. A truncated image shows what is there. */
int image_thumb_bytes(const void *bytes, size_t len, int64_t pixels_max, int side, struct buf *out, const char **type,
                      struct err *err);
int image_thumb_fd(int fd, int64_t pixels_max, int side, struct buf *out, const char **type, struct err *err);

/* Whether images of this accepted type can be decoded here: some need codecs from packages of their own. */
bool image_can(const char *type, struct err *err);

#endif
