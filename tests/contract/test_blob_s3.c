/* What the image store promises only in S3, against the gateway that AWS_ENDPOINT_URL names (tests/services/ceph
 * starts one): who may read, uploads in parts, and what it does when the server fails. */
#include "blob_fixture.h"

#include <time.h>
#include <unistd.h>

#include "behind.h"

/* --- a clock that may be wrong
 * ------------------------------------------------------------------------------ */

static int64_t clock_off;

/* Stands before libc's for the whole process, the module included. */
__attribute__((visibility("default"))) time_t time(time_t *out)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += clock_off;
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

/* --- who may read
 * ------------------------------------------------------------------------------------------- */

static const char *status_of(const char *url)
{
	return curl("-o /dev/null -w '%%{http_code}' '%s'", url);
}

/* The address without a signature. */
static const char *bare_url(struct blob_fixture *f, const char *key)
{
	return url_of(f, key, true);
}

static void public_objects_are_read_by_anyone(void **state)
{
	struct blob_fixture *f = *state;
	must(put_text(f, "images/a b/ü+1.png", "a cat", true));
	assert_string_equal(curl("'%s'", bare_url(f, "images/a b/ü+1.png")), "a cat");
	const char *head = curl("-I '%s'", bare_url(f, "images/a b/ü+1.png"));
	assert_non_null(strcasestr(head, "content-type: image/png\r\n"));
}

static void private_objects_are_read_by_presigned_url_alone(void **state)
{
	struct blob_fixture *f = *state;
	must(put_text(f, "images/a b/ü+1.png", "a cat", false));
	assert_string_equal(status_of(bare_url(f, "images/a b/ü+1.png")), "403");
	assert_string_equal(curl("'%s'", url_of(f, "images/a b/ü+1.png", false)), "a cat");
	must(put_text(f, "images/b.png", "a dog", false));
	char url[4096], *place;
	snprintf(url, sizeof(url), "%s", url_of(f, "images/b.png", false));
	place = strstr(url, "/b.png");
	place[1] = 'c';
	assert_string_equal(status_of(url), "403");
}

static void a_presigned_url_stays_the_same_for_a_while(void **state)
{
	struct blob_fixture *f = *state;
	char first[4096];
	clock_off = -(time(NULL) % 150); /* the beginning of a quarter of 600 s */
	snprintf(first, sizeof(first), "%s", url_of(f, "images/a.png", false));
	clock_off += 149;
	assert_string_equal(first, url_of(f, "images/a.png", false));
	clock_off += 2;
	assert_string_not_equal(first, url_of(f, "images/a.png", false));
	clock_off = 0;
}

static void publishing_and_hiding_take_effect(void **state)
{
	struct blob_fixture *f = *state;
	must(put_text(f, "images/a.png", "a cat", false));
	must(blob_set_public(f->store, "images/a.png", true, &failure));
	assert_string_equal(curl("'%s'", bare_url(f, "images/a.png")), "a cat");
	must(blob_set_public(f->store, "images/a.png", false, &failure));
	assert_string_equal(status_of(bare_url(f, "images/a.png")), "403");
	must(put_text(f, "images/a.png", "a cat", true)); /* as the last put says */
	assert_string_equal(status_of(bare_url(f, "images/a.png")), "200");
}

/* --- uploads in parts
 * --------------------------------------------------------------------------------------- */

static void large_objects_go_in_parts(void **state)
{
	struct blob_fixture *f = *state;
	int fd = large_file();
	struct blob_put put = {.key = "images/large.png", .type = "image/png", .public_read = true, .fd = fd,
	                       .length = LARGE};
	struct blob_info info;
	must(blob_put(f->store, &put, &failure));
	must(blob_stat(f->store, put.key, &info, &failure));
	assert_int_equal(info.bytes, LARGE);
	assert_int_equal(strlen(info.sha256), 64);
	assert_string_equal(status_of(bare_url(f, put.key)), "200");
	static char mine[BLOB_READ_BYTES], theirs[BLOB_READ_BYTES];
	for (int64_t at = 0; at < LARGE; at += (int64_t)sizeof(mine)) {
		size_t got, n = (size_t)pread(fd, mine, sizeof(mine), at);
		must(blob_read(f->store, put.key, at, theirs, sizeof(theirs), &got, &failure));
		assert_int_equal(got, n);
		assert_memory_equal(mine, theirs, n);
	}
	const char *etag = strcasestr(curl("-I '%s'", bare_url(f, put.key)), "etag:");
	assert_non_null(strstr(etag, "-5\"")); /* that it was five parts */
	must(blob_put(f->store, &put, &failure));
	assert_int_equal(pwrite(fd, "!", 1, LARGE / 2), 1);
	refused(blob_put(f->store, &put, &failure), ERR_CONFLICT);
	close(fd);
}

