/* Undoes an archive's single layer of compression with libarchive's own filters. */
#include "intake/archive_unpack.h"

#include <archive.h>
#include <errno.h>
#include <archive_entry.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"

enum {
	FIRST_BYTES = 18, /* of a zstd frame, enough to show its window */
	SOURCE_BYTES = 2 * ARCHIVE_ASKED_MIN,
};

enum compression { PLAIN, GZIP, ZSTD };

struct archive_unpack {
	archive_source *source;
	void *data;
	archive_going *going;
	struct archive *raw; /* undoes the compression; NULL where there is none */
	bool begun, known, failed;
	struct err failure;   /* why, when failed */
	int64_t in, out;      /* bytes read from the source, and unpacked */
	int64_t spent, since; /* processor time in ns: spent before, and at the last archive_unpack_enter */
	size_t first;         /* bytes read to recognise the compression, not handed out yet */
	unsigned char bytes[SOURCE_BYTES];
};

/* --- limits ------------------------------------------------------------------------------------------------------- */

static int64_t processor_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return clock_ns_of(now);
}

void archive_unpack_enter(struct archive_unpack *unpack)
{
	unpack->since = processor_time();
}

void archive_unpack_leave(struct archive_unpack *unpack)
{
	unpack->spent += processor_time() - unpack->since;
}

int archive_unpack_check(struct archive_unpack *unpack, int64_t out, struct err *err)
{
	int64_t grown = unpack->out > out ? unpack->out : out;
	int64_t spent = (unpack->spent + processor_time() - unpack->since) / NANOSECONDS;

	if (archive_unpack_is_bomb(unpack->in, grown))
		return err_set(err, ERR_UNPROCESSABLE, "the archive grows too much when it is unpacked");
	if (spent > archive_unpack_seconds(unpack->in))
		return err_set(err, ERR_UNPROCESSABLE, "the archive takes too long to be unpacked");
	return unpack->going ? unpack->going(unpack->data, err) : 0;
}

/* --- the source --------------------------------------------------------------------------------------------------- */

/* The window that a zstd frame needs (RFC 8878 §3.1.1.1). */
static uint64_t zstd_window(const unsigned char *p, size_t len)
{
	if (len < FIRST_BYTES)
		return 0;
	bool single = (p[4] & 0x20) != 0;
	if (!single) {
		uint64_t base = (uint64_t)1 << (10 + (p[5] >> 3));
		return base + base / 8 * (p[5] & 7);
	}
	static const size_t dictionary[] = {0, 1, 2, 4}, content[] = {1, 2, 4, 8};
	size_t at = 5 + dictionary[p[4] & 3], size = content[p[4] >> 6];
	uint64_t bytes = 0;
	for (size_t i = 0; i < size; i++)
		bytes |= (uint64_t)p[at + i] << 8 * i;
	return bytes;
}

static enum compression compression_of(const unsigned char *p, size_t len)
{
	if (len >= 2 && memcmp(p, "\x1f\x8b", 2) == 0)
		return GZIP;
	return len >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0 ? ZSTD : PLAIN;
}

/* Fills `bytes` with the source's next ones: returns how many, 0 at its end, -1 with unpack->failure. */
static ssize_t archive_unpack_fill(struct archive_unpack *unpack, size_t at)
{
	ssize_t n = unpack->source(unpack->data, unpack->bytes + at, sizeof(unpack->bytes) - at, &unpack->failure);

	if (n < 0)
		unpack->failed = true;
	unpack->in += n > 0 ? n : 0;
	return n;
}

static la_ssize_t read_packed(struct archive *archive, void *data, const void **bytes)
{
	struct archive_unpack *unpack = data;
	ssize_t n = (ssize_t)unpack->first;

	*bytes = unpack->bytes;
	unpack->first = 0;
	if (n == 0 && !unpack->failed)
		n = archive_unpack_fill(unpack, 0);
	/* This check also ends a filter that reads on and on without unpacking anything. */
	if (!unpack->failed && archive_unpack_check(unpack, 0, &unpack->failure) != 0)
		unpack->failed = true;
	if (!unpack->failed)
		return n;
	archive_set_error(archive, EIO, "the source failed");
	return -1;
}

/* --- pieces ------------------------------------------------------------------------------------------------------- */

int archive_explain(struct archive *archive, const char *broken, struct err *err)
{
	return archive_errno(archive) == ENOMEM
	               ? err_set(err, ERR_UNAVAILABLE, "there is no memory to unpack the archive")
	               : err_set(err, ERR_UNPROCESSABLE, "%s", broken);
}

