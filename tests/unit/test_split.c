/* Splits: which part an image is in, and what a split may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataset/split.h"

static struct err failure;

static struct split split_made(const char *text, const char *seed)
{
	struct split split;

	if (split_parse(text, seed, &split, &failure))
		fail_msg("%s", failure.text);
	return split;
}

/* SHA-256 of the number as text. */
static void sha256_of(int number, char out[HASH_SHA256_HEX])
{
	unsigned char digest[HASH_SHA256_SIZE];
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	hash_sha256(text, strlen(text), digest);
	hash_hex(digest, sizeof(digest), out);
}

/* printf %s SHA256 | openssl dgst -sha256 -hmac seed: 3cb22fc25ef3bdfc…, which is 0.237 of 2^64 */
static void a_part_is_a_fraction_of_the_hmac_of_the_hex_digest(void **state)
{
	static const char sha256[] = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
	static const struct {
		const char *split, *part;
	} expected[] = {{"23,77", "val"}, {"24,76", "train"}, {"0,23,77", "test"}, {"0,24,76", "val"}, {"0,100", "val"}};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		struct split split = split_made(expected[i].split, "seed");

		assert_string_equal(split_of(&split, sha256), expected[i].part);
		assert_string_equal(split_of(&split, sha256), expected[i].part); /* nothing is left of the first one */
		split_release(&split);
	}
}

static void parts_are_as_large_as_they_should_be(void **state)
{
	struct split split = split_made("80,10,10", "7");
	int count[SPLIT_PARTS] = {0};

	(void)state;
	for (int i = 0; i < 10000; i++) {
		char sha256[HASH_SHA256_HEX];

		sha256_of(i, sha256);
		for (int part = 0; part < SPLIT_PARTS; part++)
			count[part] += split_of(&split, sha256) == split_names[part];
	}
	split_release(&split);
	assert_in_range(count[0], 7850, 8150);
	assert_in_range(count[1], 900, 1100);
	assert_int_equal(count[0] + count[1] + count[2], 10000);
}

static void another_seed_is_another_split(void **state)
{
	struct split one = split_made("50,50", "1"), other = split_made("50,50", "2");
	int moved = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char sha256[HASH_SHA256_HEX];

		sha256_of(i, sha256);
		moved += split_of(&one, sha256) != split_of(&other, sha256);
	}
	split_release(&one);
	split_release(&other);
	assert_in_range(moved, 400, 600);
}

static void what_is_no_split_is_refused(void **state)
{
	static const char *const texts[] = {"", ",", "100", "80,10", "80,10,11", "80,10,10,0", "80,-1,21", "80;20", "1e1,90",
	                                    "80,20 ", " 80,20", "1000,0"};
	struct split split;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (!split_parse(texts[i], "", &split, &failure))
			fail_msg("%s was taken", texts[i]);
		assert_int_equal(failure.code, ERR_BAD_REQUEST);
		split_release(&split);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_is_a_fraction_of_the_hmac_of_the_hex_digest),
		cmocka_unit_test(parts_are_as_large_as_they_should_be),
		cmocka_unit_test(another_seed_is_another_split),
		cmocka_unit_test(what_is_no_split_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
