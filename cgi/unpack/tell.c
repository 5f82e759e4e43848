/* Asks for an archive's bytes, and tells its entries. */
#include "tell.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/worker.h"

/* Nobody waits for an answer any more when the socket is closed. */
static void unpack_tell(struct unpack *unpack, enum unpacker_what what, size_t len)
{
	unpack->message.what = what;
	if (worker_tell(&unpack->message, UNPACKER_LENGTH(len)))
		_exit(0);
}

/* The bytes go where libarchive reads them; the message keeps those that it holds for the answer. */
ssize_t unpack_source(void *data, void *bytes, size_t len, struct err *err)
{
	struct unpack *unpack = data;

	(void)err;
	if (unpack->ended)
		return 0;
	unpack_tell(unpack, UNPACKER_WANTS, 0);
	size_t length = worker_hear(&unpack->message, UNPACKER_LENGTH(0), bytes, len);
	if (length < UNPACKER_LENGTH(0))
		_exit(0);
	unpack->ended = length == UNPACKER_LENGTH(0);
	return (ssize_t)(length - UNPACKER_LENGTH(0));
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

static void tell_failure(struct unpack *unpack, const struct err *err)
{
	unpack->message.why = *err;
	unpack_tell(unpack, UNPACKER_FAILS, sizeof(*err));
}

static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

static void tell_entry(struct unpack *unpack, const struct archive_item *item)
{
	struct unpacker_entry *entry = &unpack->message.entry;

	entry->kind = item->kind;
	entry->bytes = item->bytes;
	copy_text(entry->path, sizeof(entry->path), item->path);
	copy_text(entry->target, sizeof(entry->target), item->target);
	copy_text(entry->label, sizeof(entry->label), item->label);
	copy_text(entry->type, sizeof(entry->type), item->type);
	copy_text(entry->guessed, sizeof(entry->guessed), item->guessed);
	entry->why = item->err;
	if (item->skipped)
		copy_text(entry->why.text, sizeof(entry->why.text), item->skipped);
	unpack_tell(unpack, UNPACKER_ENTRY, sizeof(*entry));
}

static void tell_bytes(struct unpack *unpack)
{
	struct err err;
	size_t len, got = 1;

	while (got > 0) {
		for (len = 0; len < UNPACKER_PIECE_BYTES && got > 0; len += got) {
			if (archive_reader_read(unpack->reader, unpack->message.bytes + len, UNPACKER_PIECE_BYTES - len, &got, &err)) {
				tell_failure(unpack, &err);
				return;
			}
		}
		unpack_tell(unpack, got > 0 ? UNPACKER_BYTES : UNPACKER_LAST, len);
	}
}

void unpack_tell_all(struct unpack *unpack)
{
	const struct archive_item *item;
	struct err err;
	int failed;

	while ((failed = archive_reader_next(unpack->reader, &item, &err)) == 0 && item) {
		enum archive_kind kind = item->kind;

		tell_entry(unpack, item);
		if (kind == ARCHIVE_IMAGE)
			tell_bytes(unpack);
	}
	if (failed)
		tell_failure(unpack, &err);
	else
		unpack_tell(unpack, UNPACKER_END, 0);
}
