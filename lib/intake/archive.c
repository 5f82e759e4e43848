/* Reads archives by libarchive, entry by entry, with limits on everything that the archive decides. */
#include "intake/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>

#include "base/image_type.h"
#include "base/memory.h"
#include "intake/archive_name.h"
#include "intake/archive_unpack.h"

struct archive_reader {
	struct archive *archive;
	struct archive_unpack *unpack;
	struct archive_limits limits;
	locale_t locale; /* libarchive converts names by the thread's locale, which must know UTF-8 */
	bool opened, failed;
	struct err failure; /* why, when failed */
	int64_t out;        /* bytes of entries' data */
	int64_t entries;
	int64_t entry_out;                           /* of these, bytes of this entry */
	bool entry_ended;                            /* nothing more of the entry can be read */
	unsigned char magic[IMAGE_TYPE_MAGIC_BYTES]; /* the entry's first bytes; those before magic_at were handed out */
	size_t magic_len, magic_at;
	const char *block; /* the bytes after these, not handed out yet */
	size_t block_len;
	struct archive_name name, target;
	struct archive_item item;
};

/* --- the source --------------------------------------------------------------------------------------------------- */

static int archive_fail(struct archive_reader *reader, struct err *err, enum err_code code, const char *text)
{
	if (!reader->failed)
		err_set(&reader->failure, code, "%s", text);
	reader->failed = true;
	if (err)
		*err = reader->failure;
	return -1;
}

static la_ssize_t read_unpacked(struct archive *archive, void *data, const void **bytes)
{
	struct archive_reader *reader = data;
	struct err err;
	ssize_t n = archive_unpack_next(reader->unpack, bytes, &err);
	if (n >= 0)
		return n;
	archive_fail(reader, NULL, err.code, err.text);
	archive_set_error(archive, EIO, "the source failed");
	return -1;
}

int archive_reader_open(struct archive_reader **out, archive_source *source, void *data,
                        const struct archive_limits *limits, struct err *err)
{
	struct archive_reader *reader = memory_new(1, sizeof(*reader));
	reader->limits = *limits;
	reader->entry_ended = true;
	reader->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	reader->archive = archive_read_new();
	if (!reader->archive || reader->locale == (locale_t)0 ||
	    archive_read_support_format_tar(reader->archive) != ARCHIVE_OK ||
	    archive_read_support_format_zip_streamable(reader->archive) != ARCHIVE_OK) {
		archive_reader_free(reader);
		return err_set(err, ERR_UNAVAILABLE, "libarchive can't be set up");
	}
	reader->unpack = archive_unpack_new(source, data, limits->going);
	*out = reader;
	return 0;
}

void archive_reader_free(struct archive_reader *reader)
{
	if (!reader)
		return;
	if (reader->archive)
		archive_read_free(reader->archive);
	if (reader->locale != (locale_t)0)
		freelocale(reader->locale);
	archive_unpack_free(reader->unpack);
	free(reader);
}

/* --- data --------------------------------------------------------------------------------------------------------- */

static int archive_broken(struct archive_reader *reader, struct err *err)
{
	archive_explain(reader->archive, "the archive is broken or truncated", err);
	return archive_fail(reader, err, err->code, err->text);
}

static int check_limits(struct archive_reader *reader, struct err *err)
{
	if (archive_unpack_check(reader->unpack, reader->out, err) == 0)
		return 0;
	return archive_fail(reader, err, err->code, err->text);
}

/* Gets the entry's next block. Returns 0 at its end, too, with entry_ended set. */
static int next_block(struct archive_reader *reader, struct err *err)
{
	const void *block;
	size_t len;
	la_int64_t offset;
	int status = archive_read_data_block(reader->archive, &block, &len, &offset);
	reader->block_len = 0;
	if (status == ARCHIVE_EOF) {
		reader->entry_ended = true;
		return 0;
	}
	if (status == ARCHIVE_FATAL) {
		reader->entry_ended = true;
		return archive_broken(reader, err);
	}
	if (status != ARCHIVE_OK) { /* also for a wrong checksum or size, which libarchive only warns of */
		reader->entry_ended = true;
		return archive_explain(reader->archive, "the entry's data is broken", err);
	}
	if (offset != reader->entry_out) { /* a hole of a sparse file: no image has one */
		reader->entry_ended = true;
		return err_set(err, ERR_UNPROCESSABLE, "the entry is a sparse file");
	}
	reader->block = block;
	reader->block_len = len;
	reader->entry_out += (int64_t)len;
	reader->out += (int64_t)len;
	return check_limits(reader, err);
}

