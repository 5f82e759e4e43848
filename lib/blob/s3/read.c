/* The image store in an S3 bucket: reading objects and their properties. */
#include "base/clock.h"
#include "blob/s3/client.h"

int s3_head(struct s3_client *client, const char *key, struct s3_head *out, struct err *err)
{
	struct s3_call call;
	s3_call_init(&call, "HEAD", key);
	call.proof = S3_PROOF_ETAG;
	call.may_miss = true;
	int result = s3_perform(client, &call, err);
	memset(out, 0, sizeof(*out));
	out->hidden = call.transfer.code == CURLE_OK && call.transfer.status == 403;
	if (result == 0) {
		time_t modified = curl_getdate(call.transfer.told.last_modified, NULL);
		out->info.bytes = call.transfer.content_length < 0 ? 0 : call.transfer.content_length;
		out->info.modified_us = modified < 0 ? 0 : modified * MICROSECONDS;
		if (strlen(call.transfer.told.sha256) == HASH_SHA256_HEX - 1)
			snprintf(out->info.sha256, sizeof(out->info.sha256), "%.64s", call.transfer.told.sha256);
		snprintf(out->etag, sizeof(out->etag), "%s", call.transfer.told.etag);
	}
	s3_call_release(&call);
	return result;
}

int s3_stat(struct blob_store *store, const char *key, struct blob_info *out, struct err *err)
{
	struct s3_head head;
	int result = s3_head((struct s3_client *)store, key, &head, err);
	*out = head.info;
	return result;
}

int s3_read(struct blob_store *store, const char *key, int64_t offset, void *bytes, size_t len, size_t *got,
            struct err *err)
{
	struct s3_call call;
	char range[64];
	s3_call_init(&call, "GET", key);
	call.proof = S3_PROOF_ETAG;
	call.may_miss = true;
	snprintf(range, sizeof(range), "bytes=%lld-%lld", (long long)offset,
	         (long long)offset + (long long)len - 1);
	s3_call_header(&call, "range", range);
	call.transfer.sink = bytes;
	call.transfer.room = len;
	int result = s3_perform((struct s3_client *)store, &call, err);
	*got = result == 0 ? call.transfer.sunk : 0;
	if (result == 0 && call.transfer.status == 200 && offset > 0)
		result = err_set(err, ERR_UPSTREAM,
		                 "the image store does not read from the middle of an object");
	if (result != 0 && call.transfer.code == CURLE_OK && call.transfer.status == 416)
		result = 0; /* beyond its end */
	s3_call_release(&call);
	return result;
}
