/* Parses the headers of tus. */
#include "fastcgi/tus.h"

#include "base/hash.h"

static int decode_value(const char *base64, size_t len, const char *key, size_t max, struct buf *out, struct err *err)
{
	buf_clear(out);
	if (hash_base64_decode(base64, len, out))
		return err_set(err, ERR_BAD_REQUEST, "Upload-Metadata: the value of \"%s\" is not base64", key);
	if (out->len > max)
		return err_set(err, ERR_BAD_REQUEST, "Upload-Metadata: \"%s\" is longer than %zu bytes", key, max);
	if (memchr(buf_text(out), '\0', out->len) || !text_utf8_valid(buf_text(out), out->len))
		return err_set(err, ERR_BAD_REQUEST, "Upload-Metadata: \"%s\" is not UTF-8 text", key);
	return 0;
}

static int take_pair(const char *pair, size_t len, struct tus_metadata *out, unsigned *seen, struct err *err)
{
	struct {
		const char *key;
		char *value;
		size_t max; /* bytes as sent */
	} const fields[] = {
		{"filepath", out->filepath, sizeof(out->filepath) - 1},
		{"filename", out->filename, TEXT_FILEPATH_MAX},
		{"label", out->label, sizeof(out->label) - 1},
	};
	const char *space = memchr(pair, ' ', len);
	size_t key_len = space ? (size_t)(space - pair) : len;
	struct buf value;
	int failed = 0;

	if (key_len == 0)
		return err_set(err, ERR_BAD_REQUEST, "Upload-Metadata has a pair without a key");
	buf_init(&value, 2 * TEXT_FILEPATH_MAX);
	for (unsigned i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (strlen(fields[i].key) != key_len || memcmp(fields[i].key, pair, key_len) != 0)
			continue;
		if (*seen & 1U << i)
			failed = err_set(err, ERR_BAD_REQUEST, "Upload-Metadata has \"%s\" twice", fields[i].key);
		*seen |= 1U << i;
		if (!failed && space)
			failed = decode_value(space + 1, len - key_len - 1, fields[i].key, fields[i].max, &value, err);
		if (!failed && fields[i].value == out->filename)
			filename_clean(buf_text(&value), out->filename);
		else if (!failed)
			snprintf(fields[i].value, fields[i].max + 1, "%s", buf_text(&value));
	}
	buf_release(&value);
	return failed;
}

int tus_metadata_parse(const char *header, struct tus_metadata *out, struct err *err)
{
	unsigned seen = 0;

	memset(out, 0, sizeof(*out));
	if (!text_utf8_valid(header, strlen(header)))
		return err_set(err, ERR_BAD_REQUEST, "Upload-Metadata is not UTF-8 text");
	while (*header) {
		header += strspn(header, " ");
		size_t len = strcspn(header, ","), trimmed = len;

		while (trimmed > 0 && header[trimmed - 1] == ' ')
			trimmed--;
		if (take_pair(header, trimmed, out, &seen, err))
			return -1;
		header += len + (header[len] == ',');
	}
	return 0;
}

int tus_checksum_parse(const char *header, struct tus_checksum *out, struct err *err)
{
	static const struct {
		const char *name;
		size_t digest;
	} algorithms[] = {{"sha1", HASH_SHA1_SIZE}, {"sha256", HASH_SHA256_SIZE}};
	size_t name_len = strcspn(header, " ");
	struct buf digest;

	for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++) {
		if (strlen(algorithms[i].name) != name_len || memcmp(algorithms[i].name, header, name_len) != 0)
			continue;
		const char *base64 = header + name_len + (header[name_len] == ' ');
		buf_init(&digest, TUS_DIGEST_MAX);
		int failed = hash_base64_decode(base64, strlen(base64), &digest) || digest.len != algorithms[i].digest;
		out->algorithm = algorithms[i].name;
		out->length = digest.len;
		if (!failed)
			memcpy(out->digest, digest.data, digest.len);
		buf_release(&digest);
		return failed ? err_set(err, ERR_BAD_REQUEST, "Upload-Checksum is not a %s digest in base64", out->algorithm) : 0;
	}
	return err_set(err, ERR_BAD_REQUEST, "Upload-Checksum takes sha1 and sha256");
}
