/* The headers of tus: metadata and checksums, as clients send them and as nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "fastcgi/tus.h"

static struct tus_metadata parsed(const char *header)
{
	struct tus_metadata metadata;
	struct err err;

	if (tus_metadata_parse(header, &metadata, &err))
		fail_msg("%s: %s", header, err.text);
	return metadata;
}

static void refused(const char *header, const char *says)
{
	struct tus_metadata metadata;
	struct err err = {0};

	assert_true(tus_metadata_parse(header, &metadata, &err));
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	if (!strstr(err.text, says))
		fail_msg("%s: %s", header, err.text);
}

static void nothing_is_metadata(void **state)
{
	struct tus_metadata metadata = parsed("");

	(void)state;
	assert_string_equal(metadata.filepath, "");
	assert_string_equal(metadata.filename, "");
	assert_string_equal(metadata.label, "");
}

static void pairs_are_decoded(void **state)
{
	struct tus_metadata metadata = parsed("filepath YS9iLnBuZw==,filename Z3LDvG4ucG5n,label Y2F0");

	(void)state;
	assert_string_equal(metadata.filepath, "a/b.png");
	assert_string_equal(metadata.filename, "grün.png");
	assert_string_equal(metadata.label, "cat");
}

static void spaces_around_pairs_and_a_last_comma_are_fine(void **state)
{
	(void)state;
	assert_string_equal(parsed("filename YS5wbmc= , label Y2F0").label, "cat");
	assert_string_equal(parsed("label Y2F0,").label, "cat");
}

static void a_key_may_have_no_value(void **state)
{
	(void)state;
	assert_string_equal(parsed("label").label, "");
	assert_string_equal(parsed("label ").label, "");
	assert_string_equal(parsed("is_confidential,label Y2F0").label, "cat");
}

static void other_keys_are_passed_over_whatever_their_value(void **state)
{
	(void)state;
	assert_string_equal(parsed("other !!!,labels Y2F0,lab Y2F0,label ZG9n").label, "dog");
}

static void a_file_name_loses_its_path(void **state)
{
	(void)state;
	assert_string_equal(parsed("filename Li4vLi4vZXRjL3Bhc3N3ZA==").filename, "passwd");
}

static void malformed_pairs_are_refused(void **state)
{
	(void)state;
	refused(",label Y2F0", "without a key");
	refused("label Y2F0,,filename YQ==", "without a key");
	refused("label !!!", "\"label\" is not base64");
	refused("label Y2F0 ZG9n", "not base64");
	refused("label Y2F", "not base64");
	refused("label Y2F0,label Y2F0", "\"label\" twice");
	refused("label,label", "twice");
	refused("label /w==", "not UTF-8");
	refused("label YQBi", "not UTF-8"); /* a NUL */
}

/* "KEY " and base64 of len times 'x'. */
static void long_value(const char *key, size_t len, char *out, size_t size)
{
	static char text[2 * TEXT_FILEPATH_MAX];
	struct buf header;

	memset(text, 'x', len);
	buf_init(&header, 4 * TEXT_FILEPATH_MAX);
	buf_printf(&header, "%s ", key);
	hash_base64(text, len, &header);
	snprintf(out, size, "%s", buf_text(&header));
	buf_release(&header);
}

static void values_are_bounded(void **state)
{
	static const struct {
		const char *key;
		size_t max;
	} fields[] = {{"filepath", TEXT_FILEPATH_MAX}, {"filename", TEXT_FILEPATH_MAX}, {"label", TEXT_LABEL_MAX}};
	static char header[4 * TEXT_FILEPATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		long_value(fields[i].key, fields[i].max, header, sizeof(header));
		parsed(header);
		long_value(fields[i].key, fields[i].max + 1, header, sizeof(header));
		refused(header, "longer than");
	}
	long_value("label", TEXT_LABEL_MAX, header, sizeof(header));
	assert_int_equal(strlen(parsed(header).label), TEXT_LABEL_MAX);
}

static void a_checksum_is_taken(void **state)
{
	unsigned char digest[HASH_SHA256_SIZE];
	struct tus_checksum checksum;
	struct err err;

	(void)state;
	hash_sha256("abc", 3, digest);
	assert_int_equal(tus_checksum_parse("sha256 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", &checksum, &err), 0);
	assert_string_equal(checksum.algorithm, "sha256");
	assert_int_equal(checksum.length, HASH_SHA256_SIZE);
	assert_memory_equal(checksum.digest, digest, HASH_SHA256_SIZE);
	assert_int_equal(tus_checksum_parse("sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", &checksum, &err), 0);
	assert_string_equal(checksum.algorithm, "sha1");
	assert_int_equal(checksum.length, HASH_SHA1_SIZE);
}

static void what_is_no_checksum_is_refused(void **state)
{
	static const char *const headers[] = {"",
	                                      "sha256",
	                                      "sha256 ",
	                                      "sha256 !!!!",
	                                      "sha256 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", /* of sha1 */
	                                      "sha1 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
	                                      "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0",
	                                      "sha1  qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
	                                      "SHA1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
	                                      "md5 kAFQmDzST7DWlj99KOF/cg==",
	                                      "sha25 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="};
	struct tus_checksum checksum;

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		struct err err = {0};

		if (!tus_checksum_parse(headers[i], &checksum, &err))
			fail_msg("taken: %s", headers[i]);
		assert_int_equal(err.code, ERR_BAD_REQUEST);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_metadata),
		cmocka_unit_test(pairs_are_decoded),
		cmocka_unit_test(spaces_around_pairs_and_a_last_comma_are_fine),
		cmocka_unit_test(a_key_may_have_no_value),
		cmocka_unit_test(other_keys_are_passed_over_whatever_their_value),
		cmocka_unit_test(a_file_name_loses_its_path),
		cmocka_unit_test(malformed_pairs_are_refused),
		cmocka_unit_test(values_are_bounded),
		cmocka_unit_test(a_checksum_is_taken),
		cmocka_unit_test(what_is_no_checksum_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