static void an_upload_that_fails_leaves_no_parts(void **state)
{
	struct blob_fixture *f = *state;
	int fd = large_file();
	unsigned char digest[HASH_SHA256_SIZE] = {0}; /* so that the end is missed only when it is sent */
	struct blob_put put = {.key = "images/large.png", .type = "image/png", .sha256 = digest, .fd = fd,
	                       .length = LARGE + 100};
	int64_t removed = -1;
	refused(blob_put(f->store, &put, &failure), ERR_INTERNAL);
	refused(blob_stat(f->store, put.key, &(struct blob_info){0}, &failure), ERR_NOT_FOUND);
	must(blob_sweep(f->store, "", 0, &removed, &failure));
	assert_int_equal(removed, 0);
	close(fd);
}

static void uploads_that_a_crash_left_are_swept_once_old(void **state)
{
	struct blob_fixture *f = *state;
	static const char *const keys[] = {"images/a b.png", "images/ü.png", "datasets/d/c.png"};
	int64_t removed = -1;
	for (size_t i = 0; i < 3; i++) {
		curl("-o /dev/null -X POST --aws-sigv4 aws:amz:%s:s3 --user '%s:%s' "
		     "-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' '%s?uploads='",
		     f->config.image_store.region,
		     f->config.image_store.access_key, f->config.image_store.secret_key, bare_url(f,
		                                                                                  keys[i]));
	}
	clock_off = 3 * 3600; /* of this machine alone */
	must(blob_sweep(f->store, "", 3600, &removed, &failure));
	clock_off = 0;
	assert_int_equal(removed, 0);
	must(blob_sweep(f->store, "images/", 0, &removed, &failure));
	assert_int_equal(removed, 2);
	must(blob_sweep(f->store, "", 0, &removed, &failure));
	assert_int_equal(removed, 1);
}

/* --- what is there already
 * ---------------------------------------------------------------------------------- */

static void objects_of_others_are_compared_by_their_bytes(void **state)
{
	struct blob_fixture *f = *state;
	curl("-o /dev/null -X PUT --aws-sigv4 aws:amz:%s:s3 --user '%s:%s' -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "
	     "-H 'content-type: image/png' --data-binary 'a cat' '%s'", f->config.image_store.region,
	     f->config.image_store.access_key, f->config.image_store.secret_key, bare_url(f, "images/a.png"));
	assert_string_equal(text_of(f, "images/a.png"), "a cat");
	must(put_text(f, "images/a.png", "a cat", true));
	refused(put_text(f, "images/a.png", "a dog", true), ERR_CONFLICT);
}

/* --- failures of the server
 * --------------------------------------------------------------------------------- */

#define SLOW_DOWN "<Error><Code>SlowDown</Code><Message>later</Message></Error>"

static void passing_failures_are_retried(void **state)
{
	struct behind b = begin_behind(*state);
	b.f.store = another_blob_store(&b.f.config);
	gateway_set(b.gateway, GATEWAY_ANSWER, 2, "503 Slow Down", SLOW_DOWN);
	must(put_text(&b.f, "images/a.png", "a cat", false));
	assert_int_equal(gateway_count(b.gateway, "^PUT "), 3);
	gateway_set(b.gateway, GATEWAY_ANSWER, 1, NULL, NULL);
	assert_string_equal(text_of(&b.f, "images/a.png"), "a cat");
	assert_int_equal(gateway_count(b.gateway, "^(HEAD|GET) "), 3); /* one of two, again */
	gateway_set(b.gateway, GATEWAY_CUT, 1, NULL, NULL);
	char bytes[8];
	size_t got;
	must(blob_read(b.f.store, "images/a.png", 0, bytes, 8, &got, &failure));
	assert_int_equal(got, 5);
	assert_int_equal(gateway_count(b.gateway, "^GET "), 2);
	end_behind(&b);
}

