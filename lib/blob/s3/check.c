/* The image store in an S3 bucket: compares what is there with what is put, before a write and after it. */
#include <errno.h>
#include <strings.h>

#include "blob/s3/client.h"

#include "base/memory.h"

void s3_object_headers(struct s3_call *call, const struct blob_put *put, const char *sha256)
{
	s3_call_header(call, "content-type", put->type);
	s3_call_header(call, "x-amz-meta-sha256", sha256);
}

/* --- digests ------------------------------------------------------------------------------------------------------ */

static size_t digest_memory(const char *algorithm, const void *bytes, size_t len, unsigned char out[64])
{
	struct hash_stream *hash = hash_stream_new(algorithm);
	hash_stream_update(hash, bytes, len);
	return hash_stream_final(hash, out);
}

int s3_digest(const struct blob_put *put, const char *algorithm, int64_t from, int64_t len, char out[S3_HEX_MAX],
              struct err *err)
{
	unsigned char digest[64];
	size_t size = put->bytes ? digest_memory(algorithm, (const char *)put->bytes + from, (size_t)len, digest)
	                         : hash_file(algorithm, put->fd, put->offset + from, len, digest);
	hash_hex(digest, size, out);
	if (size > 0)
		return 0;
	if (errno == ENODATA)
		return err_set(err, ERR_INTERNAL, "what is to be stored as '%s' ends early", put->key);
	return err_errno(err, ERR_INTERNAL, "can't read what is to be stored as '%s'", put->key);
}

/* Reads the object's bytes for their digest. */
static int digest_object(struct blob_store *store, const char *key, char out[HASH_SHA256_HEX],
                         struct err *err)
{
	unsigned char digest[64];
	char *piece = memory_raw(BLOB_READ_BYTES);
	struct hash_stream *hash = hash_stream_new("sha256");
	int result = 0;
	size_t got = 1;
	for (int64_t offset = 0; result == 0 && got > 0; offset += (int64_t)got) {
		result = s3_read(store, key, offset, piece, BLOB_READ_BYTES, &got, err);
		if (result == 0)
			hash_stream_update(hash, piece, got);
	}
	free(piece);
	hash_stream_final(hash, digest);
	hash_hex(digest, HASH_SHA256_SIZE, out);
	return result;
}

enum s3_etag s3_compare_etag(const struct s3_call *call, const char *md5)
{
	const struct s3_headers *told = &call->transfer.told;
	size_t len = strlen(md5);
	const char *etag = told->etag + (told->etag[0] == '"');
	if (strncasecmp(etag, md5, len) == 0 && (etag[len] == '\0' || etag[len] == '"'))
		return S3_ETAG_SAME;
	return strncmp(told->encryption, "aws:kms", 7) == 0 || told->customer_key[0] != '\0' ? S3_ETAG_OPAQUE
	                                                                                     : S3_ETAG_OTHER;
}

/* --- what is there already ---------------------------------------------------------------------------------------- */

/* Reads the object where HEAD is not enough: for one stored without our sha256, or by a key that may read but not
 * list. */
static int find_existing(struct s3_client *client, const struct blob_put *put, bool *found, struct blob_info *info,
                         struct err *err)
{
	struct s3_head head;
	*found = s3_head(client, put->key, &head, err) == 0;
	*info = head.info;
	if (head.hidden) {
		*found = digest_object(&client->base, put->key, info->sha256, NULL) == 0;
		info->bytes = put->length; /* since its digest is the same */
		return 0;
	}
	if (!*found)
		return err->code != ERR_NOT_FOUND;
	if (info->bytes == put->length && info->sha256[0] == '\0')
		return digest_object(&client->base, put->key, info->sha256, err);
	return 0;
}

int s3_check_existing(struct s3_client *client, const struct blob_put *put, const char *sha256, bool *found,
                      struct err *err)
{
	struct blob_info info;
	struct err trouble = {0};
	if (find_existing(client, put, found, &info, &trouble) != 0)
		return err_set(err, trouble.code, "%s", trouble.text);
	if (!*found)
		return 0;
	if (info.bytes != put->length || strcmp(info.sha256, sha256) != 0)
		return err_set(err, ERR_CONFLICT, "the object '%s' exists with other bytes", put->key);
	return s3_settle_public(client, put->key, put->public_read, err);
}

/* --- what was written --------------------------------------------------------------------------------------------- */

static int reread_written(struct s3_client *client, const struct blob_put *put, const char *sha256, struct err *err)
{
	char digest[HASH_SHA256_HEX];
	if (digest_object(&client->base, put->key, digest, err) != 0)
		return -1;
	if (strcmp(digest, sha256) == 0)
		return 0;
	blob_delete(&client->base, put->key, NULL);
	return err_set(err, ERR_UPSTREAM, "the image store at %s kept other bytes of '%s' than were sent", client->host,
	               put->key);
}

int s3_check_written(struct s3_client *client, const struct blob_put *put, const char *sha256, const char *etag,
                     bool reread, struct err *err)
{
	struct s3_head head;
	int result = s3_head(client, put->key, &head, err);
	if (head.hidden) /* the key may write, but not read */
		return reread ? reread_written(client, put, sha256, err) : 0;
	if (result != 0 && err && err->code != ERR_NOT_FOUND)
		return -1;
	if (result != 0)
		return err_set(err, ERR_UPSTREAM, "the image store at %s said that '%s' is stored, and does not have it",
		               client->host, put->key);
	bool same = head.info.bytes == put->length && strcmp(head.info.sha256, sha256) == 0 &&
	            (*etag == '\0' || strcmp(head.etag, etag) == 0);
	return same && !reread ? 0 : reread_written(client, put, sha256, err);
}
