/* The image store in an S3 bucket: writing large objects in parts. */
#include "blob/s3/client.h"
#include "base/memory.h"
#include "blob/s3/xml.h"

enum {
	PART_BYTES = 16 * 1024 * 1024, /* S3 takes parts of 5 MiB to 5 GiB */
	PARTS_MAX = 10000,
	PARTS_AT_ONCE = 4,
};

struct upload {
	struct s3_client *client;
	const struct blob_put *put;
	const char *sha256;
	char id[S3_UPLOAD_ID_MAX];
	int64_t part_bytes;
	size_t parts;
	char (*etags)[S3_ETAG_MAX];
	bool reread; /* the parts' ETags don't show whether they arrived undamaged */
};

/* --- beginning and abandoning ------------------------------------------------------------------------------------- */

static void read_upload_id(void *data, const char *parent, const char *name, const char *text)
{
	if (strcmp(parent, "InitiateMultipartUploadResult") == 0 && strcmp(name, "UploadId") == 0)
		snprintf(data, S3_UPLOAD_ID_MAX, "%.1023s", text);
}

static int perform_begin(struct s3_client *client, struct s3_call *call, char id[S3_UPLOAD_ID_MAX], struct err *err)
{
	id[0] = '\0';
	s3_call_query(call, "uploads", "");
	call->payload = S3_EMPTY_SHA256;
	call->proof = S3_PROOF_DOCUMENT;
	const struct buf *body = &call->transfer.body;
	if (s3_perform(client, call, err) != 0 ||
	    s3_xml_parse(buf_text(body), body->len, "InitiateMultipartUploadResult", read_upload_id, id, err) != 0)
		return -1;
	return id[0] != '\0' ? 0 : err_set(err, ERR_UPSTREAM, "the image store began an upload without an id");
}

int s3_upload_probe(struct s3_client *client, const char *key, char id[S3_UPLOAD_ID_MAX], struct err *err)
{
	struct s3_call call;
	s3_call_init(&call, "POST", key);
	call.once = true;
	call.transfer.timeout_ms = S3_PING_MS;
	int result = perform_begin(client, &call, id, err);
	if (result != 0 && call.transfer.code == CURLE_OK && call.transfer.status == 403)
		err_set(err, ERR_UPSTREAM,
		        "the image store at %s refuses AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or they may not write to "
		        "the bucket '%s'",
		        client->host, client->config->image_store.bucket);
	s3_call_release(&call);
	return result;
}

static int begin_upload(struct upload *upload, struct err *err)
{
	struct s3_tries tries;
	bool again;
	int result;
	s3_tries_init(&tries, upload->client, upload->put->public_read, false);
	do {
		struct s3_call call;
		bool with_acl = tries.acl;
		s3_call_init(&call, "POST", upload->put->key);
		s3_object_headers(&call, upload->put, upload->sha256);
		s3_tries_headers(&tries, &call);
		result = perform_begin(upload->client, &call, upload->id, err);
		again = result != 0 && s3_tries_next(&tries, &call);
		if (result == 0)
			s3_tries_keep(&tries, upload->client);
		else if (!s3_succeeded(&call))
			s3_write_failure(upload->client, &call, with_acl, err);
		s3_call_release(&call);
	} while (again);
	return result;
}

void s3_upload_abort(struct s3_client *client, const char *key, const char *id)
{
	struct s3_call call;
	s3_call_init(&call, "DELETE", key);
	s3_call_query(&call, "uploadId", id);
	s3_perform(client, &call, NULL); /* blob_sweep finds an upload whose abort fails */
	s3_call_release(&call);
}

/* --- the parts ---------------------------------------------------------------------------------------------------- */

struct part {
	struct s3_call call;
	char sha256[S3_HEX_MAX], number[16];
	int64_t from, length;
};

static int init_part(const struct upload *upload, struct part *part, size_t index, struct err *err)
{
	const struct blob_put *put = upload->put;
	struct s3_call *call = &part->call;
	int64_t left = put->length - (int64_t)index * upload->part_bytes;
	part->from = (int64_t)index * upload->part_bytes;
	part->length = left < upload->part_bytes ? left : upload->part_bytes;
	s3_call_init(call, "PUT", put->key);
	snprintf(part->number, sizeof(part->number), "%zu", index + 1);
	s3_call_query(call, "partNumber", part->number);
	s3_call_query(call, "uploadId", upload->id);
	call->proof = S3_PROOF_ETAG;
	call->payload = part->sha256;
	if (put->bytes)
		call->transfer.bytes = (const char *)put->bytes + part->from;
	call->transfer.fd = put->fd;
	call->transfer.offset = put->offset + part->from;
	call->transfer.length = part->length;
	return s3_digest(put, "sha256", part->from, part->length, part->sha256, err);
}

static int end_part(struct upload *upload, struct part *part, size_t index, struct err *err)
{
	char md5[S3_HEX_MAX];
	if (!s3_succeeded(&part->call))
		return s3_failure(upload->client, &part->call, err);
	if (s3_digest(upload->put, "md5", part->from, part->length, md5, err) != 0)
		return -1;
	if (s3_compare_etag(&part->call, md5) == S3_ETAG_OTHER)
		upload->reread = true;
	snprintf(upload->etags[index], S3_ETAG_MAX, "%.127s", part->call.transfer.told.etag);
	return 0;
}

