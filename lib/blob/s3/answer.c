/* Distinguishes S3's answers from each other, and from the answers of anything else in its place. */
#include <inttypes.h>
#include <strings.h>

#include "base/text.h"
#include "blob/s3/client.h"
#include "blob/s3/xml.h"

/* --- what it says ------------------------------------------------------------------------------------------------- */

static void read_error(void *data, const char *parent, const char *name, const char *text)
{
	struct s3_call *call = data;
	if (strcmp(parent, "Error") != 0)
		return;
	if (strcmp(name, "Code") == 0)
		snprintf(call->code, sizeof(call->code), "%.63s", text);
	else if (strcmp(name, "Message") == 0)
		snprintf(call->message, sizeof(call->message), "%.255s", text);
	else if (strcmp(name, "Region") == 0)
		snprintf(call->region, sizeof(call->region), "%.63s", text);
}

/* No object store answers an API's request with a page for people. */
static bool is_page(const struct s3_call *call)
{
	return strncasecmp(call->transfer.told.content_type, "text/html", 9) == 0;
}

/* Whether a proxy, a login page or a web server answers in S3's place: with a page, or without the sign of S3's
 * success. */
static bool is_foreign(const struct s3_call *call)
{
	const struct s3_headers *told = &call->transfer.told;
	if (call->transfer.code != CURLE_OK || call->transfer.status / 100 != 2)
		return false;
	if (is_page(call))
		return true;
	switch (call->proof) {
	case S3_PROOF_SIGN:
		return call->transfer.status != 204 && !told->signs;
	case S3_PROOF_ETAG:
		return told->etag[0] == '\0';
	case S3_PROOF_DOCUMENT:
		break;
	}
	return false; /* the reader of the document finds out */
}

/* If we put the object, its stored SHA-256 must match the bytes, provided that they are all of it. */
static bool is_damaged(const struct s3_call *call)
{
	const struct s3_transfer *transfer = &call->transfer;
	const char *told = transfer->told.sha256;
	int64_t first = 0, last, whole;
	if (!transfer->sink || transfer->code != CURLE_OK || transfer->status / 100 != 2 ||
	    strlen(told) != HASH_SHA256_HEX - 1)
		return false;
	if (transfer->status == 206 && (sscanf(transfer->told.content_range, "bytes %" SCNd64 "-%" SCNd64 "/%" SCNd64,
	                                       &first, &last, &whole) != 3 ||
	                                whole != (int64_t)transfer->sunk))
		return false;
	unsigned char digest[HASH_SHA256_SIZE];
	char hex[HASH_SHA256_HEX];
	hash_sha256(transfer->sink, transfer->sunk, digest);
	hash_hex(digest, sizeof(digest), hex);
	return first == 0 && strcasecmp(hex, told) != 0;
}

/* What is shown to people: without control characters, and whole characters of UTF-8 alone. */
static void make_showable(char *text)
{
	text[text_utf8_span(text, strlen(text))] = '\0';
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
}

/* Some calls answer 200 and then send an error. */
void s3_read_answer(struct s3_call *call)
{
	struct s3_transfer *transfer = &call->transfer;
	call->code[0] = call->message[0] = call->region[0] = '\0';
	const struct buf *body = &transfer->body;
	if (transfer->code == CURLE_OK && body->len > 0 && memmem(body->data, body->len, "<Error", 6))
		s3_xml_parse(body->data, body->len, "Error", read_error, call, NULL);
	if (call->region[0] == '\0' && transfer->status / 100 != 2)
		snprintf(call->region, sizeof(call->region), "%.63s", transfer->told.bucket_region);
	make_showable(call->code);
	make_showable(call->message);
	make_showable(call->region);
	make_showable(transfer->told.content_type);
	call->foreign = is_foreign(call);
	call->damaged = is_damaged(call);
}

bool s3_succeeded(const struct s3_call *call)
{
	return call->transfer.code == CURLE_OK && call->transfer.status / 100 == 2 && call->code[0] == '\0' &&
	       !call->foreign && !call->damaged;
}

bool s3_is_refused(const struct s3_call *call)
{
	return call->transfer.code == CURLE_OK && call->transfer.status / 100 == 4 && !is_page(call);
}

bool s3_is_missing(const struct s3_call *call)
{
	if (call->transfer.code != CURLE_OK || call->transfer.status != 404 || is_page(call))
		return false;
	if (strcmp(call->method, "HEAD") == 0) /* its answers have no document */
		return true;
	return strcmp(call->code, "NoSuchKey") == 0 || strcmp(call->code, "NoSuchVersion") == 0 ||
	       strcmp(call->code, "NoSuchUpload") == 0;
}

static bool is_code(const struct s3_call *call, const char *const *codes)
{
	for (; *codes; codes++)
		if (strcmp(call->code, *codes) == 0)
			return true;
	return false;
}

