/* Fuzzes multipart: the input's first byte is the size of the pieces, its first line the Content-Type, the rest the
 * body. Reading in pieces must give the same as reading at once.
 *
 * Parses: lib/intake/multipart.c lib/intake/multipart_header.c lib/intake/filename.c */
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/text.h"
#include "intake/multipart.h"
#include "intake/filename.h"

struct feed {
	const uint8_t *bytes;
	size_t len, piece;
};

static ssize_t give(void *data, void *bytes, size_t len, struct err *err)
{
	(void)err;
	struct feed *feed = data;
	size_t n = feed->len < feed->piece ? feed->len : feed->piece;
	n = n < len ? n : len;
	memcpy(bytes, feed->bytes, n);
	feed->bytes += n;
	feed->len -= n;
	return (ssize_t)n;
}

static void check_text(const char *text)
{
	char clean[FILENAME_CLEAN_MAX];
	if (!text_utf8_valid(text, strlen(text)))
		abort();
	filename_clean(text, clean);
	if (strpbrk(clean, "/\\\r\n") != NULL || !text_utf8_valid(clean, strlen(clean)))
		abort();
}

/* A digest of all that the reader told. */
static void read_all(const char *type, struct feed feed, unsigned char out[64])
{
	struct hash_stream *hash = hash_stream_new("sha256");
	struct multipart *multipart = NULL;
	const struct multipart_part *part;
	struct err err = {0};
	int result = multipart_open(&multipart, type, give, &feed, &err);
	while (result == 0 && (result = multipart_next(multipart, &part, &err)) == 0 && part != NULL) {
		const char *texts[] = {part->name, part->filename != NULL ? part->filename : "-", part->type};
		for (size_t i = 0; i < 3; i++) {
			check_text(texts[i]);
			hash_stream_update(hash, texts[i], strlen(texts[i]) + 1);
		}
		char bytes[61];
		size_t got;
		while ((result = multipart_read(multipart, bytes, sizeof(bytes), &got, &err)) == 0 && got > 0)
			hash_stream_update(hash, bytes, got);
	}
	multipart_free(multipart);
	hash_stream_update(hash, result == 0 ? "end" : err.text, strlen(result == 0 ? "end" : err.text));
	hash_stream_final(hash, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
	if (newline == NULL || newline == data)
		return 0;
	size_t len = (size_t)(newline - data) - 1;
	char type[300] = "multipart/form-data; boundary=";
	size_t base = data[0] & 1 ? strlen(type) : 0; /* half of the inputs have a fair type already */
	if (base + len >= sizeof(type))
		return 0;
	memcpy(type + base, data + 1, len);
	type[base + len] = '\0';
	struct feed feed = {newline + 1, size - (size_t)(newline + 1 - data), 1 + data[0] / 2};
	unsigned char in_pieces[64], at_once[64];
	read_all(type, feed, in_pieces);
	feed.piece = SIZE_MAX;
	read_all(type, feed, at_once);
	if (memcmp(in_pieces, at_once, HASH_SHA256_SIZE) != 0)
		abort();
	return 0;
}