static int archive_unpack_fail(struct archive_unpack *unpack, enum err_code code, const char *text)
{
	unpack->failed = true;
	return err_set(&unpack->failure, code, "%s", text);
}

static int unpack_broken(struct archive_unpack *unpack)
{
	unpack->failed = true;
	return archive_explain(unpack->raw, "the archive is broken or truncated", &unpack->failure);
}

static int open_raw(struct archive_unpack *unpack, enum compression compression)
{
	struct archive_entry *entry;
	int filter = compression == GZIP ? ARCHIVE_FILTER_GZIP : ARCHIVE_FILTER_ZSTD;

	unpack->raw = archive_read_new();
	if (!unpack->raw || archive_read_support_format_raw(unpack->raw) != ARCHIVE_OK ||
	    archive_read_append_filter(unpack->raw, filter) != ARCHIVE_OK)
		return archive_unpack_fail(unpack, ERR_UNAVAILABLE, "libarchive can't be set up");
	if (archive_read_open(unpack->raw, unpack, NULL, read_packed, NULL) == ARCHIVE_OK &&
	    archive_read_next_header(unpack->raw, &entry) == ARCHIVE_OK)
		return 0;
	return unpack->failed || unpack_broken(unpack);
}

/* Reads enough to recognise the archive. */
static int archive_unpack_begin(struct archive_unpack *unpack)
{
	ssize_t n = 1;

	unpack->begun = true;
	while (unpack->first < FIRST_BYTES && (n = archive_unpack_fill(unpack, unpack->first)) > 0)
		unpack->first += (size_t)n;
	if (n < 0)
		return -1;
	enum compression compression = compression_of(unpack->bytes, unpack->first);
	unpack->known = compression != PLAIN || (unpack->first >= 4 && memcmp(unpack->bytes, "PK\3\4", 4) == 0);
	if (compression == ZSTD && zstd_window(unpack->bytes, unpack->first) > ARCHIVE_WINDOW_MAX)
		return archive_unpack_fail(unpack, ERR_UNPROCESSABLE, "the archive's zstd compression needs too much memory: "
		                                                      "compress it without --ultra and --long");
	return compression == PLAIN ? 0 : open_raw(unpack, compression);
}

static ssize_t next_plain(struct archive_unpack *unpack, const void **piece)
{
	ssize_t n = (ssize_t)unpack->first;

	*piece = unpack->bytes;
	unpack->first = 0;
	return n > 0 ? n : archive_unpack_fill(unpack, 0);
}

static ssize_t next_unpacked(struct archive_unpack *unpack, const void **piece)
{
	size_t len = 0;
	la_int64_t offset;
	int status = archive_read_data_block(unpack->raw, piece, &len, &offset);

	if (unpack->failed)
		return -1;
	if (status == ARCHIVE_EOF)
		return 0;
	if (status != ARCHIVE_OK)
		return unpack_broken(unpack);
	if (unpack->out == 0 && compression_of(*piece, len) != PLAIN)
		return archive_unpack_fail(unpack, ERR_UNPROCESSABLE, "the archive is compressed more than once");
	return (ssize_t)len;
}

ssize_t archive_unpack_next(struct archive_unpack *unpack, const void **piece, struct err *err)
{
	ssize_t n = -1;

	if (!unpack->failed && (unpack->begun || archive_unpack_begin(unpack) == 0))
		n = unpack->raw ? next_unpacked(unpack, piece) : next_plain(unpack, piece);
	if (n >= 0) {
		unpack->out += n;
		unpack->failed = archive_unpack_check(unpack, 0, &unpack->failure) != 0;
	}
	if (!unpack->failed)
		return n;
	*err = unpack->failure;
	return -1;
}

bool archive_unpack_is_known(const struct archive_unpack *unpack)
{
	return unpack->known;
}

/* --- lifetime ----------------------------------------------------------------------------------------------------- */

struct archive_unpack *archive_unpack_new(archive_source *source, void *data, archive_going *going)
{
	struct archive_unpack *unpack = memory_raw(sizeof(*unpack));

	memset(unpack, 0, offsetof(struct archive_unpack, bytes));
	unpack->source = source;
	unpack->data = data;
	unpack->going = going;
	return unpack;
}

void archive_unpack_free(struct archive_unpack *unpack)
{
	if (!unpack)
		return;
	archive_read_free(unpack->raw); /* NULL is fine */
	free(unpack);
}
