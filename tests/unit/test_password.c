/* The forms in which nginx keeps passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/password.h"

/* Made by Python's hashlib. */
#define PASSWORD "pässword"
#define PASSWORD_SSHA "{SSHA}xvTit9Ob01Rh4rNS3TjIPoPDjv0wMTIzNDU2Nzg5YWJjZGVm"

static void generated_keys_differ(void **state)
{
	(void)state;
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char keys[200][PASSWORD_KEY_MAX];
	for (size_t i = 0; i < 200; i++) {
		password_generate(keys[i]);
		assert_int_equal(strlen(keys[i]), 22);
		assert_int_equal(strspn(keys[i], letters), 22);
		assert_true(keys[i][0] != '-');
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(keys[i], keys[j]);
	}
}

static void ssha_keeps_the_salt_of_the_same_password_only(void **state)
{
	(void)state;
	char hash[PASSWORD_HASH_MAX], again[PASSWORD_HASH_MAX];
	password_ssha(PASSWORD, PASSWORD_SSHA, hash);
	assert_string_equal(hash, PASSWORD_SSHA);
	password_ssha("another", PASSWORD_SSHA, hash);
	assert_string_not_equal(hash, PASSWORD_SSHA);
	password_ssha("another", hash, again);
	assert_string_equal(hash, again);
	password_ssha("another", NULL, again);
	assert_string_not_equal(hash, again);
	password_ssha("another", "{SSHA}broken", again);
	assert_int_equal(password_check_hash(again, NULL), 0);
	password_ssha("", NULL, again);
	assert_int_equal(password_check_hash(again, NULL), 0);
}

static void crypt_makes_sha512crypt(void **state)
{
	(void)state;
	char one[PASSWORD_HASH_MAX], other[PASSWORD_HASH_MAX];
	assert_int_equal(password_crypt(PASSWORD, one, NULL), 0);
	assert_int_equal(password_crypt(PASSWORD, other, NULL), 0);
	assert_int_equal(strncmp(one, "$6$", 3), 0);
	assert_string_not_equal(one, other);
	assert_int_equal(password_check_hash(one, NULL), 0);
	assert_false(password_is_fast(one));
	assert_true(password_is_fast(PASSWORD_SSHA));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generated_keys_differ),
		cmocka_unit_test(ssha_keeps_the_salt_of_the_same_password_only),
		cmocka_unit_test(crypt_makes_sha512crypt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
