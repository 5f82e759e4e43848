/* Decodes JPEGs by libjpeg itself.
 *
 * Measured: checking that a JPEG of 100 KB (768 x 576) is whole takes 0.04 ms when its bits are skipped, and 0.7 ms
 * when they are decoded; libvips takes 3.4 ms, or 1.2 ms when it shrinks by 8. */
#include "image/jpeg.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "base/memory.h"

enum { PIECE_BYTES = 64 * 1024 };

struct decoding {
	struct jpeg_decompress_struct jpeg; /* client_data is this struct */
	struct jpeg_error_mgr errors;
	struct jpeg_source_mgr input;
	jmp_buf failed;
	const struct image_source *source;
	bool pretend;   /* whether a truncated file is read as if it ended there */
	int64_t offset; /* of the bytes that libjpeg gets next */
	unsigned char piece[PIECE_BYTES];
};

static void jpeg_give_up(j_common_ptr jpeg)
{
	longjmp(((struct decoding *)jpeg->client_data)->failed, 1);
}

static void jpeg_say_nothing(j_common_ptr jpeg)
{
	(void)jpeg;
}

static void warn_nobody(j_common_ptr jpeg, int level)
{
	(void)jpeg, (void)level;
}

static void start_input(j_decompress_ptr jpeg)
{
	(void)jpeg;
}

static boolean fill_input(j_decompress_ptr jpeg)
{
	struct decoding *decoding = jpeg->client_data;
	int64_t got = image_source_read(decoding->source, decoding->offset, decoding->piece, PIECE_BYTES);
	if (got <= 0 && !decoding->pretend)
		jpeg_give_up((j_common_ptr)jpeg);
	if (got <= 0) {
		decoding->piece[0] = 0xff;
		decoding->piece[1] = JPEG_EOI;
		got = 2;
	}
	decoding->offset += got;
	decoding->input.next_input_byte = decoding->piece;
	decoding->input.bytes_in_buffer = (size_t)got;
	return TRUE;
}

static void skip_input(j_decompress_ptr jpeg, long bytes)
{
	struct decoding *decoding = jpeg->client_data;
	if (bytes <= 0)
		return;
	if ((size_t)bytes <= decoding->input.bytes_in_buffer) {
		decoding->input.next_input_byte += bytes;
		decoding->input.bytes_in_buffer -= (size_t)bytes;
		return;
	}
	decoding->offset += bytes - (long)decoding->input.bytes_in_buffer;
	decoding->input.bytes_in_buffer = 0;
}

static void end_input(j_decompress_ptr jpeg)
{
	(void)jpeg;
}

static void decoding_set_up(struct decoding *decoding, const struct image_source *source, bool pretend)
{
	decoding->source = source;
	decoding->pretend = pretend;
	decoding->offset = 0;
	decoding->input = (struct jpeg_source_mgr){.init_source = start_input,
	                                           .fill_input_buffer = fill_input,
	                                           .skip_input_data = skip_input,
	                                           .resync_to_restart = jpeg_resync_to_restart,
	                                           .term_source = end_input};
	if (source->bytes) {
		decoding->input.next_input_byte = source->bytes;
		decoding->input.bytes_in_buffer = (size_t)source->size;
		decoding->offset = source->size;
	}
	decoding->jpeg.src = &decoding->input;
}

typedef void decompress(struct jpeg_decompress_struct *jpeg, void *data);

/* Decompresses by calling `work`; returns whether libjpeg got to its end. */
static bool jpeg_run(const struct image_source *source, bool pretend, decompress *work, void *data)
{
	struct decoding *decoding = memory_raw(sizeof(*decoding));
	volatile bool whole = false;
	decoding->jpeg.err = jpeg_std_error(&decoding->errors);
	decoding->errors.error_exit = jpeg_give_up;
	decoding->errors.emit_message = warn_nobody;
	decoding->errors.output_message = jpeg_say_nothing;
	decoding->jpeg.client_data = decoding; /* jpeg_create_decompress keeps it */
	if (setjmp(decoding->failed) == 0) {
		jpeg_create_decompress(&decoding->jpeg);
		decoding_set_up(decoding, source, pretend);
		work(&decoding->jpeg, data);
		whole = true;
	}
	jpeg_destroy_decompress(&decoding->jpeg);
	free(decoding);
	return whole;
}

/* Makes libjpeg check the image's tables. */
static void jpeg_start(struct jpeg_decompress_struct *jpeg, void *data)
{
	(void)data;
	jpeg_read_header(jpeg, TRUE);
	jpeg->scale_num = 1;
	jpeg->scale_denom = 8;
	jpeg->out_color_space = jpeg->jpeg_color_space == JCS_YCbCr ? JCS_GRAYSCALE : jpeg->jpeg_color_space;
	jpeg_start_decompress(jpeg);
}

static void jpeg_decode(struct jpeg_decompress_struct *jpeg, void *data)
{
	jpeg_start(jpeg, data);
	JSAMPARRAY row = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE,
	                                         jpeg->output_width * (JDIMENSION)jpeg->output_components, 1);
	while (jpeg->output_scanline < jpeg->output_height)
		jpeg_read_scanlines(jpeg, row, 1);
	jpeg_finish_decompress(jpeg);
}

bool image_jpeg_decodes(const struct image_source *source, const struct image_jpeg_header *header)
{
	bool is_plain = !header->in_scans && header->process <= 1;
	return is_plain ? header->ends && jpeg_run(source, false, jpeg_start, NULL)
	                : jpeg_run(source, false, jpeg_decode, NULL);
}

struct shrinking {
	unsigned denominator;
	struct image_jpeg_pixels *out; /* without bytes when it is not shrunk here */
};

static void image_jpeg_shrink(struct jpeg_decompress_struct *jpeg, void *data)
{
	struct shrinking *shrinking = data;
	struct image_jpeg_pixels *out = shrinking->out;
	jpeg_read_header(jpeg, TRUE);
	jpeg->scale_num = 1;
	jpeg->scale_denom = shrinking->denominator;
	if (jpeg->jpeg_color_space != JCS_YCbCr && jpeg->jpeg_color_space != JCS_GRAYSCALE)
		return;
	jpeg->out_color_space = jpeg->jpeg_color_space == JCS_YCbCr ? JCS_RGB : JCS_GRAYSCALE;
	jpeg_start_decompress(jpeg);
	out->width = (int)jpeg->output_width;
	out->height = (int)jpeg->output_height;
	out->bands = jpeg->output_components;
	size_t row_bytes = (size_t)out->width * (size_t)out->bands;
	if (row_bytes * (size_t)out->height > IMAGE_JPEG_SHRUNK_BYTES_MAX)
		return;
	out->bytes = memory_new((size_t)out->height, row_bytes);
	while (jpeg->output_scanline < jpeg->output_height) {
		JSAMPROW row = out->bytes + jpeg->output_scanline * row_bytes;
		jpeg_read_scanlines(jpeg, &row, 1);
	}
}

bool image_jpeg_shrunk(const struct image_source *source, unsigned denominator, struct image_jpeg_pixels *out)
{
	struct shrinking shrinking = {denominator, out};
	*out = (struct image_jpeg_pixels){0};
	jpeg_run(source, true, image_jpeg_shrink, &shrinking);
	return out->bytes;
}