/* Skips the rest of the entry, in pieces, so that a bomb is noticed in time. */
static int archive_drain(struct archive_reader *reader, struct err *err)
{
	struct err of_entry; /* an error in an entry that is skipped is no failure */
	while (!reader->entry_ended && next_block(reader, &of_entry) == 0) {
	}
	reader->entry_ended = true;
	reader->block_len = 0;
	if (reader->failed)
		*err = reader->failure;
	return reader->failed;
}

static int archive_read_entry(struct archive_reader *reader, void *bytes, size_t len, size_t *got, struct err *err)
{
	*got = 0;
	if (reader->failed)
		return archive_fail(reader, err, ERR_INTERNAL, "");
	while (reader->magic_at == reader->magic_len && reader->block_len == 0 && !reader->entry_ended)
		if (next_block(reader, err) != 0)
			return -1;
	if (reader->entry_out > reader->limits.entry_bytes)
		return err_set(err, ERR_TOO_LARGE, "the entry has more than %lld bytes",
		               (long long)reader->limits.entry_bytes);
	size_t first = reader->magic_len - reader->magic_at;
	if (first > 0) {
		*got = first < len ? first : len;
		memcpy(bytes, reader->magic + reader->magic_at, *got);
		reader->magic_at += *got;
		return 0;
	}
	*got = reader->block_len < len ? reader->block_len : len;
	if (*got == 0)
		return 0;
	memcpy(bytes, reader->block, *got);
	reader->block += *got;
	reader->block_len -= *got;
	return 0;
}

int archive_reader_read(struct archive_reader *reader, void *bytes, size_t len, size_t *got, struct err *err)
{
	archive_unpack_enter(reader->unpack);
	int result = archive_read_entry(reader, bytes, len, got, err);
	archive_unpack_leave(reader->unpack);
	return result;
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

static const char *refused_kind(struct archive_entry *entry)
{
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
	case 0: /* from a zip of a system without file types */
		return archive_entry_is_encrypted(entry) ? "the entry is encrypted" : NULL;
	case AE_IFLNK:
		return "the entry is a link";
	default:
		return "the entry is a device, a pipe or a socket";
	}
}

/* Looks at the first bytes, and keeps them for reading. */
static int sniff(struct archive_reader *reader, struct err *err)
{
	while (reader->magic_len < IMAGE_TYPE_MAGIC_BYTES && !reader->entry_ended) {
		if (reader->block_len == 0 && next_block(reader, err) != 0)
			return -1;
		size_t want = IMAGE_TYPE_MAGIC_BYTES - reader->magic_len;
		size_t len = reader->block_len < want ? reader->block_len : want;
		if (len == 0)
			continue;
		memcpy(reader->magic + reader->magic_len, reader->block, len);
		reader->magic_len += len;
		reader->block += len;
		reader->block_len -= len;
	}
	const struct image_type *type = image_type_sniff(reader->magic, reader->magic_len);
	reader->item.type = type ? type->media : NULL;
	return 0;
}

static void archive_refuse(struct archive_item *item)
{
	item->kind = ARCHIVE_REFUSED;
	item->skipped = NULL;
}

/* A hard link with bytes of its own (cpio and pax allow that) is a file. */
static bool is_hard_link(struct archive_entry *entry)
{
	return archive_entry_hardlink(entry) && archive_entry_size(entry) == 0;
}

static void describe_link(struct archive_reader *reader, struct archive_entry *entry)
{
	struct archive_item *item = &reader->item;
	struct err err;
	item->kind = ARCHIVE_LINK;
	item->target = reader->target.path;
	if (archive_name_parse(archive_entry_hardlink(entry), false, reader->limits.names, reader->limits.skip,
	                       &reader->target, &err) == 0)
		return;
	err_set(&item->err, ERR_UNPROCESSABLE, "the entry is a link to something outside the archive");
	archive_refuse(item);
}

