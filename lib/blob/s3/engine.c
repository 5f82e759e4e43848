/* Runs libcurl's multi interface in one thread for all callers. */
#include "blob/s3/engine.h"

#include <errno.h>
#include <signal.h>
#include <strings.h>
#include <unistd.h>

#include "base/memory.h"

enum {
	CONNECT_MS = 5000,
	STALL_SECONDS = 20, /* a transfer that moves less than STALL_BYTES a second for this long is given up */
	STALL_BYTES = 1024,
	CONNECTIONS_MAX = 32, /* to the server; further transfers wait for one */
	IDLE_MS = 60 * 1000,
	BUFFER_BYTES = 256 * 1024,
};

/* The transfers of one caller. */
struct s3_batch {
	size_t left;
	pthread_cond_t done;
};

struct s3_engine {
	CURLM *multi;
	const char *ca_bundle;
	pthread_mutex_t lock; /* protects the fields below */
	struct s3_transfer *waiting, **last;
	bool started, stop;
	pthread_t thread;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

int s3_engine_new(struct s3_engine **out, const char *ca_bundle, struct err *err)
{
	pthread_once(&once, set_up_curl);
	struct s3_engine *engine = memory_new(1, sizeof(*engine));
	CURLM *multi = curl_multi_init();
	if (!multi) {
		free(engine);
		curl_multi_cleanup(multi);
		return err_set(err, ERR_INTERNAL, "libcurl can't be set up");
	}
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CONNECTIONS_MAX);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
	engine->multi = multi;
	engine->ca_bundle = ca_bundle;
	engine->last = &engine->waiting;
	pthread_mutex_init(&engine->lock, NULL);
	*out = engine;
	return 0;
}

void s3_engine_free(struct s3_engine *engine)
{
	if (!engine)
		return;
	if (engine->started) {
		pthread_mutex_lock(&engine->lock);
		engine->stop = true;
		pthread_mutex_unlock(&engine->lock);
		curl_multi_wakeup(engine->multi);
		pthread_join(engine->thread, NULL);
	}
	curl_multi_cleanup(engine->multi);
	pthread_mutex_destroy(&engine->lock);
	free(engine);
}

/* --- one transfer ------------------------------------------------------------------------------------------------- */

static size_t engine_read_body(char *out, size_t size, size_t count, void *data)
{
	struct s3_transfer *transfer = data;
	size_t room = size * count, len = room;
	if ((int64_t)len > transfer->length - transfer->sent)
		len = (size_t)(transfer->length - transfer->sent);
	if (len == 0)
		return 0;
	if (transfer->bytes) {
		memcpy(out, (const char *)transfer->bytes + transfer->sent, len);
	} else {
		ssize_t n;
		do {
			n = pread(transfer->fd, out, len, transfer->offset + transfer->sent);
		} while (n < 0 && errno == EINTR);
		if (n <= 0)
			return CURL_READFUNC_ABORT;
		len = (size_t)n;
	}
	transfer->sent += (int64_t)len;
	return len;
}

/* libcurl goes back when a kept connection turns out to be closed. */
static int seek_body(void *data, curl_off_t offset, int origin)
{
	struct s3_transfer *transfer = data;
	if (origin != SEEK_SET || offset < 0 || offset > transfer->length)
		return CURL_SEEKFUNC_FAIL;
	transfer->sent = offset;
	return CURL_SEEKFUNC_OK;
}

static size_t write_body(char *bytes, size_t size, size_t count, void *data)
{
	struct s3_transfer *transfer = data;
	size_t len = size * count;
	long status = 0;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!transfer->sink || status / 100 != 2)
		return buf_add(&transfer->body, bytes, len) == 0 ? len : 0;
	if (len > transfer->room - transfer->sunk)
		return 0;
	memcpy(transfer->sink + transfer->sunk, bytes, len);
	transfer->sunk += len;
	return len;
}

static void keep_header(char out[S3_HEADER_MAX], const char *value, size_t len)
{
	while (len > 0 && (*value == ' ' || *value == '\t'))
		value++, len--;
	while (len > 0 && strchr(" \t\r\n", value[len - 1]))
		len--;
	snprintf(out, S3_HEADER_MAX, "%.*s", (int)len, value);
}

/* "x-amz-request-id", "x-guploader-uploadid", "x-oss-request-id"; but not "x-request-id", which many proxies add. */
static bool is_sign(const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	size_t name = colon ? (size_t)(colon - line) : 0;
	const size_t id = strlen("-request-id");
	if (name > 6 && (strncasecmp(line, "x-amz-", 6) == 0 || strncasecmp(line, "x-goog-", 7) == 0 ||
	                 strncasecmp(line, "x-guploader-", 12) == 0))
		return true;
	return name > id + 1 && strncasecmp(line + name - id, "-request-id", id) == 0;
}

