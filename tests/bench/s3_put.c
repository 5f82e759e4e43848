/* The ceiling of uploads to S3: libcurl's multi interface in one thread, which signs and sends, and nothing else.
 *
 * usage: AWS_…=… s3_put BUCKET FILE SECONDS TRANSFERS
 * Puts the file's bytes under new keys again and again, TRANSFERS at a time, on kept connections. Prints how many
 * were stored, and in how many seconds. */
#include <curl/curl.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MAX = 16 * 1024 * 1024, TRANSFERS_MAX = 64 };

struct put {
	CURL *easy;
	size_t sent;
};

static char bytes[FILE_MAX];
static size_t length;
static char base[512], keys[512], signing[128];
static struct curl_slist *headers;

_Noreturn static void die(const char *what, const char *why)
{
	fprintf(stderr, "s3_put: %s: %s\n", what, why);
	exit(1);
}

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		die(name, "is not set");
	return value;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void read_file(const char *path)
{
	FILE *file = fopen(path, "rb");

	if (!file)
		die(path, "cannot be read");
	length = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
}

static void prepare(const char *bucket)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char header[128] = "x-amz-content-sha256: ";
	size_t at = strlen(header);

	SHA256((unsigned char *)bytes, length, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		at += (size_t)snprintf(header + at, sizeof(header) - at, "%02x", digest[i]);
	headers = curl_slist_append(NULL, header);
	headers = curl_slist_append(headers, "Content-Type: image/jpeg");
	snprintf(base, sizeof(base), "%s/%s/bare-%d", setting("AWS_ENDPOINT_URL"), bucket, (int)getpid());
	snprintf(keys, sizeof(keys), "%s:%s", setting("AWS_ACCESS_KEY_ID"), setting("AWS_SECRET_ACCESS_KEY"));
	snprintf(signing, sizeof(signing), "aws:amz:%s:s3", setting("AWS_REGION"));
}

static size_t give(char *out, size_t size, size_t count, void *data)
{
	struct put *put = data;
	size_t len = size * count < length - put->sent ? size * count : length - put->sent;

	memcpy(out, bytes + put->sent, len);
	put->sent += len;
	return len;
}

static size_t drop(char *answer, size_t size, size_t count, void *data)
{
	(void)answer, (void)data;
	return size * count;
}

static void start(CURLM *multi, struct put *put)
{
	static long number;
	char url[600];

	snprintf(url, sizeof(url), "%s-%ld.jpg", base, number++);
	put->sent = 0;
	curl_easy_setopt(put->easy, CURLOPT_URL, url);
	curl_easy_setopt(put->easy, CURLOPT_AWS_SIGV4, signing);
	curl_easy_setopt(put->easy, CURLOPT_USERPWD, keys);
	curl_easy_setopt(put->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(put->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(put->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)length);
	curl_easy_setopt(put->easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
	curl_easy_setopt(put->easy, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(put->easy, CURLOPT_READDATA, put);
	curl_easy_setopt(put->easy, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(put->easy, CURLOPT_PRIVATE, put);
	curl_multi_add_handle(multi, put->easy);
}

/* Takes what is done away; returns how many. Each is followed by another one while there is time. */
static long turn(CURLM *multi, bool over)
{
	long stored = 0, status;
	int left;

	for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;
		void *put;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &put);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (code != CURLE_OK || status != 200)
			die("a PUT failed", code != CURLE_OK ? curl_easy_strerror(code) : "its status is not 200");
		curl_multi_remove_handle(multi, easy);
		stored++;
		if (!over)
			start(multi, put);
	}
	return stored;
}

int main(int argc, char **argv)
{
	struct put puts[TRANSFERS_MAX];
	long stored = 0, started = argc == 5 ? strtol(argv[4], NULL, 10) : 0;
	int running;

	if (started < 1 || started > TRANSFERS_MAX)
		die("usage", "s3_put BUCKET FILE SECONDS TRANSFERS");
	read_file(argv[2]);
	prepare(argv[1]);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	CURLM *multi = curl_multi_init();
	double begun = now(), seconds = strtod(argv[3], NULL);
	for (long i = 0; i < started; i++) {
		puts[i].easy = curl_easy_init();
		start(multi, &puts[i]);
	}
	while (stored < started) {
		bool over = now() - begun > seconds;
		curl_multi_perform(multi, &running);
		long done = turn(multi, over);
		stored += done;
		started += over ? 0 : done;
		if (done == 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	printf("%ld %.6f\n", stored, now() - begun);
	return 0;
}
