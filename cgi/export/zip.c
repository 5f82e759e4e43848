/* Writes zip archives as a stream. */
#include "zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"

/* The sections of APPNOTE are in brackets. */
enum {
	FILE_HEADER = 0x04034b50, /* [4.3.7] */
	FILE_END = 0x08074b50,    /* [4.3.9] */
	ENTRY = 0x02014b50,       /* [4.3.12] */
	END_64 = 0x06064b50,      /* [4.3.14] */
	LOCATOR_64 = 0x07064b50,  /* [4.3.15] */
	END = 0x06054b50,         /* [4.3.16] */
	NEEDS = 20,               /* version 2.0 [4.4.3] */
	NEEDS_64 = 45,            /* version 4.5 */
	MADE_ON_UNIX = 3 << 8,    /* [4.4.2] */
	CRC_AT_END = 1 << 3,      /* [4.4.4] */
	NAME_IS_UTF8 = 1 << 11,   /* [4.4.4] */
	DATE = 1 << 5 | 1,        /* 1980-01-01, the first day of this calendar [4.4.6] */
	EXTRA_64 = 1,             /* [4.5.3] */
	END_64_BYTES = 56 - 12,   /* of END_64, without signature and this number */
	SMALL_16 = 0xffff,        /* what is not smaller is in a field of zip64 */
	HEADERS_MAX = 66 * 1024,  /* of one file, with its name */
	PIECE_BYTES = 64 * 1024,
};
static const int64_t SMALL_32 = 0xffffffff;
static const uint32_t MODE = 0100644u << 16; /* a regular file of Unix [4.4.15] */

static void zip_put(struct buf *out, int64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_char(out, (char)(unsigned char)((uint64_t)value >> (8 * i)));
}

static int64_t zip_below(int64_t value, int64_t limit)
{
	return value < limit ? value : limit;
}

static int zip_send(struct zip *zip, const void *bytes, size_t len, struct err *err)
{
	zip->at += (int64_t)len;
	return zip->sink(zip->data, bytes, len, err);
}

static int zip_send_all(struct zip *zip, struct buf *out, struct err *err)
{
	int failed = out->overflow ? err_set(err, ERR_INTERNAL, "A header of the archive is larger than its bound")
	                           : zip_send(zip, buf_text(out), out->len, err);

	buf_release(out);
	return failed;
}

void zip_init(struct zip *zip, const char *dir, archive_sink *sink, void *data)
{
	*zip = (struct zip){.sink = sink, .data = data};
	buf_init(&zip->name, SMALL_16);
	spool_init(&zip->directory, dir, INT64_MAX);
}

void zip_release(struct zip *zip)
{
	buf_release(&zip->name);
	spool_release(&zip->directory);
}

/* What a file's header and its entry in the directory have in common, up to its sizes. */
static void zip_put_file(const struct zip *zip, struct buf *out, bool large, uint32_t crc)
{
	zip_put(out, large ? NEEDS_64 : NEEDS, 2);
	zip_put(out, CRC_AT_END | NAME_IS_UTF8, 2);
	zip_put(out, 0, 2); /* stored */
	zip_put(out, 0, 2); /* midnight */
	zip_put(out, DATE, 2);
	zip_put(out, crc, 4);
	zip_put(out, zip_below(zip->size, SMALL_32), 4);
	zip_put(out, zip_below(zip->size, SMALL_32), 4);
	zip_put(out, (int64_t)zip->name.len, 2);
}

int zip_begin(struct zip *zip, const char *name, int64_t size, struct err *err)
{
	bool large = size >= SMALL_32;
	struct buf out;

	zip->begun = zip->at;
	zip->size = size;
	zip->crc = 0;
	buf_clear(&zip->name);
	if (buf_str(&zip->name, name))
		return err_set(err, ERR_INTERNAL, "A name in the archive is larger than its bound");
	buf_init(&out, HEADERS_MAX);
	zip_put(&out, FILE_HEADER, 4);
	zip_put_file(zip, &out, large, 0);
	zip_put(&out, large ? 20 : 0, 2); /* of extra fields */
	buf_add(&out, zip->name.data, zip->name.len);
	if (large) {
		zip_put(&out, EXTRA_64, 2);
		zip_put(&out, 16, 2);
		zip_put(&out, size, 8);
		zip_put(&out, size, 8);
	}
	return zip_send_all(zip, &out, err);
}

