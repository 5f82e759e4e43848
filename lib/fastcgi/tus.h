/* The headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload): metadata and checksum. Pure; thread-safe. */
#ifndef FASTCGI_TUS_H
#define FASTCGI_TUS_H

#include "base/err.h"
#include "base/text.h"
#include "intake/filename.h"

enum { TUS_DIGEST_MAX = 64 };

/* The keys of Upload-Metadata that we read; "" where one is not given. Other keys are ignored. */
struct tus_metadata {
	char filepath[TEXT_FILEPATH_MAX + 1];
	char filename[FILENAME_CLEAN_MAX]; /* cleaned */
	char label[TEXT_LABEL_MAX + 1];
};
/* Parses "key base64,key base64,key"; a malformed pair, a key given twice or a value that is not UTF-8 is
 * ERR_BAD_REQUEST. */
int tus_metadata_parse(const char *header, struct tus_metadata *out, struct err *err);

/* From "sha256 base64" or "sha1 base64"; ERR_BAD_REQUEST for other algorithms and malformed digests. */
struct tus_checksum {
	const char *algorithm; /* static; as hash_stream_new takes it */
	unsigned char digest[TUS_DIGEST_MAX];
	size_t length;
};
int tus_checksum_parse(const char *header, struct tus_checksum *out, struct err *err);

#endif
