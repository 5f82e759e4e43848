/* A zip archive that is sent while it is written, in constant memory: APPNOTE 6.3.10, with its extensions for large
 * files (zip64). One thread.
 *
 * Files are stored unpacked, since images are compressed already. The directory that ends the archive, some 100 bytes a
 * file, lies in a spool meanwhile: libarchive and minizip keep it in memory, and libzip writes only what can seek. */
#ifndef EXPORT_ZIP_H
#define EXPORT_ZIP_H

#include "intake/spool.h"

/* Receives bytes of an archive. */
typedef int archive_sink(void *data, const void *bytes, size_t len, struct err *err);

struct zip {
	archive_sink *sink;
	void *data;
	int64_t at, count;      /* bytes and files so far */
	int64_t begun;          /* where the present file begins */
	int64_t size;           /* of the present file */
	uint32_t crc;           /* of its bytes so far */
	struct buf name;        /* of the present file */
	struct spool directory; /* of the files so far */
};

/* The directory's spool goes to the folder `dir`. */
void zip_init(struct zip *zip, const char *dir, archive_sink *sink, void *data);
void zip_release(struct zip *zip);

/* Begins a file of `size` bytes; then all of its bytes, then its end. name is UTF-8, at most 65,535 bytes. */
int zip_begin(struct zip *zip, const char *name, int64_t size, struct err *err);
int zip_write(struct zip *zip, const void *bytes, size_t len, struct err *err);
int zip_finish(struct zip *zip, struct err *err);
/* Writes the archive's end. */
int zip_end(struct zip *zip, struct err *err);

#endif