static void archive_describe(struct archive_reader *reader, struct archive_entry *entry)
{
	struct archive_item *item = &reader->item;
	memset(item, 0, sizeof(*item));
	bool zip = (archive_format(reader->archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP;
	const char *raw = archive_entry_pathname(entry), *kind = refused_kind(entry);
	if (!raw)
		raw = archive_entry_pathname_utf8(entry);
	item->bytes = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : -1;
	int named = archive_name_parse(raw ? raw : "", zip, reader->limits.names, reader->limits.skip,
	                               &reader->name, &item->err);
	item->guessed = reader->name.guessed;
	item->path = reader->name.path;
	item->label = reader->name.label;
	item->skipped = reader->name.skipped;
	item->kind = item->skipped ? ARCHIVE_SKIPPED : ARCHIVE_IMAGE;
	if (named != 0) {
		archive_refuse(item);
	} else if (!item->skipped && is_hard_link(entry)) {
		describe_link(reader, entry);
	} else if (!item->skipped && kind) {
		err_set(&item->err, ERR_UNPROCESSABLE, "%s", kind);
		archive_refuse(item);
	}
}

/* Decides by the first bytes whether an entry that its name does not exclude is an image. Its size is checked last:
 * what is no image is skipped, however large it is. */
static void look_inside(struct archive_reader *reader)
{
	struct archive_item *item = &reader->item;
	if (item->kind != ARCHIVE_IMAGE)
		return;
	if (sniff(reader, &item->err) != 0) {
		archive_refuse(item);
	} else if (!item->type) {
		item->kind = ARCHIVE_SKIPPED;
		item->skipped = "it is no image";
	} else if (item->bytes > reader->limits.entry_bytes) {
		err_set(&item->err, ERR_TOO_LARGE, "the entry has %lld bytes; %lld are allowed",
		        (long long)item->bytes, (long long)reader->limits.entry_bytes);
		archive_refuse(item);
	}
}

static int unknown(struct archive_reader *reader, struct err *err)
{
	if (archive_unpack_is_known(reader->unpack) || archive_errno(reader->archive) == ENOMEM)
		return archive_broken(reader, err);
	return archive_fail(reader, err, ERR_MEDIA_TYPE, "the body is no tar, tar.gz, tar.zst or zip archive");
}

static int reader_open_archive(struct archive_reader *reader, struct err *err)
{
	if (reader->opened)
		return 0;
	reader->opened = true;
	if (archive_read_open(reader->archive, reader, NULL, read_unpacked, NULL) != ARCHIVE_OK)
		return unknown(reader, err);
	return 0;
}

/* Reads the next header: *entry is NULL at the archive's end. */
static int next_header(struct archive_reader *reader, struct archive_entry **entry, struct err *err)
{
	int status;
	do {
		status = archive_read_next_header(reader->archive, entry);
	} while (status == ARCHIVE_RETRY);
	if (reader->failed)
		return archive_fail(reader, err, ERR_INTERNAL, "");
	if (status == ARCHIVE_EOF) {
		*entry = NULL;
		return 0;
	}
	if (status == ARCHIVE_FATAL && archive_format(reader->archive) == 0)
		return unknown(reader, err);
	if (status == ARCHIVE_FATAL || status == ARCHIVE_FAILED)
		return archive_broken(reader, err);
	if (++reader->entries > reader->limits.entries) {
		char text[100];
		snprintf(text, sizeof(text), "the archive has more than %lld entries",
		         (long long)reader->limits.entries);
		return archive_fail(reader, err, ERR_TOO_LARGE, text);
	}
	reader->entry_out = 0;
	reader->entry_ended = false;
	reader->magic_len = reader->magic_at = 0;
	return check_limits(reader, err);
}

static int next_item(struct archive_reader *reader, const struct archive_item **item, struct err *err)
{
	struct archive_entry *entry;
	if (reader->failed)
		return archive_fail(reader, err, ERR_INTERNAL, "");
	if (reader_open_archive(reader, err) != 0)
		return -1;
	do {
		if (archive_drain(reader, err) != 0 || next_header(reader, &entry, err) != 0)
			return -1;
		if (!entry)
			return 0;
	} while (archive_entry_filetype(entry) == AE_IFDIR);
	archive_describe(reader, entry);
	look_inside(reader);
	if (reader->failed)
		return archive_fail(reader, err, ERR_INTERNAL, "");
	*item = &reader->item;
	return 0;
}

int archive_reader_next(struct archive_reader *reader, const struct archive_item **item, struct err *err)
{
	*item = NULL;
	locale_t before = uselocale(reader->locale);
	archive_unpack_enter(reader->unpack);
	int result = next_item(reader, item, err);
	archive_unpack_leave(reader->unpack);
	uselocale(before);
	return result;
}
