/* Digests and tokens, against the published vectors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

static const char abc_sha256[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void sha256_is_that_of_fips_180(void **state)
{
	(void)state;
	unsigned char digest[HASH_SHA256_SIZE];
	char hex[HASH_SHA256_HEX];

	hash_sha256("abc", 3, digest);
	hash_hex(digest, sizeof(digest), hex);
	assert_string_equal(hex, abc_sha256);
	hash_sha256("", 0, digest);
	hash_hex(digest, sizeof(digest), hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void assert_stream(const char *algorithm, size_t size, const char *expected)
{
	struct hash_stream *stream = hash_stream_new(algorithm);
	unsigned char digest[64];
	char hex[129];

	assert_non_null(stream);
	hash_stream_update(stream, "a", 1);
	hash_stream_update(stream, "", 0);
	hash_stream_update(stream, "bc", 2);
	assert_int_equal(hash_stream_final(stream, digest), size);
	hash_hex(digest, size, hex);
	assert_string_equal(hex, expected);
}

static void a_stream_gives_the_same_in_steps(void **state)
{
	(void)state;
	assert_stream("sha256", HASH_SHA256_SIZE, abc_sha256);
	assert_stream("sha1", HASH_SHA1_SIZE, "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_stream("md5", 16, "900150983cd24fb0d6963f7d28e17f72");
}

static void an_unknown_algorithm_is_no_stream(void **state)
{
	(void)state;
	assert_null(hash_stream_new("sha3"));
	assert_null(hash_stream_new(""));
	assert_null(hash_stream_new("SHA256"));
}

static void a_stream_may_be_given_up(void **state)
{
	(void)state;
	struct hash_stream *stream = hash_stream_new("sha256");

	hash_stream_update(stream, "abc", 3);
	hash_stream_free(stream);
	hash_stream_free(NULL);
}

static void a_part_of_a_file_is_digested(void **state)
{
	(void)state;
	unsigned char digest[64], expected[HASH_SHA256_SIZE];
	static char bytes[600 * 1000]; /* of several pieces */
	FILE *file = tmpfile();

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 31 >> 7);
	assert_int_equal(fwrite(bytes, 1, sizeof(bytes), file), sizeof(bytes));
	assert_int_equal(fflush(file), 0);
	hash_sha256(bytes + 7, sizeof(bytes) - 20, expected);
	assert_int_equal(hash_file("sha256", fileno(file), 7, sizeof(bytes) - 20, digest), HASH_SHA256_SIZE);
	assert_memory_equal(digest, expected, HASH_SHA256_SIZE);
	assert_int_equal(hash_file("md5", fileno(file), 0, 0, digest), 16);
	assert_int_equal(hash_file("sha256", fileno(file), 1, sizeof(bytes), digest), 0);
	assert_int_equal(errno, ENODATA);
	assert_int_equal(hash_file("sha256", -1, 0, 1, digest), 0);
	assert_int_equal(errno, EBADF);
	fclose(file);
}

static void assert_hmac(const char *key, const char *text, const char *expected)
{
	unsigned char mac[HASH_SHA256_SIZE];
	char hex[HASH_SHA256_HEX];

	hash_hmac_sha256(key, strlen(key), text, strlen(text), mac);
	hash_hex(mac, sizeof(mac), hex);
	assert_string_equal(hex, expected);
	struct hash_hmac *hmac = hash_hmac_new(key, strlen(key));
	hash_hmac_of(hmac, "another message", 15, mac);
	hash_hmac_of(hmac, text, strlen(text), mac);
	hash_hex(mac, sizeof(mac), hex);
	assert_string_equal(hex, expected);
	hash_hmac_free(hmac);
}

