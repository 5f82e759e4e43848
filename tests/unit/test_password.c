/* The forms in which passwords are kept. */
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

static void a_chosen_password_is_told_from_a_key_by_its_hash(void **state)
{
	(void)state;
	char hash[PASSWORD_HASH_MAX];
	password_ssha_of_chosen(PASSWORD, hash);
	assert_true(password_matches(hash, PASSWORD));
	assert_false(password_matches(hash, "another"));
	assert_true(password_is_fast(hash));
	assert_false(password_is_ssha_of_ours(hash));
	assert_int_equal(password_check_hash(hash, NULL), 0);
	password_ssha(PASSWORD, NULL, hash);
	assert_true(password_is_ssha_of_ours(hash));
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

/* Made by `openssl passwd` and Python's hashlib and crypt, of "password" but for the first. */
static void every_kind_of_hash_is_checked(void **state)
{
	(void)state;
	static const struct {
		const char *hash, *password;
	} made[] = {
		{PASSWORD_SSHA, PASSWORD},
		{"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "password"},
		{"$apr1$abcdefgh$FBwExRW4dCc8aL.OvjpIE1", "password"},
		{"$apr1$ab$uDhvlaAWXtt1Adg/wca5x0", "a password of more than sixteen bytes"},
		{"$5$salt$Gcm6FsVtF/Qa77ZKD.iwsJlCVPY0XSMgLJL0Hnww/c1", "password"},
		{"$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.", "password"},
	};
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		if (!password_matches(made[i].hash, made[i].password))
			fail_msg("%s is not taken for the hash of \"%s\"", made[i].hash, made[i].password);
		assert_false(password_matches(made[i].hash, "passwore") || password_matches(made[i].hash, ""));
	}
	assert_false(password_matches("*", "") || password_matches("", "") || password_matches("nonsense", "nonsense"));
}

static void a_key_is_told_from_what_a_person_chose(void **state)
{
	(void)state;
	char key[PASSWORD_KEY_MAX], hash[PASSWORD_HASH_MAX];
	for (size_t i = 0; i < 1000; i++) {
		password_generate(key);
		assert_true(password_is_key(key));
	}
	password_ssha(key, NULL, hash);
	assert_true(password_is_ssha_of_ours(hash));
	static const char *const chosen[] = {"", "1234", "correcthorsebatterysta", "Correct horse batteryA", "CORRECTHORSEBATTERYSTA",
	                                     "CorrectHorseBatterySt", "CorrectHorseBatteryStaA", "CorrectHorseBatteryStB"};
	for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++)
		assert_false(password_is_key(chosen[i]));
	assert_false(password_is_ssha_of_ours("{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9gxMjM0"));
	assert_false(password_is_ssha_of_ours("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generated_keys_differ),
		cmocka_unit_test(a_chosen_password_is_told_from_a_key_by_its_hash),
		cmocka_unit_test(ssha_keeps_the_salt_of_the_same_password_only),
		cmocka_unit_test(crypt_makes_sha512crypt),
		cmocka_unit_test(every_kind_of_hash_is_checked),
		cmocka_unit_test(a_key_is_told_from_what_a_person_chose),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
