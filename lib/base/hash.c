/* Digests, random tokens and their text forms, by OpenSSL. */
#include "base/hash.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <unistd.h>

#include "base/memory.h"

enum { FILE_PIECE_BYTES = 256 * 1024 };

void hash_sha256(const void *bytes, size_t len, unsigned char out[HASH_SHA256_SIZE])
{
	if (EVP_Digest(bytes, len, out, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

void hash_hex(const unsigned char *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

struct hash_stream {
	EVP_MD_CTX *context;
};

/* Fetched once: OpenSSL would look each up again for each digest, which costs more than hashing a line of text. */
static struct {
	const char *name;
	EVP_MD *md; /* NULL: this OpenSSL has it not */
} algorithms[] = {{.name = "sha256"}, {.name = "sha1"}, {.name = "md5"}};

static void fetch_algorithms(void)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		algorithms[i].md = EVP_MD_fetch(NULL, algorithms[i].name, NULL);
}

static const EVP_MD *find_algorithm(const char *name)
{
	static pthread_once_t fetched = PTHREAD_ONCE_INIT;

	pthread_once(&fetched, fetch_algorithms);
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (!strcmp(algorithms[i].name, name))
			return algorithms[i].md;
	return NULL;
}

struct hash_stream *hash_stream_new(const char *algorithm)
{
	const EVP_MD *md = find_algorithm(algorithm);

	if (!md)
		return NULL;
	struct hash_stream *stream = memory_raw(sizeof(*stream));
	stream->context = memory_must(EVP_MD_CTX_new());
	if (EVP_DigestInit_ex(stream->context, md, NULL) != 1)
		abort();
	return stream;
}

void hash_stream_update(struct hash_stream *stream, const void *bytes, size_t len)
{
	if (EVP_DigestUpdate(stream->context, bytes, len) != 1)
		abort();
}

void hash_stream_text(struct hash_stream *stream, const char *text)
{
	hash_stream_update(stream, text ? text : "", text ? strlen(text) + 1 : 1);
}

size_t hash_stream_final(struct hash_stream *stream, unsigned char out[64])
{
	unsigned int len;

	if (EVP_DigestFinal_ex(stream->context, out, &len) != 1)
		abort();
	hash_stream_free(stream);
	return len;
}

void hash_stream_free(struct hash_stream *stream)
{
	if (!stream)
		return;
	EVP_MD_CTX_free(stream->context);
	free(stream);
}

size_t hash_file(const char *algorithm, int fd, int64_t offset, int64_t length, unsigned char out[64])
{
	struct hash_stream *stream = hash_stream_new(algorithm);
	char *piece = memory_raw(FILE_PIECE_BYTES);
	ssize_t got = 1;

	for (int64_t done = 0; done < length && got > 0; done += got) {
		size_t want = length - done < FILE_PIECE_BYTES ? (size_t)(length - done) : FILE_PIECE_BYTES;
		do
			got = pread(fd, piece, want, offset + done);
		while (got < 0 && errno == EINTR);
		if (got > 0)
			hash_stream_update(stream, piece, (size_t)got);
		else if (got == 0)
			errno = ENODATA;
	}
	int why = errno;
	size_t len = hash_stream_final(stream, out);
	free(piece);
	errno = why;
	return got > 0 ? len : 0;
}

void hash_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                      unsigned char out[HASH_SHA256_SIZE])
{
	size_t out_len;

	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key_len ? key : "", key_len, bytes, len, out,
	               HASH_SHA256_SIZE, &out_len) ||
	    out_len != HASH_SHA256_SIZE)
		abort();
}

struct hash_hmac {
	EVP_MAC_CTX *context;
};

struct hash_hmac *hash_hmac_new(const void *key, size_t len)
{
	struct hash_hmac *hmac = memory_raw(sizeof(*hmac));
	EVP_MAC *mac = memory_must(EVP_MAC_fetch(NULL, "HMAC", NULL));
	char digest[] = "SHA256";
	const OSSL_PARAM of[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_END};

	hmac->context = memory_must(EVP_MAC_CTX_new(mac));
	if (!EVP_MAC_init(hmac->context, len ? key : "", len, of))
		abort();
	EVP_MAC_free(mac);
	return hmac;
}

