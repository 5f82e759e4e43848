/* Requests to S3: addresses, and Signature Version 4 against the examples that AWS publishes for S3 (access key
 * AKIAIOSFODNN7EXAMPLE, bucket "examplebucket", 2013-05-24), and against botocore where they have none.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, sigv4-query-string-auth.html */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "blob/blob.h"
#include "blob/key.h"
#include "blob/s3/sigv4.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct sigv4_keys keys = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "",
                                       "us-east-1"};
enum { MAY_24 = 1369353600 }; /* 2013-05-24 00:00:00 UTC */

#define HOST {"host", "examplebucket.s3.amazonaws.com"}
#define DATE {"x-amz-date", "20130524T000000Z"}

static void assert_signature(const char *method, const char *path, const struct sigv4_field *query,
                             size_t query_count, const struct sigv4_field *headers, size_t count,
                             const char *payload, const char *signed_headers, const char *signature)
{
	struct buf text, encoded, expected;
	buf_init(&text, 4096);
	buf_init(&encoded, 4096);
	buf_init(&expected, 4096);
	sigv4_query(query, query_count, &encoded);
	sigv4_authorization(&keys, MAY_24, method, path, buf_text(&encoded), headers, count, payload, &text);
	buf_printf(&expected,
	           "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
	           "SignedHeaders=%s,Signature=%s", signed_headers, signature);
	assert_string_equal(buf_text(&text), buf_text(&expected));
	buf_release(&text);
	buf_release(&encoded);
	buf_release(&expected);
}

