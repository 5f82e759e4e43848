/* The image store in an S3 bucket: writing objects so that nothing else is overwritten, and an object that is
 * reported as stored is stored. */
#include "blob/s3/client.h"

enum {
	RACES_MAX = 10, /* times that an object may appear and vanish again before this counts as the store's error */
	PAUSE_MAX = 3,  /* for s3_back_off: all of them take some six seconds */
};

/* Checks by the answer's ETag, or by a look, that the object is there and whole. */
static int check_answer(struct s3_client *client, const struct s3_call *call, const struct blob_put *put,
                        struct err *err)
{
	char md5[S3_HEX_MAX];
	if (s3_digest(put, "md5", 0, put->length, md5, err) != 0)
		return -1;
	enum s3_etag etag = s3_compare_etag(call, md5);
	if (etag == S3_ETAG_SAME)
		return 0;
	return s3_check_written(client, put, call->payload, call->transfer.told.etag, etag == S3_ETAG_OTHER, err);
}

enum put_step { PUT_DONE, PUT_EXISTS, PUT_AGAIN, PUT_FAILED };

/* Sends one PUT. PUT_AGAIN: the server refuses a header, which the next attempt leaves out. */
static enum put_step put_once(struct s3_client *client, const struct blob_put *put, const char *sha256,
                              struct s3_tries *tries, struct err *err)
{
	struct s3_call call;
	s3_call_init(&call, "PUT", put->key);
	s3_object_headers(&call, put, sha256);
	s3_tries_headers(tries, &call);
	bool with_acl = tries->acl;
	call.proof = S3_PROOF_ETAG;
	call.payload = sha256;
	call.transfer.bytes = put->bytes;
	call.transfer.fd = put->fd;
	call.transfer.offset = put->offset;
	call.transfer.length = put->length;
	enum put_step step = PUT_FAILED;
	if (s3_perform(client, &call, err) == 0) {
		s3_tries_keep(tries, client);
		step = check_answer(client, &call, put, err) == 0 ? PUT_DONE : PUT_FAILED;
	} else if (call.transfer.code == CURLE_OK && call.transfer.status == 412) {
		s3_tries_keep(tries, client);
		step = PUT_EXISTS;
	} else if (s3_tries_next(tries, &call)) {
		step = PUT_AGAIN;
	} else {
		s3_write_failure(client, &call, with_acl, err);
	}
	s3_call_release(&call);
	return step;
}

static int put_whole(struct s3_client *client, const struct blob_put *put, const char *sha256, struct err *err)
{
	struct s3_tries tries;
	bool found = false;
	s3_tries_init(&tries, client, put->public_read, true);
	for (int races = 0; races < RACES_MAX;) {
		if (!tries.condition && s3_check_existing(client, put, sha256, &found, err) != 0)
			return -1;
		if (found)
			return 0;
		switch (put_once(client, put, sha256, &tries, err)) {
		case PUT_DONE:
			return 0;
		case PUT_EXISTS:
			if (s3_check_existing(client, put, sha256, &found, err) != 0)
				return -1;
			if (found)
				return 0;
			s3_back_off(races < PAUSE_MAX ? races : PAUSE_MAX); /* deleted meanwhile */
			races++;
			break;
		case PUT_AGAIN: /* ends, since each attempt sends one header less */
			break;
		case PUT_FAILED:
			return -1;
		}
	}
	return err_set(err, ERR_UPSTREAM, "the image store at %s says that '%s' is there, and that it is not", client->host,
	               put->key);
}

static int digest_whole(const struct blob_put *put, char out[S3_HEX_MAX], struct err *err)
{
	if (!put->sha256)
		return s3_digest(put, "sha256", 0, put->length, out, err);
	hash_hex(put->sha256, HASH_SHA256_SIZE, out);
	return 0;
}

int s3_put(struct blob_store *store, const struct blob_put *put, struct err *err)
{
	struct s3_client *client = (struct s3_client *)store;
	char sha256[S3_HEX_MAX];
	if (digest_whole(put, sha256, err) != 0)
		return -1;
	return put->length > BLOB_MULTIPART_BYTES ? s3_put_parts(client, put, sha256, err)
	                                          : put_whole(client, put, sha256, err);
}
