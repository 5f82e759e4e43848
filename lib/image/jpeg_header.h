/* What a JPEG's header says, and what decoding the image will cost, before anything is decoded. */
#ifndef IMAGE_JPEG_HEADER_H
#define IMAGE_JPEG_HEADER_H

#include <stdbool.h>

#include "image/module.h"

enum {
	/* Coefficients that all scans together may look at: less than 1 s of one processor; a progressive photo of 24
	 * megapixels comes to 80 million. */
	IMAGE_JPEG_WORK_MAX = 250 * 1000 * 1000,
};

struct image_jpeg_header {
	int process;   /* from its SOF marker: 0 baseline, 1 extended, 2 progressive, 3 lossless, … (ITU-T T.81, table B.1) */
	int precision; /* bits a sample */
	int64_t width, height;
	int orientation;           /* from its EXIF: 1 to 8; 1 when there is none */
	bool in_scans;             /* in more than one: the decoder holds it whole, as coefficients */
	int64_t coefficient_bytes; /* that the decoder then needs */
	bool ends;                 /* if not in_scans: its end marker is there */
	int64_t scans;             /* counted until there is more work than IMAGE_JPEG_WORK_MAX */
	int64_t work;              /* coefficients that these scans look at */
};

/* False when there is no frame, or the file breaks off before its first scan. A single scan is walked over to the
 * end of the image. */
bool image_jpeg_header(const struct image_source *source, struct image_jpeg_header *out);

#endif
