/* Addresses, signs and retries requests to an S3 bucket, and tells failures. */
#include "blob/s3_client.h"

#include <strings.h>
#include <time.h>

#include "base/text.h"
#include "blob/s3_xml.h"

enum { URL_MAX_BYTES = 16 * 1024, SKEW_SECONDS = 300 };

/* --- addresses
 * ---------------------------------------------------------------------------------------------- */

/* AWS's own address of the bucket. A name with dots does not fit the certificate of virtual hosts. */
static void aws_endpoint(const struct config *config, struct buf *out)
{
	const char *region = config->image_store.region, *bucket = config->image_store.bucket;
	bool dots = strchr(bucket, '.') != NULL;
	buf_printf(out, "https://%ss3.%s.amazonaws.com%s", dots ? "" : "{bucket}.", region,
	           strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
}

/* Splits "https://host:port/path" with "{bucket}" filled in; the path is what is left. */
static int split_endpoint(struct s3_client *client, const char *endpoint, struct err *err)
{
	const char *bucket = client->config->image_store.bucket, *place = strstr(endpoint, "{bucket}");
	struct buf url, root;
	buf_init(&url, sizeof(client->origin) - 1);
	buf_init(&root, sizeof(client->root) - 1);
	if (place != NULL)
		buf_printf(&url, "%.*s%s%s", (int)(place - endpoint), endpoint, bucket,
		           place + strlen("{bucket}"));
	else
		buf_str(&url, endpoint);
	const char *text = buf_text(&url), *host = strstr(text, "://");
	int result = 0;
	if (url.overflow || host == NULL || (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://",
	                                                                                 8) != 0)) {
		result = err_set(err, ERR_BAD_REQUEST,
		                 "image_store.endpoint '%s' is no http:// or https:// URL", endpoint);
	} else {
		host += 3;
		size_t len = strcspn(host, "/");
		const char *path = host + len;
		snprintf(client->origin, sizeof(client->origin), "%.*s", (int)(host + len - text), text);
		snprintf(client->host, sizeof(client->host), "%.*s", (int)len, host);
		buf_printf(&root, "%.*s",
		           (int)(strlen(path) - (path[0] != '\0' && path[strlen(path) - 1] == '/')), path);
		if (place == NULL) {
			buf_char(&root, '/');
			text_percent_encode_segment(bucket, &root);
		}
		snprintf(client->root, sizeof(client->root), "%s", buf_text(&root));
	}
	buf_release(&url);
	buf_release(&root);
	return result;
}

