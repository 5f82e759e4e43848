/* Makes image stores for the contract tests: a folder, or a bucket of the gateway that AWS_ENDPOINT_URL
 * names. */
#include "behind.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char *setting(const char *name)
{
	const char *value = getenv(name);
	if (value == NULL || *value == '\0') {
		fprintf(stderr, "TEST_BLOB=s3 needs %s: run tests/services/ceph start\n", name);
		exit(1);
	}
	return (char *)(uintptr_t)value;
}

static void use_bucket(struct blob_fixture *f)
{
	static int number;
	f->config.image_store.type = (char *)(uintptr_t) "s3";
	f->config.image_store.endpoint = setting("AWS_ENDPOINT_URL");
	f->config.image_store.region = setting("AWS_REGION");
	f->config.image_store.access_key = setting("AWS_ACCESS_KEY_ID");
	f->config.image_store.secret_key = setting("AWS_SECRET_ACCESS_KEY");
	f->config.image_store.session_token = f->config.image_store.ca_bundle = (char *)(uintptr_t) "";
	f->config.image_store.bucket = f->bucket;
	snprintf(f->bucket, sizeof(f->bucket), "test-%d-%d", (int)getpid(), number++);
	assert_string_equal(curl("-o /dev/null -w '%%{http_code}' -X PUT --aws-sigv4 aws:amz:%s:s3 --user '%s:%s' "
	                         "-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' '%s/%s'",
	                         f->config.image_store.region, f->config.image_store.access_key,
	                         f->config.image_store.secret_key, f->config.image_store.endpoint, f->bucket),
	                    "200");
}

static void use_folder(struct blob_fixture *f)
{
	f->config.image_store.type = (char *)(uintptr_t) "fs";
	f->config.image_store.dir = f->dir;
	snprintf(f->dir, sizeof(f->dir), "/tmp/contract-blob-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
}

int with_blobs(void **state)
{
	const char *type = getenv("TEST_BLOB");
	struct blob_fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->config.image_store.public_url = (char *)(uintptr_t) "";
	if (type != NULL && strcmp(type, "s3") == 0)
		use_bucket(f);
	else
		use_folder(f);
	must(blob_open(&f->store, &f->config, &failure));
	*state = f;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

int blobs_teardown(void **state)
{
	struct blob_fixture *f = *state;
	blob_free(f->store);
	if (f->dir[0] != '\0')
		nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

struct blob_store *another_blob_store(const struct config *config)
{
	struct blob_store *store;
	must(blob_open(&store, config, &failure));
	return store;
}

int put_text(struct blob_fixture *f, const char *key, const char *text, bool public_read)
{
	struct blob_put put = {.key = key, .type = "image/png", .public_read = public_read, .bytes = text,
	                       .length = (int64_t)strlen(text)};
	memset(&failure, 0, sizeof(failure));
	return blob_put(f->store, &put, &failure);
}

const char *text_of(struct blob_fixture *f, const char *key)
{
	static char text[1 << 16];
	struct buf out;
	buf_init(&out, sizeof(text) - 1);
	must(blob_fetch(f->store, key, &out, &failure));
	snprintf(text, sizeof(text), "%s", buf_text(&out));
	buf_release(&out);
	return text;
}

const char *url_of(struct blob_fixture *f, const char *key, bool public_read)
{
	static char text[1 << 14];
	struct buf out;
	buf_init(&out, sizeof(text) - 1);
	must(blob_url(f->store, key, public_read, 600, &out, &failure));
	snprintf(text, sizeof(text), "%s", buf_text(&out));
	buf_release(&out);
	return text;
}

int temporary_file(const char *text)
{
	char path[] = "/tmp/contract-blob-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

int large_file(void)
{
	static char piece[1 << 20];
	int fd = temporary_file("");
	for (size_t i = 0; i < sizeof(piece); i++)
		piece[i] = (char)(i * 31 >> 7);
	for (int64_t at = 0; at < LARGE; at += (int64_t)sizeof(piece)) {
		memcpy(piece, &at, sizeof(at));
		size_t len = LARGE - at < (int64_t)sizeof(piece) ? (size_t)(LARGE - at) : sizeof(piece);
		assert_int_equal(pwrite(fd, piece, len, at), (ssize_t)len);
	}
	return fd;
}

const char *curl(const char *format, ...)
{
	static char out[1 << 14];
	char command[8192];
	int len = snprintf(command, sizeof(command), "curl -s --max-time 20 ");
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(command + len, sizeof(command) - (size_t)len, format, arguments);
	va_end(arguments);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	size_t got = fread(out, 1, sizeof(out) - 1, pipe);
	out[got] = '\0';
	pclose(pipe);
	return out;
}