/* Sends `count` parts at once, beginning with `first`. */
static int send_parts(struct upload *upload, size_t first, size_t count, struct err *err)
{
	struct part parts[PARTS_AT_ONCE];
	struct s3_call *list[PARTS_AT_ONCE];
	size_t begun = 0;
	int result = 0;
	for (; result == 0 && begun < count; begun++) {
		list[begun] = &parts[begun].call;
		result = init_part(upload, &parts[begun], first + begun, err);
	}
	if (result == 0)
		s3_run(upload->client, list, count);
	for (size_t i = 0; i < begun; i++) {
		if (result == 0)
			result = end_part(upload, &parts[i], first + i, err);
		s3_call_release(&parts[i].call);
	}
	return result;
}

/* --- completing --------------------------------------------------------------------------------------------------- */

static void make_list(const struct upload *upload, struct buf *out)
{
	buf_str(out, "<CompleteMultipartUpload>");
	for (size_t i = 0; i < upload->parts; i++) {
		buf_printf(out, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
		for (const char *p = upload->etags[i]; *p != '\0'; p++)
			if (*p == '"')
				buf_str(out, "&quot;");
			else if (!strchr("<>&", *p))
				buf_char(out, *p);
		buf_str(out, "</ETag></Part>");
	}
	buf_str(out, "</CompleteMultipartUpload>");
}

static void read_etag(void *data, const char *parent, const char *name, const char *text)
{
	if (strcmp(parent, "CompleteMultipartUploadResult") == 0 && strcmp(name, "ETag") == 0)
		snprintf(data, S3_ETAG_MAX, "%.127s", text);
}

/* Ceph 16 to 18 leave the document's ETag empty, so this looks at the object. */
static int check_completed(struct upload *upload, const struct s3_call *call, struct err *err)
{
	char etag[S3_ETAG_MAX] = "";
	const struct buf *body = &call->transfer.body;
	if (s3_xml_parse(buf_text(body), body->len, "CompleteMultipartUploadResult", read_etag, etag, err) != 0)
		return -1;
	return s3_check_written(upload->client, upload->put, upload->sha256, etag, upload->reread, err);
}

/* If the answer of an earlier attempt was lost, the upload is gone and the object is there. */
static int complete_once(struct upload *upload, const struct buf *list, struct s3_tries *tries, bool *again,
                         struct err *err)
{
	struct s3_call call;
	unsigned char digest[HASH_SHA256_SIZE];
	char payload[HASH_SHA256_HEX];
	bool found = false;
	hash_sha256(list->data, list->len, digest);
	hash_hex(digest, sizeof(digest), payload);
	s3_call_init(&call, "POST", upload->put->key);
	s3_call_query(&call, "uploadId", upload->id);
	s3_call_header(&call, "content-type", "application/xml");
	s3_tries_headers(tries, &call);
	call.proof = S3_PROOF_DOCUMENT;
	call.payload = payload;
	call.transfer.bytes = list->data;
	call.transfer.length = (int64_t)list->len;
	int result = s3_perform(upload->client, &call, err);
	*again = result != 0 && s3_tries_next(tries, &call);
	if (result == 0) {
		s3_tries_keep(tries, upload->client);
		result = check_completed(upload, &call, err);
	} else if (call.transfer.code == CURLE_OK && (s3_is_missing(&call) || call.transfer.status == 412) &&
	           s3_check_existing(upload->client, upload->put, upload->sha256, &found, err) == 0 && found) {
		result = 0;
	}
	s3_call_release(&call);
	return result;
}

static int complete_upload(struct upload *upload, struct err *err)
{
	struct s3_tries tries;
	struct buf list;
	bool again;
	int result;
	buf_init(&list, PARTS_MAX * (S3_ETAG_MAX + 100));
	make_list(upload, &list);
	s3_tries_init(&tries, upload->client, false, true);
	do
		result = complete_once(upload, &list, &tries, &again, err);
	while (again); /* each time with one header less */
	buf_release(&list);
	return result;
}

int s3_put_parts(struct s3_client *client, const struct blob_put *put, const char *sha256, struct err *err)
{
	struct upload upload = {.client = client, .put = put, .sha256 = sha256, .part_bytes = PART_BYTES};
	bool found;
	if (s3_check_existing(client, put, sha256, &found, err) != 0)
		return -1;
	if (found)
		return 0;
	while (put->length / upload.part_bytes >= PARTS_MAX)
		upload.part_bytes *= 2;
	upload.parts = (size_t)((put->length + upload.part_bytes - 1) / upload.part_bytes);
	upload.etags = memory_new(upload.parts, sizeof(*upload.etags));
	int result = begin_upload(&upload, err);
	for (size_t first = 0; result == 0 && first < upload.parts; first += PARTS_AT_ONCE) {
		size_t left = upload.parts - first;
		result = send_parts(&upload, first, left < PARTS_AT_ONCE ? left : PARTS_AT_ONCE, err);
	}
	if (result == 0)
		result = complete_upload(&upload, err);
	if (result != 0 && upload.id[0] != '\0')
		s3_upload_abort(client, put->key, upload.id);
	free(upload.etags);
	return result;
}
