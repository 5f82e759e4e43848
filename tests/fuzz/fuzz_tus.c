/* Fuzzes the headers of tus: the input's first byte chooses between metadata ('m' and all others) and a checksum ('c'). What
 * is accepted must be UTF-8 text within its bounds, and a digest of its algorithm's length.
 *
 * Parses: lib/fastcgi/tus.c lib/intake/filename.c */
#include <stdint.h>

#include "base/hash.h"
#include "fastcgi/tus.h"
#include "intake/filename.h"

static void check_text(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len > max || !text_utf8_valid(text, len))
		abort();
}

static void check_metadata(const char *header)
{
	struct tus_metadata metadata;
	struct err err = {0};

	if (tus_metadata_parse(header, &metadata, &err)) {
		if (err.code != ERR_BAD_REQUEST || !*err.text)
			abort();
		return;
	}
	check_text(metadata.filepath, TEXT_FILEPATH_MAX);
	check_text(metadata.filename, FILENAME_CLEAN_MAX - 1);
	check_text(metadata.label, TEXT_LABEL_MAX);
	if (strpbrk(metadata.filename, "/\\\r\n"))
		abort();
}

static void check_checksum(const char *header)
{
	struct tus_checksum checksum;
	struct err err = {0};

	if (tus_checksum_parse(header, &checksum, &err)) {
		if (err.code != ERR_BAD_REQUEST || !*err.text)
			abort();
		return;
	}
	struct hash_stream *hash = hash_stream_new(checksum.algorithm);
	unsigned char digest[64];
	if (!hash || hash_stream_final(hash, digest) != checksum.length)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	char *header = strndup((const char *)data + 1, size - 1); /* of its own length, so that the sanitizer sees its end */
	if (!header)
		abort();
	if (data[0] == 'c')
		check_checksum(header);
	else
		check_metadata(header);
	free(header);
	return 0;
}
