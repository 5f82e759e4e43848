/* Fuzzes the answers of an object store. The input's first byte chooses what is asked; the rest are the answers, one
 * after the other, with a NUL between them: a line with the status, lines "header: value", an empty line, the body.
 *
 * Parses: lib/blob/s3/xml.c lib/blob/s3/answer.c lib/blob/s3/client.c lib/blob/s3/list.c lib/blob/s3/sweep.c
 * lib/blob/s3/read.c lib/blob/s3/parts.c lib/blob/s3/acl.c lib/blob/s3/check.c lib/blob/s3/place.c lib/blob/key.c */
#include "fuzz.h"

#include <time.h>

#include "base/config.h"
#include "blob/key.h"
#include "blob/s3/client.h"

/* In place of the real ones (Makefile). */
void __wrap_s3_engine_run(struct s3_engine *engine, struct s3_transfer **transfers, size_t count);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

extern const struct blob_backend blob_s3;

static struct {
	const char *at, *end;
} answers;

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)time;
	(void)left;
	return 0;
}

static void set_header(struct s3_transfer *transfer, const char *name, const char *value)
{
	struct s3_headers *told = &transfer->told;
	const struct {
		const char *name;
		char *out;
	} known[] = {{"date", told->date}, {"etag", told->etag}, {"last-modified", told->last_modified},
	             {"sha256", told->sha256}, {"region", told->bucket_region}, {"type", told->content_type},
	             {"range", told->content_range}, {"encryption", told->encryption}, {"key", told->customer_key}};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(known[i].name, name) == 0)
			snprintf(known[i].out, S3_HEADER_MAX, "%s", value);
	}
	if (strcmp(name, "length") == 0)
		text_int64(value, 0, INT64_MAX, &transfer->content_length);
	told->signs = told->signs || strcmp(name, "id") == 0;
}

static void set_body(struct s3_transfer *transfer, const char *body, size_t len)
{
	transfer->sunk = 0;
	if (!transfer->sink || transfer->status / 100 != 2) {
		buf_add(&transfer->body, body, len);
		return;
	}
	transfer->sunk = len < transfer->room ? len : transfer->room;
	memcpy(transfer->sink, body, transfer->sunk);
}

/* Without one, the connection was refused. */
static void answer(struct s3_transfer *transfer)
{
	size_t len = strnlen(answers.at, (size_t)(answers.end - answers.at));
	char *text = fuzz_text((const uint8_t *)answers.at, len), *rest = text, *line, *status = strsep(&rest, "\n");
	int64_t number = 0;

	answers.at += len + (answers.at + len < answers.end);
	buf_clear(&transfer->body);
	memset(&transfer->told, 0, sizeof(transfer->told));
	transfer->content_length = -1;
	transfer->code = text_int64(status, 100, 599, &number) ? CURLE_COULDNT_CONNECT : CURLE_OK;
	transfer->status = (long)number;
	snprintf(transfer->error, sizeof(transfer->error), "%s", transfer->code ? "refused" : "");
	while ((line = strsep(&rest, "\n")) && *line) {
		const char *name = strsep(&line, ":");

		if (line)
			set_header(transfer, name, line + strspn(line, " "));
	}
	if (rest)
		set_body(transfer, rest, strlen(rest));
	free(text);
}

void __wrap_s3_engine_run(struct s3_engine *engine, struct s3_transfer **transfers, size_t count)
{
	(void)engine;
	for (size_t i = 0; i < count; i++)
		answer(transfers[i]);
}

static bool see_key(void *data, const char *key, const struct blob_info *info)
{
	(void)data;
	require(blob_key_check(key, NULL) == 0 && info->bytes >= 0);
	return true;
}

static int ask(struct blob_store *store, char what, struct err *err)
{
	static const char bytes[] = "the bytes of an image", key[] = "images/cat/img-1.png";
	const struct blob_put put = {
		.key = key, .type = "image/png", .public_read = what == 'P', .length = sizeof(bytes), .bytes = bytes, .fd = -1};
	char room[100];
	struct blob_info info;
	int64_t removed = 0;
	size_t got = 0;
	int failed;

	switch (what) {
	case 'l': return blob_s3.list(store, "", see_key, NULL, err);
	case 'w': return blob_s3.sweep(store, "images/", 0, &removed, err);
	case 's':
		failed = blob_s3.stat(store, key, &info, err);
		require(failed || strnlen(info.sha256, sizeof(info.sha256)) < sizeof(info.sha256));
		return failed;
	case 'r':
		failed = blob_s3.read(store, key, 5, room, sizeof(room), &got, err);
		require(failed || got <= sizeof(room));
		return failed;
	case 'a': return blob_s3.set_public(store, key, true, err);
	case 'd': return blob_s3.remove(store, key, err);
	case 'i': return blob_s3.ping(store, err);
	case 'm': return s3_put_parts((struct s3_client *)store, &put, S3_EMPTY_SHA256, err);
	default: return blob_s3.put(store, &put, err);
	}
}

static void check_url(struct blob_store *store, const uint8_t *data, size_t size)
{
	char *url = fuzz_text(data, size);
	struct buf key;

	buf_init(&key, BLOB_KEY_MAX);
	blob_s3.key_of(store, url, &key, NULL);
	buf_release(&key);
	free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[][32] = {"s3", "http://127.0.0.1:1", "us-east-1", "bucket", "access", "secret", ""};
	const struct config config = {.image_store = {.type = text[0], .endpoint = text[1], .region = text[2], .bucket = text[3],
	                                              .access_key = text[4], .secret_key = text[5], .session_token = text[6],
	                                              .public_url = text[6], .dir = text[6], .ca_bundle = text[6]}};
	struct blob_store *store;
	struct err err = {0};

	if (size == 0)
		return 0;
	require(blob_s3.open(&store, &config, &err) == 0);
	store->backend = &blob_s3;
	answers.at = (const char *)data + 1;
	answers.end = (const char *)data + size;
	if (data[0] == 'u')
		check_url(store, data + 1, size - 1);
	else if (ask(store, (char)data[0], &err))
		require_told(&err);
	blob_s3.free(store);
	return 0;
}
