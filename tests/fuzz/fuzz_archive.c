/* Fuzzes archives: the input's first byte is the size of the pieces, the rest the archive. Reading in pieces gives the
 * same entries as reading at once; of a broken one libarchive may find more or less.
 *
 * Parses: lib/intake/archive.c lib/intake/archive_unpack.c lib/intake/archive_name.c lib/intake/archive_links.c */
#include "fuzz.h"

#include "base/hash.h"
#include "intake/archive.h"

enum { ENTRIES_MAX = 1000, ENTRY_BYTES_MAX = 1 << 20 };

struct given {
	const uint8_t *bytes;
	size_t len, piece;
};

static ssize_t give_archive(void *data, void *bytes, size_t len, struct err *err)
{
	struct given *given = data;
	size_t n = given->len < given->piece ? given->len : given->piece;

	(void)err;
	n = n < len ? n : len;
	memcpy(bytes, given->bytes, n);
	given->bytes += n;
	given->len -= n;
	return (ssize_t)n;
}

static void check_item(const struct archive_item *item, struct hash_stream *hash)
{
	require(text_utf8_valid(item->path, strlen(item->path)) && text_utf8_valid(item->label, strlen(item->label)));
	if (item->kind == ARCHIVE_IMAGE)
		require(item->type && item->path[0] && item->path[0] != '/');
	if (item->kind == ARCHIVE_LINK)
		require(item->target && item->target[0]);
	if (item->kind == ARCHIVE_REFUSED)
		require_told(&item->err);
	hash_stream_text(hash, item->path);
	hash_stream_text(hash, item->label);
	hash_stream_text(hash, item->type);
}

/* Whether it is sound. */
static bool read_archive(struct given given, unsigned char out[64])
{
	const struct archive_limits limits = {.entries = ENTRIES_MAX, .entry_bytes = ENTRY_BYTES_MAX};
	struct hash_stream *hash = hash_stream_new("sha256");
	struct archive_reader *reader;
	const struct archive_item *item;
	struct err err = {0};
	char bytes[997];
	int broken = 0;
	bool sound = true;
	int failed = archive_reader_open(&reader, give_archive, &given, &limits, &err);

	require(!failed);
	while ((failed = archive_reader_next(reader, &item, &err)) == 0 && item) {
		size_t got = 0;

		check_item(item, hash);
		while (item->kind == ARCHIVE_IMAGE && (broken = archive_reader_read(reader, bytes, sizeof(bytes), &got, &err)) == 0 &&
		       got > 0)
			hash_stream_update(hash, bytes, got);
		sound = sound && !broken;
	}
	if (failed || !sound)
		require_told(&err);
	archive_reader_free(reader);
	hash_stream_final(hash, out);
	return sound && !failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char pieces[64], whole[64];

	if (size == 0)
		return 0;
	bool sound = read_archive((struct given){data + 1, size - 1, 1 + data[0]}, pieces) &&
	             read_archive((struct given){data + 1, size - 1, SIZE_MAX}, whole);
	require(!sound || memcmp(pieces, whole, HASH_SHA256_SIZE) == 0);
	return 0;
}