static void lasting_failures_are_told(void **state)
{
	struct behind b = begin_behind(*state);
	b.f.store = another_blob_store(&b.f.config);
	gateway_set(b.gateway, GATEWAY_ANSWER, 100, "503 Slow Down", SLOW_DOWN);
	refused(put_text(&b.f, "images/a.png", "a cat", false), ERR_UNAVAILABLE);
	assert_non_null(strstr(failure.text, "503 SlowDown: later"));
	gateway_set(b.gateway, GATEWAY_ANSWER, 100, "500 Oops", "");
	refused(put_text(&b.f, "images/a.png", "a cat", false), ERR_UPSTREAM);
	gateway_set(b.gateway, GATEWAY_ANSWER, 100, "200 OK", "<broken><");
	refused(blob_sweep(b.f.store, "", 0, NULL, &failure), ERR_UPSTREAM);
	gateway_set(b.gateway, GATEWAY_ANSWER, 100, "403 Forbidden",
	            "<Error><Code>QuotaExceeded</Code></Error>");
	refused(put_text(&b.f, "images/a.png", "a cat", false), ERR_NO_SPACE);
	end_behind(&b);
}

static void a_server_that_is_down_is_unavailable_and_back_without_a_restart(void **state)
{
	struct behind b = begin_behind(*state);
	b.f.store = another_blob_store(&b.f.config);
	must(put_text(&b.f, "images/a.png", "a cat", false));
	gateway_down(b.gateway);
	refused(put_text(&b.f, "images/b.png", "a dog", false), ERR_UNAVAILABLE);
	assert_non_null(strstr(failure.text, "can't be reached"));
	refused(blob_ping(b.f.store, &failure), ERR_UNAVAILABLE);
	refused(blob_stat(b.f.store, "images/a.png", &(struct blob_info){0}, &failure), ERR_UNAVAILABLE);
	gateway_up(b.gateway);
	must(blob_ping(b.f.store, &failure));
	must(put_text(&b.f, "images/b.png", "a dog", false));
	end_behind(&b);
}

static void refuse_conditions(struct gateway *gateway)
{
	gateway_set(gateway, GATEWAY_PASS, 0, NULL, NULL);
	gateway_rule(gateway, "^if-none-match:", GATEWAY_ANSWER, GATEWAY_ALWAYS, "501 Not Implemented",
	             "<Error><Code>NotImplemented</Code><Message/></Error>");
}

static void a_server_without_conditions_still_keeps_other_bytes(void **state)
{
	struct behind b = begin_behind(*state);
	b.f.store = another_blob_store(&b.f.config);
	refuse_conditions(b.gateway);
	must(put_text(&b.f, "images/a.png", "a cat", false));
	must(put_text(&b.f, "images/a.png", "a cat", false));
	refused(put_text(&b.f, "images/a.png", "a dog", false), ERR_CONFLICT);
	assert_string_equal(text_of(&b.f, "images/a.png"), "a cat");
	end_behind(&b);
}

struct first_put {
	struct behind *behind;
	pthread_barrier_t *barrier;
	int number, result;
	struct err err;
};

static void *put_first(void *data)
{
	struct first_put *first = data;
	char key[64];
	snprintf(key, sizeof(key), "images/first%d.png", first->number);
	struct blob_put put = {.key = key, .type = "image/png", .bytes = key, .length = (int64_t)strlen(key)};
	pthread_barrier_wait(first->barrier);
	first->result = blob_put(first->behind->f.store, &put, &first->err);
	return NULL;
}

