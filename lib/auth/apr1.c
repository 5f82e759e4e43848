/* Computes Apache's MD5 of a password. */
#include "auth/apr1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { MD5 = 16, SALT = 8, ROUNDS = 1000 };

static struct hash_stream *apr1_begin(void)
{
	struct hash_stream *stream = hash_stream_new("md5");
	return stream;
}

static void apr1_add(struct hash_stream *stream, const char *text, size_t len)
{
	hash_stream_update(stream, text, len);
}

/* Hashes the password, the salt, as many bytes of the digest of password, salt and password as the password has, and
 * a byte for each bit of its length. */
static void first(const char *password, size_t len, const char *salt, size_t salt_len, unsigned char digest[64])
{
	struct hash_stream *stream = apr1_begin();
	apr1_add(stream, password, len);
	apr1_add(stream, salt, salt_len);
	apr1_add(stream, password, len);
	hash_stream_final(stream, digest);

	stream = apr1_begin();
	apr1_add(stream, password, len);
	apr1_add(stream, APR1, strlen(APR1));
	apr1_add(stream, salt, salt_len);
	for (size_t left = len; left > 0; left -= left > MD5 ? MD5 : left)
		hash_stream_update(stream, digest, left > MD5 ? MD5 : left);
	for (size_t bits = len; bits; bits >>= 1)
		apr1_add(stream, bits & 1 ? "" : password, 1);
	hash_stream_final(stream, digest);
}

static void again(const char *password, size_t len, const char *salt, size_t salt_len, unsigned char digest[64],
                  int round)
{
	struct hash_stream *stream = apr1_begin();
	if (round & 1)
		apr1_add(stream, password, len);
	else
		hash_stream_update(stream, digest, MD5);
	if (round % 3)
		apr1_add(stream, salt, salt_len);
	if (round % 7)
		apr1_add(stream, password, len);
	if (round & 1)
		hash_stream_update(stream, digest, MD5);
	else
		apr1_add(stream, password, len);
	hash_stream_final(stream, digest);
}

static char *apr1_put(char *out, unsigned bits, int letters)
{
	static const char alphabet[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	for (; letters > 0; letters--, bits >>= 6)
		*out++ = alphabet[bits & 63];
	return out;
}

void apr1(const char *password, const char *hash, char out[APR1_MAX])
{
	const char *salt = hash + strlen(APR1);
	size_t len = strlen(password), salt_len = strcspn(salt, "$");
	salt_len = salt_len > SALT ? SALT : salt_len;
	unsigned char digest[64];
	first(password, len, salt, salt_len, digest);
	for (int round = 0; round < ROUNDS; round++)
		again(password, len, salt, salt_len, digest, round);

	char *end = out + snprintf(out, APR1_MAX, APR1 "%.*s$", (int)salt_len, salt);
	for (int i = 0; i < 5; i++)
		end = apr1_put(end, (unsigned)digest[i] << 16 | (unsigned)digest[i + 6] << 8 | digest[i == 4 ? 5 : i + 12], 4);
	*apr1_put(end, digest[11], 2) = '\0';
	explicit_bzero(digest, sizeof(digest));
}