int zip_write(struct zip *zip, const void *bytes, size_t len, struct err *err)
{
	zip->crc = (uint32_t)crc32_z(zip->crc, bytes, len);
	return zip_send(zip, bytes, len, err);
}

/* Adds the file to the directory. */
static int zip_enter(struct zip *zip, struct err *err)
{
	bool large = zip->size >= SMALL_32, far = zip->begun >= SMALL_32;
	int extra = (large ? 16 : 0) + (far ? 8 : 0);
	struct buf out;

	buf_init(&out, HEADERS_MAX);
	zip_put(&out, ENTRY, 4);
	zip_put(&out, MADE_ON_UNIX | NEEDS_64, 2);
	zip_put_file(zip, &out, large || far, zip->crc);
	zip_put(&out, extra ? extra + 4 : 0, 2);
	zip_put(&out, 0, 6); /* no comment, on this disk, no attributes of its content */
	zip_put(&out, MODE, 4);
	zip_put(&out, zip_below(zip->begun, SMALL_32), 4);
	buf_add(&out, zip->name.data, zip->name.len);
	if (extra) {
		zip_put(&out, EXTRA_64, 2);
		zip_put(&out, extra, 2);
	}
	if (large) {
		zip_put(&out, zip->size, 8);
		zip_put(&out, zip->size, 8);
	}
	if (far)
		zip_put(&out, zip->begun, 8);
	int failed = out.overflow ? err_set(err, ERR_INTERNAL, "An entry of the archive is larger than its bound")
	                          : spool_write(&zip->directory, out.data, out.len, err);
	buf_release(&out);
	zip->count++;
	return failed;
}

int zip_finish(struct zip *zip, struct err *err)
{
	int bytes = zip->size >= SMALL_32 ? 8 : 4;
	struct buf out;

	buf_init(&out, HEADERS_MAX);
	zip_put(&out, FILE_END, 4);
	zip_put(&out, zip->crc, 4);
	zip_put(&out, zip->size, bytes);
	zip_put(&out, zip->size, bytes);
	return zip_send_all(zip, &out, err) || zip_enter(zip, err);
}

static int zip_send_directory(struct zip *zip, struct err *err)
{
	char *piece = memory_raw(PIECE_BYTES);
	ssize_t got = 1;
	int failed = 0;

	for (int64_t at = 0; !failed && at < zip->directory.length; at += got) {
		got = spool_read(&zip->directory, at, piece, PIECE_BYTES, err);
		failed = got <= 0 || zip_send(zip, piece, (size_t)got, err);
	}
	free(piece);
	return failed;
}

static void zip_put_end_64(const struct zip *zip, struct buf *out, int64_t begun)
{
	zip_put(out, END_64, 4);
	zip_put(out, END_64_BYTES, 8);
	zip_put(out, MADE_ON_UNIX | NEEDS_64, 2);
	zip_put(out, NEEDS_64, 2);
	zip_put(out, 0, 8); /* this disk, the directory's disk */
	zip_put(out, zip->count, 8);
	zip_put(out, zip->count, 8);
	zip_put(out, zip->directory.length, 8);
	zip_put(out, begun, 8);
	zip_put(out, LOCATOR_64, 4);
	zip_put(out, 0, 4); /* disk */
	zip_put(out, zip->at, 8);
	zip_put(out, 1, 4); /* disks */
}

int zip_end(struct zip *zip, struct err *err)
{
	int64_t begun = zip->at, bytes = zip->directory.length;
	struct buf out;

	if (zip_send_directory(zip, err))
		return -1;
	buf_init(&out, HEADERS_MAX);
	if (zip->count >= SMALL_16 || bytes >= SMALL_32 || begun >= SMALL_32)
		zip_put_end_64(zip, &out, begun);
	zip_put(&out, END, 4);
	zip_put(&out, 0, 4); /* this disk, the directory's disk */
	zip_put(&out, zip_below(zip->count, SMALL_16), 2);
	zip_put(&out, zip_below(zip->count, SMALL_16), 2);
	zip_put(&out, zip_below(bytes, SMALL_32), 4);
	zip_put(&out, zip_below(begun, SMALL_32), 4);
	zip_put(&out, 0, 2); /* no comment */
	return zip_send_all(zip, &out, err);
}