static void hmac_is_that_of_rfc_4231(void **state)
{
	(void)state;
	char long_key[132] = { 0 };

	assert_hmac("Jefe", "what do ya want for nothing?",
		    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(long_key, 0xaa, 131);
	assert_hmac(long_key, "Test Using Larger Than Block-Size Key - Hash Key First",
		    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_hmac("", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void base64_is_that_of_rfc_4648(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{ "", "" },		{ "f", "Zg==" },	 { "fo", "Zm8=" },	   { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buf text, bytes;

		buf_init(&text, 100);
		buf_init(&bytes, 100);
		hash_base64(pairs[i][0], strlen(pairs[i][0]), &text);
		assert_string_equal(buf_text(&text), pairs[i][1]);
		assert_int_equal(hash_base64_decode(pairs[i][1], strlen(pairs[i][1]), &bytes), 0);
		assert_string_equal(buf_text(&bytes), pairs[i][0]);
		buf_release(&text);
		buf_release(&bytes);
	}
}

static void every_length_comes_back(void **state)
{
	(void)state;
	unsigned char bytes[300];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 167 + 13);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct buf text, again;

		buf_init(&text, 1000);
		buf_init(&again, 1000);
		hash_base64(bytes, len, &text);
		assert_int_equal(text.len, (len + 2) / 3 * 4);
		assert_int_equal(hash_base64_decode(buf_text(&text), text.len, &again), 0);
		assert_int_equal(again.len, len);
		assert_memory_equal(buf_text(&again), bytes, len);
		buf_release(&text);
		buf_release(&again);
	}
}

static void only_canonical_base64_is_taken(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"Z",	 "Zg",	   "Zg=",	"Zh==", /* loose bits */
		"Zm9=",	 "====",   "=Zg=",	"Z===",	    "Zg==Zg==", "Zm9v\n",
		" Zm9v", "Zm 9v===", "Zm9-",	"Zm9_",	    "Zm9v Zm9", "Zm9\xff",
		/* wrong behind 64 good characters, and padding at the end of the first 64 */
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAZh==",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==AAAA",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct buf out;

		buf_init(&out, 100);
		if (!hash_base64_decode(wrong[i], strlen(wrong[i]), &out))
			fail_msg("\"%s\" is taken", wrong[i]);
		buf_release(&out);
	}
}

static void decoding_heeds_the_ceiling(void **state)
{
	(void)state;
	struct buf out;

	buf_init(&out, 2);
	assert_true(hash_base64_decode("Zm9v", 4, &out));
	buf_release(&out);
}

static void tokens_are_url_safe_and_never_the_same(void **state)
{
	(void)state;
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char token[HASH_TOKEN_MAX], before[HASH_TOKEN_MAX] = "";

	for (int i = 0; i < 1000; i++) {
		hash_random_token(HASH_TOKEN_BYTES, token);
		assert_int_equal(strlen(token), 22);
		assert_int_equal(strspn(token, alphabet), 22);
		assert_string_not_equal(token, before);
		memcpy(before, token, sizeof(token));
	}
	hash_random_token(64, token);
	assert_int_equal(strlen(token), 86);
	hash_random_token(0, token);
	assert_string_equal(token, "");
}

static void random_uuids_are_of_version_4_and_differ(void **state)
{
	(void)state;
	char one[HASH_UUID_MAX], other[HASH_UUID_MAX];

	hash_random_uuid(one);
	hash_random_uuid(other);
	assert_string_not_equal(one, other);
	assert_int_equal(strlen(one), HASH_UUID_MAX - 1);
	assert_int_equal(one[14], '4');
	assert_non_null(strchr("89ab", one[19]));
}

static void an_image_has_one_uuid_a_dataset(void **state)
{
	(void)state;
	unsigned char sha256[HASH_SHA256_SIZE], other[HASH_SHA256_SIZE];
	char uuid[HASH_UUID_MAX], again[HASH_UUID_MAX];

	hash_sha256("abc", 3, sha256);
	hash_sha256("abd", 3, other);
	hash_image_uuid("cats", sha256, uuid);
	/* sha256("cats\0" + sha256("abc")) with version and variant, as another implementation computed it */
	assert_string_equal(uuid, "457a98b2-64d2-8781-8d28-b44a72f692a2");
	hash_image_uuid("cats", sha256, again);
	assert_string_equal(uuid, again);
	hash_image_uuid("dogs", sha256, again);
	assert_string_not_equal(uuid, again);
	hash_image_uuid("cats", other, again);
	assert_string_not_equal(uuid, again);
}

static void a_uuid_is_version_8_of_rfc_9562(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		unsigned char sha256[HASH_SHA256_SIZE];
		char uuid[HASH_UUID_MAX];

		hash_sha256(&i, sizeof(i), sha256);
		hash_image_uuid("cats", sha256, uuid);
		assert_int_equal(strlen(uuid), 36);
		assert_int_equal(uuid[14], '8');
		assert_non_null(strchr("89ab", uuid[19]));
	}
}

static void equality_sees_every_byte(void **state)
{
	(void)state;
	assert_int_equal(hash_equal("abc", "abc", 3), 1);
	assert_int_equal(hash_equal("abc", "abd", 3), 0);
	assert_int_equal(hash_equal("xbc", "abc", 3), 0);
	assert_int_equal(hash_equal("a", "b", 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_is_that_of_fips_180),
		cmocka_unit_test(a_stream_gives_the_same_in_steps),
		cmocka_unit_test(an_unknown_algorithm_is_no_stream),
		cmocka_unit_test(a_stream_may_be_given_up),
		cmocka_unit_test(a_part_of_a_file_is_digested),
		cmocka_unit_test(hmac_is_that_of_rfc_4231),
		cmocka_unit_test(base64_is_that_of_rfc_4648),
		cmocka_unit_test(every_length_comes_back),
		cmocka_unit_test(only_canonical_base64_is_taken),
		cmocka_unit_test(decoding_heeds_the_ceiling),
		cmocka_unit_test(tokens_are_url_safe_and_never_the_same),
		cmocka_unit_test(random_uuids_are_of_version_4_and_differ),
		cmocka_unit_test(an_image_has_one_uuid_a_dataset),
		cmocka_unit_test(a_uuid_is_version_8_of_rfc_9562),
		cmocka_unit_test(equality_sees_every_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