/* Bytes that were damaged on their way, in either direction, are sent again. */
bool s3_is_passing(const struct s3_call *call)
{
	static const char *const codes[] = {"InternalError", "SlowDown", "ServiceUnavailable",
	                                    "RequestTimeout", "OperationAborted", "ConditionalRequestConflict",
	                                    "XAmzContentSHA256Mismatch", "BadDigest", NULL};
	switch (call->transfer.code) {
	case CURLE_OK:
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SSL_CONNECT_ERROR:
		return true;
	default:
		return false;
	}
	long status = call->transfer.status;
	return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
	       status == 504 || call->damaged || is_code(call, codes);
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

/* %s stands for the bucket's name. */
static const struct {
	const char *code;
	enum err_code error;
	const char *text;
} failures[] = {
	{"NoSuchBucket", ERR_UPSTREAM,
         "the bucket '%s' does not exist: make it, or set AWS_BUCKET_NAME or image_store.bucket"},
	{"InvalidAccessKeyId", ERR_UPSTREAM,
         "the image store of '%s' does not know the key in AWS_ACCESS_KEY_ID"},
	{"SignatureDoesNotMatch", ERR_UPSTREAM,
         "the image store of '%s' refuses the signature: AWS_SECRET_ACCESS_KEY or the region is wrong"},
	{"AccessDenied", ERR_UPSTREAM, "the access key may not do this in the bucket '%s'"},
	{"ExpiredToken", ERR_UPSTREAM, "AWS_SESSION_TOKEN for the bucket '%s' has expired"},
	{"InvalidToken", ERR_UPSTREAM, "AWS_SESSION_TOKEN for the bucket '%s' is wrong"},
	{"AccessControlListNotSupported", ERR_UPSTREAM,
         "the bucket '%s' takes no ACLs, so its objects can't be made public one by one: allow ACLs, or let a "
         "bucket policy publish them and set image_store.public_url"},
	{"RequestTimeTooSkewed", ERR_UPSTREAM,
         "the clocks of this machine and of the store of '%s' differ too much"},
	{"QuotaExceeded", ERR_NO_SPACE, "the quota of the bucket '%s' is used up"},
	{"EntityTooLarge", ERR_TOO_LARGE, "the object is larger than the store of '%s' takes"},
	{"NoSuchUpload", ERR_UPSTREAM, "an upload to '%s' was ended by somebody else"},
	{"XAmzContentSHA256Mismatch", ERR_UPSTREAM, "the bytes arrived changed at the store of '%s'"},
	{"BadDigest", ERR_UPSTREAM, "the bytes arrived changed at the store of '%s'"},
};

static int transfer_failure(struct s3_client *client, const struct s3_call *call, struct err *err)
{
	if (call->transfer.code == CURLE_ABORTED_BY_CALLBACK && call->payload)
		return err_set(err, ERR_INTERNAL, "what is to be stored as '%s' can't be read", call->key);
	if (call->transfer.code == CURLE_WRITE_ERROR)
		return err_set(err, ERR_UPSTREAM,
		               "the image store at %s answered with more than was asked for",
		               client->host);
	return err_set(err, ERR_UNAVAILABLE, "the image store at %s can't be reached: %s", client->host,
	               call->transfer.error);
}

/* Explains the failure by the code in S3's error document; 0 when the table does not have it. */
static int known_failure(struct s3_client *client, const struct s3_call *call, struct err *err)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (strcmp(call->code, failures[i].code) != 0)
			continue;
		struct buf text;
		buf_init(&text, ERR_TEXT_MAX);
		const char *place = strstr(failures[i].text, "%s");
		buf_printf(&text, "%.*s%s%s", (int)(place - failures[i].text), failures[i].text,
		           client->config->image_store.bucket, place + 2);
		err_set(err, failures[i].error, "%s", buf_text(&text));
		buf_release(&text);
		return -1;
	}
	return 0;
}

static int foreign_failure(struct s3_client *client, const struct s3_call *call, struct err *err)
{
	const char *type = call->transfer.told.content_type;
	return err_set(err, ERR_UPSTREAM,
	               "what answers at %s is no S3: it answered %ld%s%s to %s, as a proxy or a login page on the way does",
	               client->host, call->transfer.status, *type != '\0' ? " with " : "", type, call->method);
}

int s3_failure(struct s3_client *client, const struct s3_call *call, struct err *err)
{
	const char *bucket = client->config->image_store.bucket;
	long status = call->transfer.status;
	if (call->transfer.code != CURLE_OK)
		return transfer_failure(client, call, err);
	if (call->foreign)
		return foreign_failure(client, call, err);
	if (call->damaged)
		return err_set(err, ERR_UPSTREAM, "the bytes of '%s' arrive changed from the image store at %s", call->key,
		               client->host);
	if ((status == 301 || status == 307 || status == 400) && call->region[0] != '\0' &&
	    strcmp(call->region, client->keys.region) != 0)
		return err_set(err, ERR_UPSTREAM,
		               "the bucket '%s' lies in the region '%s': set image_store.region, or AWS_REGION, to it",
		               bucket, call->region);
	if (known_failure(client, call, err) != 0)
		return -1;
	if (call->key && call->may_miss && s3_is_missing(call))
		return err_set(err, ERR_NOT_FOUND, "there is no object '%s'", call->key);
	if (!call->key && status == 404 && !is_page(call))
		return err_set(err, ERR_UPSTREAM,
		               "the bucket '%s' does not exist: make it, or set AWS_BUCKET_NAME or image_store.bucket",
		               bucket);
	enum err_code code = status == 503 || status == 429 || status == 504 ? ERR_UNAVAILABLE
	                     : status == 507                                 ? ERR_NO_SPACE
	                                                                     : ERR_UPSTREAM;
	return err_set(err, code, "the image store at %s answered %ld%s%s%s%s to %s", client->host, status,
	               call->code[0] != '\0' ? " " : "", call->code, call->message[0] != '\0' ? ": " : "",
	               call->message, call->method);
}
