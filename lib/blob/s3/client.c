/* Addresses, signs and retries requests to an S3 bucket. */
#include "blob/s3/client.h"

#include <unistd.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

enum { URL_MAX_BYTES = 16 * 1024, SKEW_SECONDS = 300 };

/* --- addresses ---------------------------------------------------------------------------------------------------- */

/* AWS's own address of the bucket. A name with dots does not fit the certificate of virtual hosts. */
static void aws_endpoint(const struct config *config, struct buf *out)
{
	const char *region = config->image_store.region, *bucket = config->image_store.bucket;
	bool dots = strchr(bucket, '.');
	buf_printf(out, "https://%ss3.%s.amazonaws.com%s", dots ? "" : "{bucket}.", region,
	           strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
}

/* Fills in "{bucket}", and splits "https://host:port/path". */
static int split_endpoint(struct s3_client *client, const char *endpoint, struct err *err)
{
	const char *bucket = client->config->image_store.bucket, *place = strstr(endpoint, "{bucket}");
	struct buf url, root;
	buf_init(&url, sizeof(client->origin) - 1);
	buf_init(&root, sizeof(client->root) - 1);
	if (place)
		buf_printf(&url, "%.*s%s%s", (int)(place - endpoint), endpoint, bucket,
		           place + strlen("{bucket}"));
	else
		buf_str(&url, endpoint);
	const char *text = buf_text(&url), *host = strstr(text, "://");
	int result = 0;
	if (url.overflow || !host || (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://",
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
		if (!place) {
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
	const char *bundle = config->image_store.ca_bundle;
	if (*bundle != '\0' && access(bundle, R_OK) != 0)
		return err_errno(err, ERR_BAD_REQUEST,
		                 "%s, which image_store.ca_bundle (AWS_CA_BUNDLE) names, can't be read", bundle);
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
	if (key)
		text_percent_encode(key, out);
}

time_t s3_now(const struct s3_client *client)
{
	int64_t ahead = atomic_load(&client->ahead);

	return (time_t)(ahead ? clock_us() / MICROSECONDS + ahead : time(NULL)); /* which may be set right meanwhile */
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

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

static struct curl_slist *client_add_header(struct curl_slist *list, const char *name, const char *value)
{
	struct buf line;
	buf_init(&line, URL_MAX_BYTES);
	buf_printf(&line, "%s: %s", name, value);
	struct curl_slist *longer = memory_must(curl_slist_append(list, buf_text(&line)));
	buf_release(&line);
	return longer;
}

/* Signs the call with the current time, and fills in its transfer. */
static void client_prepare(struct s3_client *client, struct s3_call *call)
{
	time_t now = s3_now(client);
	const char *payload = call->payload ? call->payload : S3_EMPTY_SHA256;
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
	for (size_t i = 0; !call->anonymous && i < count; i++)
		transfer->headers = client_add_header(transfer->headers, headers[i].name, headers[i].value);
	if (!call->anonymous)
		transfer->headers = client_add_header(transfer->headers, "authorization", buf_text(&authorization));
	transfer->headers = client_add_header(transfer->headers, "expect", ""); /* without it libcurl waits a round trip */
	buf_clear(&call->url);
	buf_printf(&call->url, "%s%s%s%s", client->origin, buf_text(&path), query.len > 0 ? "?" : "",
	           buf_text(&query));
	transfer->method = call->method;
	transfer->url = buf_text(&call->url);
	transfer->has_body = call->payload;
	buf_release(&path);
	buf_release(&query);
	buf_release(&authorization);
}

static void unprepare(struct s3_call *call)
{
	curl_slist_free_all(call->transfer.headers);
	call->transfer.headers = NULL;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

/* If the server's clock differs, adopts it, once a call. */
static bool correct_skew(struct s3_client *client, struct s3_call *call)
{
	if (call->skew_tried || call->transfer.code != CURLE_OK || call->transfer.status != 403)
		return false;
	time_t server = curl_getdate(call->transfer.told.date, NULL);
	int64_t off = server < 0 ? 0 : (int64_t)server - (int64_t)s3_now(client);
	bool told = strcmp(call->code, "RequestTimeTooSkewed") == 0 || strcmp(call->code,
	                                                                      "RequestExpired") == 0;
	if (server < 0 || (!told && off > -SKEW_SECONDS && off < SKEW_SECONDS))
		return false;
	call->skew_tried = true;
	atomic_store(&client->ahead, (int64_t)server - clock_us() / MICROSECONDS);
	return true;
}

void s3_back_off(int attempt)
{
	struct timespec time = clock_timespec((int64_t)(50 + arc4random_uniform(51)) * 1000 << attempt);
	nanosleep(&time, NULL);
}

/* Sends the calls that are not finished; *passing and *skewed count those worth sending again. */
static void run_unfinished(struct s3_client *client, struct s3_call **calls, size_t count, size_t *passing,
                           size_t *skewed)
{
	struct s3_transfer **transfers = memory_new(count, sizeof(*transfers));
	size_t sent = 0;
	for (size_t i = 0; i < count; i++) {
		if (calls[i]->finished)
			continue;
		client_prepare(client, calls[i]);
		transfers[sent++] = &calls[i]->transfer;
	}
	s3_engine_run(client->engine, transfers, sent);
	free(transfers);
	*passing = *skewed = 0;
	for (size_t i = 0; i < count; i++) {
		struct s3_call *call = calls[i];
		if (call->finished)
			continue;
		unprepare(call);
		s3_read_answer(call);
		call->finished = s3_succeeded(call);
		if (!call->finished && correct_skew(client, call))
			++*skewed;
		else if (!call->finished && !call->once && s3_is_passing(call))
			++*passing;
		else
			call->finished = true;
	}
}

void s3_run(struct s3_client *client, struct s3_call **calls, size_t count)
{
	int64_t start = clock_us();
	for (int attempt = 0;;) {
		size_t passing, skewed;
		run_unfinished(client, calls, count, &passing, &skewed);
		bool late = attempt == S3_RETRIES || clock_us() - start >= S3_RETRY_SECONDS * MICROSECONDS;
		if (passing + skewed == 0 || (late && skewed == 0))
			break;
		if (passing > 0 && !late)
			s3_back_off(attempt++);
	}
}

int s3_perform(struct s3_client *client, struct s3_call *call, struct err *err)
{
	s3_run(client, &call, 1);
	return s3_succeeded(call) ? 0 : s3_failure(client, call, err);
}