void hash_hmac_of(struct hash_hmac *hmac, const void *bytes, size_t len, unsigned char out[HASH_SHA256_SIZE])
{
	size_t out_len;

	if (!EVP_MAC_init(hmac->context, NULL, 0, NULL) || !EVP_MAC_update(hmac->context, bytes, len) ||
	    !EVP_MAC_final(hmac->context, out, &out_len, HASH_SHA256_SIZE) || out_len != HASH_SHA256_SIZE)
		abort();
}

void hash_hmac_free(struct hash_hmac *hmac)
{
	if (!hmac)
		return;
	EVP_MAC_CTX_free(hmac->context);
	free(hmac);
}

/* OpenSSL's coder counts in int, so both directions work in blocks: 48 bytes are 64 characters. */
enum { BLOCK_BYTES = 48, BLOCK_CHARACTERS = 64 };

void hash_base64(const void *bytes, size_t len, struct buf *out)
{
	unsigned char text[BLOCK_CHARACTERS + 1];
	const unsigned char *from = bytes;

	while (len) {
		size_t step = len < BLOCK_BYTES ? len : BLOCK_BYTES;
		int written = EVP_EncodeBlock(text, from, (int)step);
		buf_add(out, text, (size_t)written);
		from += step;
		len -= step;
	}
}

/* OpenSSL's decoder accepts spaces, '=' anywhere and stray bits at the end; a text is canonical if its bytes encode
 * to it again. */
static int decode_block(const unsigned char *text, size_t len, struct buf *out)
{
	unsigned char bytes[BLOCK_BYTES], again[BLOCK_CHARACTERS + 1];
	int decoded = EVP_DecodeBlock(bytes, text, (int)len);
	int padding = text[len - 1] == '=' ? (text[len - 2] == '=' ? 2 : 1) : 0;

	if (decoded < padding || (size_t)decoded != len / 4 * 3)
		return -1;
	decoded -= padding;
	if ((size_t)EVP_EncodeBlock(again, bytes, decoded) != len || memcmp(again, text, len))
		return -1;
	return buf_add(out, bytes, (size_t)decoded);
}

int hash_base64_decode(const char *text, size_t len, struct buf *out)
{
	const unsigned char *from = (const unsigned char *)text;

	if (len % 4)
		return -1;
	while (len) {
		size_t step = len < BLOCK_CHARACTERS ? len : BLOCK_CHARACTERS;
		if (decode_block(from, step, out))
			return -1;
		from += step;
		len -= step;
		if (len && from[-1] == '=')
			return -1;
	}
	return 0;
}

void hash_random_token(size_t bytes, char out[HASH_TOKEN_MAX])
{
	unsigned char random[64];
	unsigned char text[sizeof(random) / 3 * 4 + 4 + 1];

	if (bytes > sizeof(random) || RAND_bytes(random, (int)bytes) != 1)
		abort();
	int len = EVP_EncodeBlock(text, random, (int)bytes);
	int used = 0;
	for (int i = 0; i < len && text[i] != '='; i++)
		out[used++] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : (char)text[i];
	out[used] = '\0';
	OPENSSL_cleanse(random, sizeof(random));
	OPENSSL_cleanse(text, sizeof(text));
}

static void print_uuid(unsigned char bytes[16], unsigned char version, char out[HASH_UUID_MAX])
{
	char hex[2 * 16 + 1];

	bytes[6] = (unsigned char)((bytes[6] & 0x0F) | version << 4);
	bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80); /* variant of RFC 9562 */
	hash_hex(bytes, 16, hex);
	snprintf(out, HASH_UUID_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void hash_random_uuid(char out[HASH_UUID_MAX])
{
	unsigned char bytes[16];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		abort();
	print_uuid(bytes, 4, out);
}

void hash_image_uuid(const char *dataset, const unsigned char sha256[HASH_SHA256_SIZE],
                     char out[HASH_UUID_MAX])
{
	unsigned char digest[64];
	struct hash_stream *stream = hash_stream_new("sha256");

	hash_stream_update(stream, dataset, strlen(dataset) + 1);
	hash_stream_update(stream, sha256, HASH_SHA256_SIZE);
	hash_stream_final(stream, digest);
	print_uuid(digest, 8, out);
}

int hash_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