static void a_get_with_a_range(void **state)
{
	(void)state;
	const struct sigv4_field headers[] = {HOST, {"range", "bytes=0-9"}, {"x-amz-content-sha256", EMPTY},
	                                      DATE};
	assert_signature("GET", "/test.txt", NULL, 0, headers, 4, EMPTY,
	                 "host;range;x-amz-content-sha256;x-amz-date",
	                 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void a_put_with_an_encoded_key(void **state)
{
	(void)state;
	const char *payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
	const struct sigv4_field headers[] = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"}, DATE, HOST,
	                                      {"x-amz-content-sha256", payload},
	                                      {"date", "Fri, 24 May 2013 00:00:00 GMT"}};
	assert_signature("PUT", "/test%24file.text", NULL, 0, headers, 5, payload,
	                 "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
	                 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void a_parameter_without_a_value(void **state)
{
	(void)state;
	const struct sigv4_field query[] = {{"lifecycle", ""}};
	const struct sigv4_field headers[] = {HOST, DATE, {"x-amz-content-sha256", EMPTY}};
	assert_signature("GET", "/", query, 1, headers, 3, EMPTY, "host;x-amz-content-sha256;x-amz-date",
	                 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

static void a_query_is_sorted(void **state)
{
	(void)state;
	const struct sigv4_field query[] = {{"prefix", "J"}, {"max-keys", "2"}};
	const struct sigv4_field headers[] = {HOST, DATE, {"x-amz-content-sha256", EMPTY}};
	assert_signature("GET", "/", query, 2, headers, 3, EMPTY, "host;x-amz-content-sha256;x-amz-date",
	                 "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void a_presigned_get(void **state)
{
	(void)state;
	struct buf query;
	buf_init(&query, 4096);
	sigv4_presign(&keys, MAY_24, 86400, "examplebucket.s3.amazonaws.com", "/test.txt", &query);
	assert_string_equal(buf_text(&query),
	                    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"
	                    "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
	                    "X-Amz-SignedHeaders=host&X-Amz-Signature="
	                    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
	buf_release(&query);
}

static void header_values_lose_needless_blanks(void **state)
{
	(void)state;
	/* As the first example, which has no blanks. */
	const struct sigv4_field headers[] = {HOST, DATE, {"range", "  bytes=0-9\t "},
	                                      {"x-amz-content-sha256", EMPTY}};
	assert_signature("GET", "/test.txt", NULL, 0, headers, 4, EMPTY,
	                 "host;range;x-amz-content-sha256;x-amz-date",
	                 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

/* The signature that botocore 1.29 makes of the same. */
static void a_session_token_is_signed(void **state)
{
	(void)state;
	struct sigv4_keys temporary = keys;
	struct buf query;
	temporary.session_token = "token+/=";
	buf_init(&query, 4096);
	sigv4_presign(&temporary, MAY_24, 600, "examplebucket.s3.amazonaws.com",
	              "/images/a%20b/%C3%BC%2B~.png", &query);
	assert_non_null(strstr(buf_text(&query),
	                       "&X-Amz-Security-Token=token%2B%2F%3D&X-Amz-SignedHeaders=host&"));
	assert_non_null(strstr(buf_text(&query), "&X-Amz-Signature="
	                       "1ba582773ba049e14f2b2bb5be2714baaa48c9c5fe7895d2152985048900157d"));
	buf_release(&query);
}

/* --- addresses
 * -------------------------------------------------------------------------------------------- */

static struct blob_store *store_of(struct config *config, const char *endpoint, const char *region, const char *bucket,
                                   const char *public_url)
{
	struct blob_store *store;
	struct err err;
	config->image_store.type = (char *)(uintptr_t) "s3";
	config->image_store.endpoint = (char *)(uintptr_t)endpoint;
	config->image_store.region = (char *)(uintptr_t)region;
	config->image_store.bucket = (char *)(uintptr_t)bucket;
	config->image_store.access_key = (char *)(uintptr_t) "AK";
	config->image_store.secret_key = (char *)(uintptr_t) "SK";
	config->image_store.session_token = config->image_store.ca_bundle = (char *)(uintptr_t) "";
	config->image_store.public_url = (char *)(uintptr_t)public_url;
	if (blob_open(&store, config, &err) != 0)
		fail_msg("%s", err.text);
	return store;
}

static void assert_url(const char *endpoint, const char *region, const char *bucket, const char *expected)
{
	struct config config = {0};
	struct blob_store *store = store_of(&config, endpoint, region, bucket, "");
	struct buf url;
	struct err err;
	buf_init(&url, 4096);
	assert_int_equal(blob_url(store, "images/a b.png", true, 0, &url, &err), 0);
	assert_string_equal(buf_text(&url), expected);
	buf_clear(&url);
	assert_int_equal(blob_url(store, "images/a b.png", false, 60, &url, &err), 0);
	assert_int_equal(strncmp(buf_text(&url), expected, strlen(expected)), 0);
	assert_int_equal(buf_text(&url)[strlen(expected)], '?');
	char key[BLOB_KEY_MAX];
	assert_int_equal(blob_key_of(store, expected, key, &err), 0);
	assert_string_equal(key, "images/a b.png");
	buf_release(&url);
	blob_free(store);
}

static void the_bucket_is_in_the_host_or_in_the_path(void **state)
{
	(void)state;
	assert_url("", "eu-west-1", "cats", "https://cats.s3.eu-west-1.amazonaws.com/images/a%20b.png");
	assert_url("", "eu-west-1", "my.cats", "https://s3.eu-west-1.amazonaws.com/my.cats/images/a%20b.png");
	assert_url("", "cn-north-1", "cats", "https://cats.s3.cn-north-1.amazonaws.com.cn/images/a%20b.png");
	assert_url("http://127.0.0.1:7480", "x", "cats", "http://127.0.0.1:7480/cats/images/a%20b.png");
	assert_url("https://{bucket}.s3.example/", "x", "cats", "https://cats.s3.example/images/a%20b.png");
	assert_url("https://example/s3/", "x", "cats", "https://example/s3/cats/images/a%20b.png");
}

/* key NULL: the URL leads elsewhere. */
static void assert_key_of(struct blob_store *store, const char *url, const char *key)
{
	char found[BLOB_KEY_MAX];
	struct err err;
	int result = blob_key_of(store, url, found, &err);
	assert_int_equal(!result, !!key);
	if (key)
		assert_string_equal(found, key);
	else
		assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void a_url_of_any_form_leads_to_its_key(void **state)
{
	(void)state;
	struct config config = {0};
	struct blob_store *store = store_of(&config, "", "eu-west-1", "cats", "https://cdn.example/pictures");
	assert_key_of(store, "https://cdn.example/pictures/images/a.jpeg", "images/a.jpeg");
	assert_key_of(store, "https://cats.s3.amazonaws.com/images/a.jpeg", "images/a.jpeg");
	assert_key_of(store, "http://cats.s3-eu-west-1.amazonaws.com/images/a.jpeg?versionId=1", "images/a.jpeg");
	assert_key_of(store, "https://s3.amazonaws.com/cats/images/a.jpeg", "images/a.jpeg");
	assert_key_of(store, "https://s3.eu-west-1.amazonaws.com/cats/images/%C3%BC+b.jpeg", "images/ü+b.jpeg");
	static const char *const others[] = {
		"", "images/a.jpeg", "https://cats.s3.amazonaws.com/", "https://cdn.example/picturesque/a.jpeg",
		"https://dogs.s3.amazonaws.com/images/a.jpeg", "https://s3.amazonaws.com/catsuit/a.jpeg",
		"https://cats.s3.amazonaws.com.example/a.jpeg", "https://cats.s3x.amazonaws.com/a.jpeg",
		"https://cats.s3.amazonaws.com/images/../a.jpeg", "https://cats.s3.amazonaws.com/images/%2e%2e/a.jpeg",
		"https://cats.s3.amazonaws.com/images/%00.jpeg", "https://cats.s3.amazonaws.com/images//a.jpeg",
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_key_of(store, others[i], NULL);
	blob_free(store);
	store = store_of(&config, "http://127.0.0.1:7480", "x", "cats", "");
	assert_key_of(store, "https://cats.s3.amazonaws.com/images/a.jpeg", NULL); /* another service's bucket */
	blob_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_get_with_a_range),
		cmocka_unit_test(a_put_with_an_encoded_key),
		cmocka_unit_test(a_parameter_without_a_value),
		cmocka_unit_test(a_query_is_sorted),
		cmocka_unit_test(a_presigned_get),
		cmocka_unit_test(header_values_lose_needless_blanks),
		cmocka_unit_test(a_session_token_is_signed),
		cmocka_unit_test(the_bucket_is_in_the_host_or_in_the_path),
		cmocka_unit_test(a_url_of_any_form_leads_to_its_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
