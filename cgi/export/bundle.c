/* Writes archives: tar by libarchive, zip by zip.h. */
#include "bundle.h"

#include <archive.h>
#include <archive_entry.h>

#include "base/memory.h"

enum { PIECE_BYTES = 256 * 1024, MODE = 0644, MADE = 315532800 /* 1980-01-01, the first day of zip's calendar */ };

/* Takes all, even what the sink does not: after a failure libarchive (3.6) leaks what archive_write_open allocated. */
static la_ssize_t bundle_pass_on(struct archive *archive, void *data, const void *bytes, size_t len)
{
	struct bundle *bundle = data;

	(void)archive;
	if (bundle->err && bundle->sink(bundle->data, bytes, len, bundle->err))
		bundle->err = NULL; /* it says why, and must not be overwritten */
	return (la_ssize_t)len;
}

static struct archive *bundle_tar(struct bundle *bundle)
{
	struct archive *tar = memory_must(archive_write_new());

	archive_write_set_format_pax_restricted(tar);
	archive_write_set_bytes_per_block(tar, 0); /* without buffering and padding */
	archive_write_open(tar, bundle, NULL, bundle_pass_on, NULL);
	return tar;
}

void bundle_init(struct bundle *bundle, enum bundle_format format, const char *dir, archive_sink *sink, void *data)
{
	*bundle = (struct bundle){.format = format, .sink = sink, .data = data, .piece = memory_raw(PIECE_BYTES)};
	if (format == BUNDLE_TAR)
		bundle->archive = bundle_tar(bundle);
	else
		zip_init(&bundle->zip, dir, sink, data);
}

void bundle_release(struct bundle *bundle)
{
	bundle->err = NULL;
	archive_write_free(bundle->archive);
	if (bundle->format == BUNDLE_ZIP)
		zip_release(&bundle->zip);
	free(bundle->piece);
	*bundle = (struct bundle){.archive = NULL};
}

/* What a call of libarchive came to. */
static int bundle_result(const struct bundle *bundle, bool done, struct err *err)
{
	const char *why = archive_error_string(bundle->archive);

	if (!bundle->err)
		return -1; /* the sink has failed */
	return done ? 0 : err_set(err, ERR_INTERNAL, "The archive cannot be written: %s", why ? why : "no reason");
}

static int bundle_begin(struct bundle *bundle, const char *name, int64_t size, struct err *err)
{
	if (bundle->format == BUNDLE_ZIP)
		return zip_begin(&bundle->zip, name, size, err);
	struct archive_entry *entry = memory_must(archive_entry_new2(bundle->archive));
	bundle->err = err;
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, MODE);
	archive_entry_set_mtime(entry, MADE, 0);
	archive_entry_set_size(entry, size);
	int failed = bundle_result(bundle, archive_write_header(bundle->archive, entry) == ARCHIVE_OK, err);
	archive_entry_free(entry);
	return failed;
}

static int bundle_write(struct bundle *bundle, const void *bytes, size_t len, struct err *err)
{
	if (bundle->format == BUNDLE_ZIP)
		return zip_write(&bundle->zip, bytes, len, err);
	la_ssize_t took = len > 0 ? archive_write_data(bundle->archive, bytes, len) : 0;
	return bundle_result(bundle, took == (la_ssize_t)len, err);
}

/* Writes what follows an entry's bytes. */
static int bundle_finish(struct bundle *bundle, struct err *err)
{
	if (bundle->format == BUNDLE_ZIP)
		return zip_finish(&bundle->zip, err);
	return bundle_result(bundle, archive_write_finish_entry(bundle->archive) == ARCHIVE_OK, err);
}

int bundle_add_text(struct bundle *bundle, const char *name, const char *text, size_t len, struct err *err)
{
	return bundle_begin(bundle, name, (int64_t)len, err) || bundle_write(bundle, text, len, err) ||
	       bundle_finish(bundle, err);
}

int bundle_add_spool(struct bundle *bundle, const char *name, const struct spool *spool, struct err *err)
{
	ssize_t got = 0;

	if (bundle_begin(bundle, name, spool->length, err))
		return -1;
	for (int64_t at = 0; at < spool->length; at += got) {
		got = spool_read(spool, at, bundle->piece, PIECE_BYTES, err);
		if (got <= 0 || bundle_write(bundle, bundle->piece, (size_t)got, err))
			return -1;
	}
	return bundle_finish(bundle, err);
}

int bundle_add_image(struct bundle *bundle, const char *name, struct bytes *image, struct err *err)
{
	ssize_t got = 0;

	if (bundle_begin(bundle, name, image->size, err))
		return -1;
	for (int64_t at = 0; at < image->size; at += got) {
		size_t want = image->size - at < PIECE_BYTES ? (size_t)(image->size - at) : PIECE_BYTES;

		got = bytes_read(image, at, bundle->piece, want, err);
		if (got == 0)
			err_set(err, ERR_UNAVAILABLE, "An image changed while it was exported: %s", name);
		if (got <= 0 || bundle_write(bundle, bundle->piece, (size_t)got, err))
			return -1;
	}
	return bundle_finish(bundle, err);
}

int bundle_end(struct bundle *bundle, struct err *err)
{
	if (bundle->format == BUNDLE_ZIP)
		return zip_end(&bundle->zip, err);
	bundle->err = err;
	return bundle_result(bundle, archive_write_close(bundle->archive) == ARCHIVE_OK, err);
}