static void a_server_without_conditions_takes_the_first_objects_at_once(void **state)
{
	enum { THREADS = 8 };
	struct behind b = begin_behind(*state);
	struct first_put firsts[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t barrier;
	b.f.store = another_blob_store(&b.f.config);
	refuse_conditions(b.gateway);
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		firsts[i] = (struct first_put){.behind = &b, .barrier = &barrier, .number = i};
		assert_int_equal(pthread_create(&threads[i], NULL, put_first, &firsts[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++)
		if (firsts[i].result != 0)
			fail_msg("%d: %s", i, firsts[i].err.text);
	pthread_barrier_destroy(&barrier);
	end_behind(&b);
}

static void a_server_without_conditions_takes_a_large_object_first(void **state)
{
	struct behind b = begin_behind(*state);
	int fd = large_file();
	struct blob_put put = {.key = "images/large.png", .type = "image/png", .fd = fd, .length = LARGE};
	struct blob_info info;
	b.f.store = another_blob_store(&b.f.config);
	refuse_conditions(b.gateway);
	must(blob_put(b.f.store, &put, &failure));
	must(blob_stat(b.f.store, put.key, &info, &failure));
	assert_int_equal(info.bytes, LARGE);
	close(fd);
	end_behind(&b);
}

static void a_bucket_of_another_region_is_named(void **state)
{
	struct behind b = begin_behind(*state);
	b.f.store = another_blob_store(&b.f.config);
	gateway_set(b.gateway, GATEWAY_ANSWER, 100, "301 Moved\r\nx-amz-bucket-region: eu-central-9", "");
	refused(blob_ping(b.f.store, &failure), ERR_UPSTREAM);
	assert_non_null(strstr(failure.text, "lies in the region 'eu-central-9': set image_store.region"));
	gateway_set(b.gateway, GATEWAY_ANSWER, 100, "400 Bad Request",
	            "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-9</Region></Error>");
	refused(put_text(&b.f, "images/a.png", "a cat", false), ERR_UPSTREAM);
	assert_non_null(strstr(failure.text, "lies in the region 'eu-central-9': set image_store.region"));
	gateway_set(b.gateway, GATEWAY_ANSWER, 100, "301 Moved\r\nx-amz-bucket-region: a\x1b[31m\xff", "");
	refused(blob_ping(b.f.store, &failure), ERR_UPSTREAM);
	assert_non_null(strstr(failure.text, "lies in the region 'a [31m'"));
	end_behind(&b);
}

/* --- configuration
 * ------------------------------------------------------------------------------------------ */

static void a_clock_that_is_wrong_is_corrected(void **state)
{
	struct blob_fixture *f = *state;
	clock_off = 3 * 3600;
	must(put_text(f, "images/a.png", "a cat", false));
	assert_string_equal(curl("'%s'", url_of(f, "images/a.png", false)), "a cat");
	clock_off = -3 * 3600;
	struct blob_store *store = another_blob_store(&f->config);
	must(blob_ping(store, &failure)); /* HEAD: the answer has no document to say so */
	blob_free(store);
	clock_off = 0;
}

static void after_it_was_corrected_the_clock_may_be_set(void **state)
{
	struct blob_fixture *f = *state;
	clock_off = 3 * 3600;
	must(put_text(f, "images/a.png", "a cat", false));
	clock_off = 0;
	assert_string_equal(curl("'%s'", url_of(f, "images/a.png", false)), "a cat");
}

static void assert_ping_says(struct config config, const char *text)
{
	struct blob_store *store = another_blob_store(&config);
	struct blob_put put = {.key = "images/a.png", .type = "image/png", .bytes = "x", .length = 1};
	refused(blob_ping(store, &failure), ERR_UPSTREAM);
	refused(blob_put(store, &put, &failure), ERR_UPSTREAM);
	assert_non_null(strstr(failure.text, text));
	assert_null(strstr(failure.text, config.image_store.secret_key));
	blob_free(store);
}

static void wrong_settings_are_told_by_name(void **state)
{
	struct blob_fixture *f = *state;
	struct config config = f->config;
	config.image_store.bucket = (char *)(uintptr_t) "no-such-bucket";
	assert_ping_says(config, "the bucket 'no-such-bucket' does not exist");
	config = f->config;
	config.image_store.secret_key = (char *)(uintptr_t) "wrong-secret";
	assert_ping_says(config, "AWS_SECRET_ACCESS_KEY");
	config = f->config;
	config.image_store.access_key = (char *)(uintptr_t) "AKNOBODY";
	assert_ping_says(config, "AWS_ACCESS_KEY_ID");
}

int main(void)
{
	if (getenv("TEST_BLOB") == NULL || strcmp(getenv("TEST_BLOB"), "s3") != 0) {
		fputs("test_blob_s3 runs with TEST_BLOB=s3 alone\n", stderr);
		return 1;
	}
	const struct CMUnitTest tests[] = {
		BLOB_TEST(public_objects_are_read_by_anyone),
		BLOB_TEST(private_objects_are_read_by_presigned_url_alone),
		BLOB_TEST(a_presigned_url_stays_the_same_for_a_while),
		BLOB_TEST(publishing_and_hiding_take_effect),
		BLOB_TEST(large_objects_go_in_parts),
		BLOB_TEST(an_upload_that_fails_leaves_no_parts),
		BLOB_TEST(uploads_that_a_crash_left_are_swept_once_old),
		BLOB_TEST(objects_of_others_are_compared_by_their_bytes),
		BLOB_TEST(passing_failures_are_retried),
		BLOB_TEST(lasting_failures_are_told),
		BLOB_TEST(a_server_that_is_down_is_unavailable_and_back_without_a_restart),
		BLOB_TEST(a_server_without_conditions_still_keeps_other_bytes),
		BLOB_TEST(a_server_without_conditions_takes_the_first_objects_at_once),
		BLOB_TEST(a_server_without_conditions_takes_a_large_object_first),
		BLOB_TEST(a_bucket_of_another_region_is_named),
		BLOB_TEST(a_clock_that_is_wrong_is_corrected),
		BLOB_TEST(after_it_was_corrected_the_clock_may_be_set),
		BLOB_TEST(wrong_settings_are_told_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