int s3_client_init(struct s3_client *client, const struct config *config, struct err *err)
{
	client->config = config;
	client->keys = (struct sigv4_keys){config->image_store.access_key, config->image_store.secret_key,
	                                   config->image_store.session_token, config->image_store.region};
	if (*config->image_store.bucket == '\0')
		return err_set(err, ERR_BAD_REQUEST, "image_store.bucket (AWS_BUCKET_NAME) is not set");
	if (*config->image_store.access_key == '\0' || *config->image_store.secret_key == '\0')
		return err_set(err, ERR_BAD_REQUEST,
		               "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
	if (*config->image_store.region == '\0')
		client->keys.region = "us-east-1";
	struct buf endpoint;
	buf_init(&endpoint, 512);
	buf_str(&endpoint, config->image_store.endpoint);
	if (endpoint.len == 0)
		aws_endpoint(config, &endpoint);
	int result = split_endpoint(client, buf_text(&endpoint), err);
	buf_release(&endpoint);
	return result;
}

void s3_path(const struct s3_client *client, const char *key, struct buf *out)
{
	buf_printf(out, "%s/", client->root);
	if (key != NULL)
		text_percent_encode(key, out);
}

time_t s3_now(const struct s3_client *client)
{
	return time(NULL) + (time_t)atomic_load(&client->skew);
}

/* --- calls
 * -------------------------------------------------------------------------------------------------- */

void s3_call_init(struct s3_call *call, const char *method, const char *key)
{
	memset(call, 0, sizeof(*call));
	call->method = method;
	call->key = key;
	call->transfer.fd = -1;
	buf_init(&call->url, URL_MAX_BYTES);
	buf_init(&call->transfer.body, S3_ANSWER_MAX);
}

void s3_call_release(struct s3_call *call)
{
	buf_release(&call->url);
	buf_release(&call->transfer.body);
}

void s3_call_query(struct s3_call *call, const char *name, const char *value)
{
	call->query[call->query_count++] = (struct sigv4_field){name, value};
}

void s3_call_header(struct s3_call *call, const char *name, const char *value)
{
	call->headers[call->header_count++] = (struct sigv4_field){name, value};
}

static struct curl_slist *add_line(struct curl_slist *list, const char *name, const char *value)
{
	struct buf line;
	buf_init(&line, URL_MAX_BYTES);
	buf_printf(&line, "%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(list, buf_text(&line));
	buf_release(&line);
	if (longer == NULL)
		abort(); /* as buf does */
	return longer;
}

/* Signs the call, as of now, into its transfer. */
static void prepare(struct s3_client *client, struct s3_call *call)
{
	time_t now = s3_now(client);
	const char *payload = call->payload != NULL ? call->payload : S3_EMPTY_SHA256;
	char date[SIGV4_TIME_MAX];
	struct buf path, query, authorization;
	struct sigv4_field headers[S3_FIELDS_MAX + 4];
	size_t count = call->header_count;
	buf_init(&path, URL_MAX_BYTES);
	buf_init(&query, URL_MAX_BYTES);
	buf_init(&authorization, URL_MAX_BYTES);
	sigv4_time(now, date);
	memcpy(headers, call->headers, count * sizeof(headers[0]));
	headers[count++] = (struct sigv4_field){"host", client->host};
	headers[count++] = (struct sigv4_field){"x-amz-date", date};
	headers[count++] = (struct sigv4_field){"x-amz-content-sha256", payload};
	if (*client->keys.session_token != '\0')
		headers[count++] = (struct sigv4_field){"x-amz-security-token", client->keys.session_token};
	s3_path(client, call->key, &path);
	sigv4_query(call->query, call->query_count, &query);
	sigv4_authorization(&client->keys, now, call->method, buf_text(&path), buf_text(&query), headers,
	                    count,
	                    payload, &authorization);

	struct s3_transfer *transfer = &call->transfer;
	for (size_t i = 0; i < count; i++)
		transfer->headers = add_line(transfer->headers, headers[i].name, headers[i].value);
	transfer->headers = add_line(transfer->headers, "authorization", buf_text(&authorization));
	transfer->headers = add_line(transfer->headers, "expect", ""); /* none: it costs a round trip */
	buf_clear(&call->url);
	buf_printf(&call->url, "%s%s%s%s", client->origin, buf_text(&path), query.len > 0 ? "?" : "",
	           buf_text(&query));
	transfer->method = call->method;
	transfer->url = buf_text(&call->url);
	transfer->has_body = call->payload != NULL;
	buf_release(&path);
	buf_release(&query);
	buf_release(&authorization);
}

static void unprepare(struct s3_call *call)
{
	curl_slist_free_all(call->transfer.headers);
	call->transfer.headers = NULL;
}

/* --- answers
 * ------------------------------------------------------------------------------------------------ */

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

/* Some calls answer 200 and then an error. */
static void read_answer(struct s3_call *call)
{
	struct s3_transfer *transfer = &call->transfer;
	call->code[0] = call->message[0] = call->region[0] = '\0';
	const struct buf *body = &transfer->body;
	if (transfer->code == CURLE_OK && body->len > 0 && memmem(body->data, body->len, "<Error", 6) != NULL)
		s3_xml_parse(body->data, body->len, read_error, call, NULL);
	for (char *p = call->message; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	if (call->region[0] == '\0' && transfer->status / 100 != 2)
		snprintf(call->region, sizeof(call->region), "%.63s", transfer->bucket_region);
}

bool s3_succeeded(const struct s3_call *call)
{
	return call->transfer.code == CURLE_OK && call->transfer.status / 100 == 2 && call->code[0] == '\0';
}

static bool is_code(const struct s3_call *call, const char *const *codes)
{
	for (; *codes != NULL; codes++)
		if (strcmp(call->code, *codes) == 0)
			return true;
	return false;
}

static bool is_passing(const struct s3_call *call)
{
	static const char *const codes[] = {"InternalError", "SlowDown", "ServiceUnavailable",
	                                    "RequestTimeout",
	                                    "OperationAborted", "ConditionalRequestConflict", NULL};
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
	status == 504 ||
	       is_code(call, codes);
}

/* The server's clock differs: believe it, once a call. */
static bool correct_skew(struct s3_client *client, struct s3_call *call)
{
	if (call->skew_tried || call->transfer.code != CURLE_OK || call->transfer.status != 403)
		return false;
	time_t server = curl_getdate(call->transfer.date, NULL);
	int64_t off = server < 0 ? 0 : (int64_t)server - (int64_t)s3_now(client);
	bool told = strcmp(call->code, "RequestTimeTooSkewed") == 0 || strcmp(call->code,
	                                                                      "RequestExpired") == 0;
	if (server < 0 || (!told && off > -SKEW_SECONDS && off < SKEW_SECONDS))
		return false;
	call->skew_tried = true;
	atomic_store(&client->skew, (int64_t)server - (int64_t)time(NULL));
	return true;
}

/* --- running
 * ------------------------------------------------------------------------------------------------ */

static void back_off(int attempt)
{
	/* 0.05 to 0.1 s, doubled each time. */
	int64_t ns = (int64_t)(50 + arc4random_uniform(51)) * 1000000 << attempt;
	struct timespec time = {ns / 1000000000, ns % 1000000000};
	nanosleep(&time, NULL);
}

/* Sends what is not finished: *passing and *skewed count what is worth sending again. */
static void run_unfinished(struct s3_client *client, struct s3_call **calls, size_t count, size_t *passing,
                           size_t *skewed)
{
	struct s3_transfer **transfers = calloc(count, sizeof(*transfers));
	size_t sent = 0;
	if (transfers == NULL)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (calls[i]->finished)
			continue;
		prepare(client, calls[i]);
		transfers[sent++] = &calls[i]->transfer;
	}
	s3_engine_run(client->engine, transfers, sent);
	free(transfers);
	atomic_fetch_add(&client->requests, (int64_t)sent);
	*passing = *skewed = 0;
	for (size_t i = 0; i < count; i++) {
		struct s3_call *call = calls[i];
		if (call->finished)
			continue;
		unprepare(call);
		read_answer(call);
		call->finished = s3_succeeded(call);
		if (!call->finished && correct_skew(client, call))
			++*skewed;
		else if (!call->finished && !call->once && is_passing(call))
			++*passing;
		else
			call->finished = true;
	}
}

void s3_run(struct s3_client *client, struct s3_call **calls, size_t count)
{
	struct timespec start, now;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int attempt = 0;;) {
		size_t passing, skewed;
		run_unfinished(client, calls, count, &passing, &skewed);
		clock_gettime(CLOCK_MONOTONIC, &now);
		bool late = attempt == S3_RETRIES || now.tv_sec - start.tv_sec >= S3_RETRY_SECONDS;
		if (passing + skewed == 0 || (late && skewed == 0))
			break;
		if (passing > 0 && !late)
			back_off(attempt++);
		atomic_fetch_add(&client->retries, (int64_t)(passing + skewed));
	}
	for (size_t i = 0; i < count; i++)
		if (!s3_succeeded(calls[i]))
			atomic_fetch_add(&client->failures, 1);
}

int s3_perform(struct s3_client *client, struct s3_call *call, struct err *err)
{
	s3_run(client, &call, 1);
	return s3_succeeded(call) ? 0 : s3_failure(client, call, err);
}

/* --- failures
 * ----------------------------------------------------------------------------------------------- */

/* %s is the bucket's name. */
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
	{"XAmzContentSHA256Mismatch", ERR_UPSTREAM, "the bytes arrived changed at the store of '%s'"},
	{"BadDigest", ERR_UPSTREAM, "the bytes arrived changed at the store of '%s'"},
};