static size_t read_header(char *line, size_t size, size_t count, void *data)
{
	struct s3_headers *told = &((struct s3_transfer *)data)->told;
	size_t len = size * count;
	const struct {
		const char *name;
		char *out;
	} kept[] = {
		{"date:", told->date},
		{"etag:", told->etag},
		{"last-modified:", told->last_modified},
		{"x-amz-meta-sha256:", told->sha256},
		{"x-amz-bucket-region:", told->bucket_region},
		{"content-type:", told->content_type},
		{"content-range:", told->content_range},
		{"x-amz-server-side-encryption:", told->encryption},
		{"x-amz-server-side-encryption-customer-algorithm:", told->customer_key},
	};
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		size_t name = strlen(kept[i].name);
		if (len > name && strncasecmp(line, kept[i].name, name) == 0)
			keep_header(kept[i].out, line + name, len - name);
	}
	told->signs = told->signs || is_sign(line, len);
	return len;
}

static void set_body(CURL *easy, struct s3_transfer *transfer)
{
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->length);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, engine_read_body);
	curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER_BYTES);
}

static CURL *make_easy(struct s3_transfer *transfer, const char *ca_bundle)
{
	CURL *easy = curl_easy_init();
	if (!easy)
		return NULL;
	transfer->easy = easy;
	transfer->error[0] = '\0';
	memset(&transfer->told, 0, sizeof(transfer->told));
	transfer->sent = 0;
	transfer->sunk = 0;
	transfer->status = 0;
	transfer->content_length = -1;
	buf_clear(&transfer->body);
	curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* so that the path stays as it was signed */
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, read_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, transfer->timeout_ms);
	if (*ca_bundle != '\0')
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca_bundle);
	if (transfer->has_body)
		set_body(easy, transfer);
	if (strcmp(transfer->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer->method);
	return easy;
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void engine_finish(struct s3_engine *engine, struct s3_transfer *transfer, CURLcode code)
{
	transfer->code = code;
	if (transfer->easy) {
		curl_off_t bytes = -1;
		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
		curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &bytes);
		transfer->content_length = bytes;
		curl_multi_remove_handle(engine->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
		transfer->easy = NULL;
	}
	if (code != CURLE_OK && transfer->error[0] == '\0')
		snprintf(transfer->error, sizeof(transfer->error), "%s", curl_easy_strerror(code));
	pthread_mutex_lock(&engine->lock);
	struct s3_batch *batch = transfer->batch; /* both belong to the caller, and are gone once `left` is 0 */
	if (--batch->left == 0)
		pthread_cond_signal(&batch->done);
	pthread_mutex_unlock(&engine->lock);
}

/* Starts the transfers that wait; false when the engine must end. */
static bool take_waiting(struct s3_engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	struct s3_transfer *waiting = engine->waiting;
	engine->waiting = NULL;
	engine->last = &engine->waiting;
	bool stop = engine->stop;
	pthread_mutex_unlock(&engine->lock);
	while (waiting) {
		struct s3_transfer *transfer = waiting;
		waiting = transfer->next; /* read before the transfer can be finished */
		CURL *easy = make_easy(transfer, engine->ca_bundle);
		if (!easy || curl_multi_add_handle(engine->multi, easy) != CURLM_OK)
			engine_finish(engine, transfer, CURLE_OUT_OF_MEMORY);
	}
	return !stop;
}

static void *engine_main(void *data)
{
	struct s3_engine *engine = data;
	pthread_setname_np(pthread_self(), "s3");
	while (take_waiting(engine)) {
		int running, left;
		curl_multi_perform(engine->multi, &running);
		for (CURLMsg *message; (message = curl_multi_info_read(engine->multi, &left)) != NULL;) {
			void *transfer;
			if (message->msg != CURLMSG_DONE)
				continue;
			CURLcode code = message->data.result; /* read before message goes with its handle */
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
			engine_finish(engine, transfer, code);
		}
		curl_multi_poll(engine->multi, NULL, 0, IDLE_MS, NULL);
	}
	return NULL;
}

/* Blocks signals in the thread: the program's own threads take them. */
static void start_thread(struct s3_engine *engine)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&engine->thread, NULL, engine_main, engine) != 0)
		abort(); /* as when out of memory */
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	engine->started = true;
}

void s3_engine_run(struct s3_engine *engine, struct s3_transfer **transfers, size_t count)
{
	struct s3_batch batch = {.left = count};
	pthread_cond_init(&batch.done, NULL);
	pthread_mutex_lock(&engine->lock);
	if (!engine->started)
		start_thread(engine);
	for (size_t i = 0; i < count; i++) {
		transfers[i]->batch = &batch;
		transfers[i]->next = NULL;
		*engine->last = transfers[i];
		engine->last = &transfers[i]->next;
	}
	curl_multi_wakeup(engine->multi);
	while (batch.left > 0)
		pthread_cond_wait(&batch.done, &engine->lock);
	pthread_mutex_unlock(&engine->lock);
	pthread_cond_destroy(&batch.done);
}
