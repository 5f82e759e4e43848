/* An archive that is sent while it is written: a tar by libarchive, or a zip. One thread.
 *
 * All entries have the same time, so that the same files make the same archive. */
#ifndef EXPORT_BUNDLE_H
#define EXPORT_BUNDLE_H

#include "base/err.h"
#include "fastcgi/bytes.h"
#include "intake/spool.h"
#include "zip.h"

enum bundle_format { BUNDLE_TAR, BUNDLE_ZIP };

struct archive;
struct bundle {
	enum bundle_format format;
	struct archive *archive; /* of a tar */
	struct zip zip;
	archive_sink *sink;
	void *data;
	struct err *err; /* for the present call */
	char *piece;     /* for reading files */
};

/* dir: a folder for temporary files. */
void bundle_init(struct bundle *bundle, enum bundle_format format, const char *dir, archive_sink *sink, void *data);
/* If the archive was not ended, its end is missing, too. */
void bundle_release(struct bundle *bundle);

/* Each adds a file. name is UTF-8. A file that cannot be read to its end is an error: the archive is then broken. */
int bundle_add_text(struct bundle *bundle, const char *name, const char *text, size_t len, struct err *err);
int bundle_add_spool(struct bundle *bundle, const char *name, const struct spool *spool, struct err *err);
int bundle_add_image(struct bundle *bundle, const char *name, struct bytes *image, struct err *err);
/* Writes the archive's end. */
int bundle_end(struct bundle *bundle, struct err *err);

#endif
