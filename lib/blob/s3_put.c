/* The image store in an S3 bucket: writing objects, whole or in parts, so that nothing else is
 * overwritten. */
#include <errno.h>
#include <unistd.h>

#include "blob/s3_client.h"
#include "blob/s3_xml.h"

enum {
	PART_BYTES = 16 * 1024 * 1024, /* S3 takes parts of 5 MiB to 5 GiB */
	PARTS_MAX = 10000,
	PARTS_AT_ONCE = 4,
	ETAG_MAX = 128,
	UPLOAD_ID_MAX = 1024,
	PIECE_BYTES = 256 * 1024,
};

/* --- digests
 * ------------------------------------------------------------------------------------------------ */

/* SHA-256 of [from, from + len) of what is put. */
static int digest_range(const struct blob_put *put, int64_t from, int64_t len, char out[HASH_SHA256_HEX],
                        struct err *err)
{
	unsigned char digest[64];
	if (put->bytes != NULL) {
		hash_sha256((const char *)put->bytes + from, (size_t)len, digest);
		hash_hex(digest, HASH_SHA256_SIZE, out);
		return 0;
	}
	char *piece = malloc(PIECE_BYTES);
	struct hash_stream *hash = hash_stream_new("sha256");
	int result = piece == NULL ? err_set(err, ERR_INTERNAL, "out of memory") : 0;
	for (int64_t done = 0; result == 0 && done < len;) {
		size_t want = len - done < PIECE_BYTES ? (size_t)(len - done) : PIECE_BYTES;
		ssize_t n = pread(put->fd, piece, want, put->offset + from + done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			result = err_errno(err, ERR_INTERNAL, "can't read what is to be stored as '%s'",
			                   put->key);
		else if (n == 0)
			result = err_set(err, ERR_INTERNAL, "what is to be stored as '%s' ends early",
			                 put->key);
		else
			hash_stream_update(hash, piece, (size_t)n);
		done += n > 0 ? n : 0;
	}
	free(piece);
	hash_hex(digest, hash_stream_final(hash, digest) > 0 ? HASH_SHA256_SIZE : 0, out);
	return result;
}

static int digest_whole(const struct blob_put *put, char out[HASH_SHA256_HEX], struct err *err)
{
	if (put->sha256 == NULL)
		return digest_range(put, 0, put->length, out, err);
	hash_hex(put->sha256, HASH_SHA256_SIZE, out);
	return 0;
}

/* --- what is there already
 * ---------------------------------------------------------------------------------- */

/* An object that came without our sha256 is read and hashed. */
static int digest_object(struct blob_store *store, const char *key, char out[HASH_SHA256_HEX],
                         struct err *err)
{
	unsigned char digest[64];
	char *piece = malloc(BLOB_READ_BYTES);
	struct hash_stream *hash = hash_stream_new("sha256");
	int result = piece == NULL ? err_set(err, ERR_INTERNAL, "out of memory") : 0;
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

static bool is_acl_refusal(const struct s3_client *client, const struct s3_call *call)
{
	return strcmp(call->code, "AccessControlListNotSupported") == 0 &&
	       *client->config->image_store.public_url != '\0';
}

int s3_set_public(struct blob_store *store, const char *key, bool public_read, struct err *err)
{
	struct s3_client *client = (struct s3_client *)store;
	struct s3_call call;
	s3_call_init(&call, "PUT", key);
	s3_call_query(&call, "acl", "");
	s3_call_header(&call, "x-amz-acl", public_read ? "public-read" : "private");
	call.payload = S3_EMPTY_SHA256;
	int result = s3_perform(client, &call, err);
	if (result != 0 && is_acl_refusal(client, &call))
		result = 0; /* the bucket's policy says who may read, and public_url where */
	s3_call_release(&call);
	return result;
}

/* Is the object there? *found. With the same bytes that is fine, and it is made public or private as
 * asked. */
static int check_existing(struct blob_store *store, const struct blob_put *put, const char *sha256,
                          bool *found,
                          struct err *err)
{
	struct blob_info info;
	struct err missing = {0};
	*found = false;
	if (s3_stat(store, put->key, &info, &missing) != 0) {
		if (missing.code == ERR_NOT_FOUND)
			return 0;
		return err_set(err, missing.code, "%s", missing.text);
	}
	*found = true;
	if (info.bytes == put->length && info.sha256[0] == '\0' &&
	    digest_object(store, put->key, info.sha256, err) != 0)
		return -1;
	if (info.bytes != put->length || strcmp(info.sha256, sha256) != 0)
		return err_set(err, ERR_CONFLICT, "the object '%s' exists with other bytes", put->key);
	return s3_set_public(store, put->key, put->public_read, err);
}

/* --- whole
 * -------------------------------------------------------------------------------------------------- */

static void set_object_headers(struct s3_call *call, const struct blob_put *put, const char *sha256,
                               bool with_acl)
{
	s3_call_header(call, "content-type", put->type);
	s3_call_header(call, "x-amz-meta-sha256", sha256);
	if (with_acl && put->public_read)
		s3_call_header(call, "x-amz-acl", "public-read");
}

/* "*" there means: only if there is no such object. A server without it says so, and is not asked again. Whether
 * it was set. */
static bool set_condition(struct s3_client *client, struct s3_call *call)
{
	bool conditional = !atomic_load(&client->no_conditional);
	if (conditional)
		s3_call_header(call, "if-none-match", "*");
	return conditional;
}

/* Of a call that had it: several may be under way when the server says so first. */
static bool is_condition_refusal(struct s3_client *client, const struct s3_call *call)
{
	bool refused = call->transfer.code == CURLE_OK &&
	               (call->transfer.status == 501 || strcmp(call->code, "NotImplemented") == 0);
	if (refused)
		atomic_store(&client->no_conditional, true);
	return refused;
}

enum put_step { PUT_DONE, PUT_EXISTS, PUT_AGAIN, PUT_FAILED };

/* One PUT. PUT_AGAIN: the server refuses a header that is left away from now on. */
static enum put_step put_once(struct s3_client *client, const struct blob_put *put, const char *sha256,
                              bool *with_acl, struct err *err)
{
	struct s3_call call;
	s3_call_init(&call, "PUT", put->key);
	set_object_headers(&call, put, sha256, *with_acl);
	bool conditional = set_condition(client, &call);
	call.payload = sha256;
	call.transfer.bytes = put->bytes;
	call.transfer.fd = put->fd;
	call.transfer.offset = put->offset;
	call.transfer.length = put->length;
	enum put_step step = PUT_FAILED;
	if (s3_perform(client, &call, err) == 0) {
		step = PUT_DONE;
	} else if (call.transfer.code == CURLE_OK && call.transfer.status == 412) {
		step = PUT_EXISTS;
	} else if (conditional && is_condition_refusal(client, &call)) {
		step = PUT_AGAIN;
	} else if (*with_acl && is_acl_refusal(client, &call)) {
		*with_acl = false;
		step = PUT_AGAIN;
	}
	s3_call_release(&call);
	return step;
}

static int put_whole(struct blob_store *store, const struct blob_put *put, const char *sha256,
                     struct err *err)
{
	struct s3_client *client = (struct s3_client *)store;
	bool with_acl = true, found = false;
	for (;;) {
		if (atomic_load(&client->no_conditional) && check_existing(store, put, sha256, &found,
		                                                           err) != 0)
			return -1;
		if (found)
			return 0;
		switch (put_once(client, put, sha256, &with_acl, err)) {
		case PUT_DONE:
			return 0;
		case PUT_EXISTS:
			if (check_existing(store, put, sha256, &found, err) != 0)
				return -1;
			if (found)
				return 0;
			break; /* deleted meanwhile */
		case PUT_AGAIN:
			break;
		case PUT_FAILED:
			return -1;
		}
	}
}

/* --- in parts
 * ----------------------------------------------------------------------------------------------- */

struct upload {
	struct s3_client *client;
	const struct blob_put *put;
	char id[UPLOAD_ID_MAX];
	int64_t part_bytes;
	size_t parts;
	char (*etags)[ETAG_MAX];
};

static void read_upload_id(void *data, const char *parent, const char *name, const char *text)
{
	struct upload *upload = data;
	if (strcmp(parent, "InitiateMultipartUploadResult") == 0 && strcmp(name, "UploadId") == 0)
		snprintf(upload->id, sizeof(upload->id), "%.1023s", text);
}

static int begin_upload(struct upload *upload, const char *sha256, struct err *err)
{
	bool with_acl = true;
	for (;;) {
		struct s3_call call;
		s3_call_init(&call, "POST", upload->put->key);
		s3_call_query(&call, "uploads", "");
		set_object_headers(&call, upload->put, sha256, with_acl);
		call.payload = S3_EMPTY_SHA256;
		int result = s3_perform(upload->client, &call, err);
		bool again = result != 0 && with_acl && is_acl_refusal(upload->client, &call);
		const struct buf *body = &call.transfer.body;
		if (result == 0)
			result = s3_xml_parse(buf_text(body), body->len, read_upload_id, upload, err);
		s3_call_release(&call);
		if (result == 0 && upload->id[0] == '\0')
			result = err_set(err, ERR_UPSTREAM, "the image store began an upload without an id");
		if (!again)
			return result;
		with_acl = false;
	}
}

static void abort_upload(struct upload *upload)
{
	struct s3_call call;
	s3_call_init(&call, "DELETE", upload->put->key);
	s3_call_query(&call, "uploadId", upload->id);
	s3_perform(upload->client, &call, NULL); /* what fails is found by blob_sweep */
	s3_call_release(&call);
}

/* Sends `count` parts from `first` on at once. */
static int send_parts(struct upload *upload, size_t first, size_t count, struct err *err)
{
	struct s3_call calls[PARTS_AT_ONCE], *list[PARTS_AT_ONCE];
	char digests[PARTS_AT_ONCE][HASH_SHA256_HEX], numbers[PARTS_AT_ONCE][16];
	int result = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t from = (int64_t)(first + i) * upload->part_bytes, left = upload->put->length - from;
		int64_t len = left < upload->part_bytes ? left : upload->part_bytes;
		struct s3_call *call = list[i] = &calls[i];
		s3_call_init(call, "PUT", upload->put->key);
		snprintf(numbers[i], sizeof(numbers[i]), "%zu", first + i + 1);
		s3_call_query(call, "partNumber", numbers[i]);
		s3_call_query(call, "uploadId", upload->id);
		if (result == 0)
			result = digest_range(upload->put, from, len, digests[i], err);
		call->payload = digests[i];
		if (upload->put->bytes != NULL)
			call->transfer.bytes = (const char *)upload->put->bytes + from;
		call->transfer.fd = upload->put->fd;
		call->transfer.offset = upload->put->offset + from;
		call->transfer.length = len;
	}
	if (result == 0)
		s3_run(upload->client, list, count);
	for (size_t i = 0; i < count; i++) {
		if (result == 0 && !s3_succeeded(&calls[i]))
			result = s3_failure(upload->client, &calls[i], err);
		snprintf(upload->etags[first + i], ETAG_MAX, "%.127s", calls[i].transfer.etag);
		s3_call_release(&calls[i]);
	}
	return result;
}

static void make_list(const struct upload *upload, struct buf *out)
{
	buf_str(out, "<CompleteMultipartUpload>");
	for (size_t i = 0; i < upload->parts; i++) {
		buf_printf(out, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
		for (const char *p = upload->etags[i]; *p != '\0'; p++)
			if (*p == '"')
				buf_str(out, "&quot;");
			else if (strchr("<>&", *p) == NULL)
				buf_char(out, *p);
		buf_str(out, "</ETag></Part>");
	}
	buf_str(out, "</CompleteMultipartUpload>");
}

/* When the answer got lost, the upload is gone at the next attempt, and the object there. *again: the server refuses
 * a header that is left away from now on. */
static int complete_once(struct upload *upload, const char *sha256, bool *again, struct err *err)
{
	struct buf list;
	struct s3_call call;
	unsigned char digest[HASH_SHA256_SIZE];
	char payload[HASH_SHA256_HEX];
	bool found = false;
	buf_init(&list, PARTS_MAX * (ETAG_MAX + 100));
	make_list(upload, &list);
	hash_sha256(list.data, list.len, digest);
	hash_hex(digest, sizeof(digest), payload);
	s3_call_init(&call, "POST", upload->put->key);
	s3_call_query(&call, "uploadId", upload->id);
	s3_call_header(&call, "content-type", "application/xml");
	bool conditional = set_condition(upload->client, &call);
	call.payload = payload;
	call.transfer.bytes = list.data;
	call.transfer.length = (int64_t)list.len;
	int result = s3_perform(upload->client, &call, err);
	if (result != 0 && (call.transfer.status == 404 || call.transfer.status == 412) &&
	    check_existing(&upload->client->base, upload->put, sha256, &found, err) == 0 && found)
		result = 0;
	*again = result != 0 && conditional && is_condition_refusal(upload->client, &call);
	s3_call_release(&call);
	buf_release(&list);
	return result;
}

static int complete_upload(struct upload *upload, const char *sha256, struct err *err)
{
	bool again;
	int result = complete_once(upload, sha256, &again, err);
	return again ? complete_once(upload, sha256, &again, err) : result;
}

static int put_parts(struct blob_store *store, const struct blob_put *put, const char *sha256,
                     struct err *err)
{
	struct upload upload = {.client = (struct s3_client *)store, .put = put, .part_bytes = PART_BYTES};
	bool found;
	if (check_existing(store, put, sha256, &found, err) != 0)
		return -1;
	if (found)
		return 0;
	while (put->length / upload.part_bytes >= PARTS_MAX)
		upload.part_bytes *= 2;
	upload.parts = (size_t)((put->length + upload.part_bytes - 1) / upload.part_bytes);
	upload.etags = calloc(upload.parts, sizeof(*upload.etags));
	if (upload.etags == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	int result = begin_upload(&upload, sha256, err);
	for (size_t first = 0; result == 0 && first < upload.parts; first += PARTS_AT_ONCE) {
		size_t left = upload.parts - first;
		result = send_parts(&upload, first, left < PARTS_AT_ONCE ? left : PARTS_AT_ONCE, err);
	}
	if (result == 0)
		result = complete_upload(&upload, sha256, err);
	if (result != 0 && upload.id[0] != '\0')
		abort_upload(&upload);
	free(upload.etags);
	return result;
}

int s3_put(struct blob_store *store, const struct blob_put *put, struct err *err)
{
	char sha256[HASH_SHA256_HEX];
	if (digest_whole(put, sha256, err) != 0)
		return -1;
	return put->length > BLOB_MULTIPART_BYTES ? put_parts(store, put, sha256, err)
	                                          : put_whole(store, put, sha256, err);
}