static int transfer_failure(struct s3_client *client, const struct s3_call *call, struct err *err)
{
	if (call->transfer.code == CURLE_ABORTED_BY_CALLBACK && call->payload != NULL)
		return err_set(err, ERR_INTERNAL, "what is to be stored as '%s' can't be read", call->key);
	if (call->transfer.code == CURLE_WRITE_ERROR)
		return err_set(err, ERR_UPSTREAM,
		               "the image store at %s answered with more than was asked for",
		               client->host);
	return err_set(err, ERR_UNAVAILABLE, "the image store at %s can't be reached: %s", client->host,
	               call->transfer.error);
}

int s3_failure(struct s3_client *client, const struct s3_call *call, struct err *err)
{
	const char *bucket = client->config->image_store.bucket;
	long status = call->transfer.status;
	if (call->transfer.code != CURLE_OK)
		return transfer_failure(client, call, err);
	if ((status == 301 || status == 307 || status == 400) && call->region[0] != '\0' &&
	    strcmp(call->region, client->keys.region) != 0)
		return err_set(err, ERR_UPSTREAM,
		               "the bucket '%s' lies in the region '%s': set image_store.region, or AWS_REGION, to it",
		               bucket, call->region);
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (strcmp(call->code, failures[i].code) != 0)
			continue;
		struct buf text;
		buf_init(&text, ERR_TEXT_MAX);
		const char *place = strstr(failures[i].text, "%s");
		buf_printf(&text, "%.*s%s%s", (int)(place - failures[i].text), failures[i].text, bucket,
		           place + 2);
		err_set(err, failures[i].error, "%s", buf_text(&text));
		buf_release(&text);
		return -1;
	}
	if (status == 404 && call->key != NULL)
		return err_set(err, ERR_NOT_FOUND, "there is no object '%s'", call->key);
	if (status == 404)
		return err_set(err, ERR_UPSTREAM,
		               "the bucket '%s' does not exist: make it, or set AWS_BUCKET_NAME or image_store.bucket",
		               bucket);
	enum err_code code = status == 503 || status == 429 || status == 504 ? ERR_UNAVAILABLE
	                     : status == 507                                ? ERR_NO_SPACE
	                                                                    : ERR_UPSTREAM;
	return err_set(err, code, "the image store at %s answered %ld%s%s%s%s to %s", client->host, status,
	               call->code[0] != '\0' ? " " : "", call->code, call->message[0] != '\0' ? ": " : "",
	               call->message, call->method);
}
