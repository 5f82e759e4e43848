/* Digests, random tokens and their text forms, on OpenSSL's libcrypto. Thread-safe. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { HASH_SHA256_SIZE = 32, HASH_SHA256_HEX = 65, HASH_SHA1_SIZE = 20 };

void hash_sha256(const void *bytes, size_t len, unsigned char out[HASH_SHA256_SIZE]);
void hash_hex(const unsigned char *bytes, size_t len, char *out); /* 2 * len + 1 bytes */

/* A digest computed in steps. */
struct hash_stream;
struct hash_stream *hash_stream_new(const char *algorithm); /* "sha256", "sha1", "md5"; NULL when unknown */
void hash_stream_update(struct hash_stream *stream, const void *bytes, size_t len);
/* Adds the text with its end, so that no two lists of texts have the same bytes; NULL counts as "". */
void hash_stream_text(struct hash_stream *stream, const char *text);
/* Returns the digest's length, and frees stream. */
size_t hash_stream_final(struct hash_stream *stream, unsigned char out[64]);
void hash_stream_free(struct hash_stream *stream); /* NULL is fine */

/* Computes the digest of `length` bytes of a file from `offset` on, by pread: its position neither matters nor
 * moves. Returns the digest's length, or 0 with errno: ENODATA when the file ends before. */
size_t hash_file(const char *algorithm, int fd, int64_t offset, int64_t length, unsigned char out[64]);

/* HMAC-SHA-256 (RFC 2104). */
void hash_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                      unsigned char out[HASH_SHA256_SIZE]);
/* The same for many messages with one key, at a fifth of the cost. One thread. */
struct hash_hmac;
struct hash_hmac *hash_hmac_new(const void *key, size_t len);
void hash_hmac_of(struct hash_hmac *hmac, const void *bytes, size_t len, unsigned char out[HASH_SHA256_SIZE]);
void hash_hmac_free(struct hash_hmac *hmac); /* NULL is fine */

/* Append Base64 (RFC 4648 §4), or the bytes that it encodes, to out. Decoding fails on anything but canonical base64
 * (out may then hold a part), or above out's ceiling. */
void hash_base64(const void *bytes, size_t len, struct buf *out);
int hash_base64_decode(const char *text, size_t len, struct buf *out);

/* Writes `bytes` random bytes (at most 64) as unpadded base64url: 16 bytes make 22 characters. Aborts when the
 * system has no entropy. */
enum { HASH_TOKEN_BYTES = 16, HASH_TOKEN_MAX = 96 };
void hash_random_token(size_t bytes, char out[HASH_TOKEN_MAX]);

/* UUID version 8 (RFC 9562 §5.8) from the first bytes of SHA-256(dataset, NUL, sha256): the same image in
 * the same dataset always has the same name. */
enum { HASH_UUID_MAX = 37 };
void hash_image_uuid(const char *dataset, const unsigned char sha256[HASH_SHA256_SIZE],
                     char out[HASH_UUID_MAX]);
/* UUID version 4 (RFC 9562 §5.4): random. Aborts when the system has no entropy. */
void hash_random_uuid(char out[HASH_UUID_MAX]);

/* Compares in constant time; 1 when equal. */
int hash_equal(const void *a, const void *b, size_t len);

#endif
