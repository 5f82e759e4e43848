/* Users' files, and what is compiled from them for nginx and the programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "users.h"

/* Made elsewhere: Python's hashlib and `openssl passwd`. */
#define PASSWORD "pässword"
#define PASSWORD_SSHA "{SSHA}xvTit9Ob01Rh4rNS3TjIPoPDjv0wMTIzNDU2Nzg5YWJjZGVm"
#define X_SHA "{SHA}EfatjsUqKYSrqv18O1FlA3hcIHI="
#define X_APR1 "$apr1$abcdefgh$82JubPF2dQkt1tVfvLnXS."

static void a_file_of_the_older_system_works(void **state)
{
	(void)state;
	temp_text("whatever.json",
	          "{\n    \"user\": \"maría josé\",\n    \"password\": \"" PASSWORD "\"\n}\n");
	assert_int_equal(compile_users(), 1);
	assert_string_equal(buf_text(&warnings), "");
	assert_true(accepts("maría josé", PASSWORD));
	assert_false(accepts("maría josé", "password"));
	assert_int_equal(role_of("maría josé", NULL), ROLE_ANNOTATOR);
	assert_int_equal(role_of("maría josé", "any"), ROLE_ANNOTATOR);
	assert_true(is_human("maría josé"));
}

static void compiling_again_changes_nothing(void **state)
{
	(void)state;
	temp_text("a.json", "{\"user\":\"ann\",\"password\":\"one\"}");
	temp_text("b.json", "{\"user\":\"bob\",\"password\":\"two\"}");
	compile_users();
	struct stat before, after;
	assert_int_equal(stat(temp(".htpasswd"), &before), 0);
	assert_int_equal(before.st_mode & 0777, 0600);
	char *first = temp_read(".htpasswd");
	assert_int_equal(stat(temp(".grants"), &after), 0);
	assert_int_equal(after.st_mode & 0777, 0600);

	compile_users();
	char *second = temp_read(".htpasswd");
	assert_string_equal(first, second);
	assert_int_equal(stat(temp(".htpasswd"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);

	temp_text("b.json", "{\"user\":\"bob\",\"password\":\"three\"}");
	char *ann = hash_of("ann");
	compile_users();
	char *ann_after = hash_of("ann");
	assert_string_equal(ann, ann_after);
	assert_true(accepts("bob", "three"));
	assert_false(accepts("bob", "two"));
	free(first);
	free(second);
	free(ann);
	free(ann_after);
}

static void each_user_has_a_salt_of_his_own(void **state)
{
	(void)state;
	temp_text("a.json", "{\"user\":\"ann\",\"password\":\"same\"}");
	temp_text("b.json", "{\"user\":\"bob\",\"password\":\"same\"}");
	compile_users();
	char *ann = hash_of("ann"), *bob = hash_of("bob");
	assert_string_not_equal(ann, bob);
	free(ann);
	free(bob);
}

static void takes_any_hash_that_nginx_takes(void **state)
{
	(void)state;
	static const char *const good[] = {
		PASSWORD_SSHA,
		X_SHA,
		X_APR1,
		"$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aC",
		"$5$salt$Gcm6FsVtF/Qa77ZKD.iwsJlCVPY0XSMgLJL0Hnww/c1",
		"$2y$05$abcdefghijklmnopqrstuuVy.BnHk/RkLNdGnQ2lGjuVvYe2zvFEC",
		"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
		"rl.3StKT.4T8M",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char text[1024];
		snprintf(text, sizeof(text), "{\"user\":\"bob\",\"password_hash\":\"%s\"}", good[i]);
		temp_text("bob.json", text);
		assert_int_equal(compile_users(), 1);
		char *hash = hash_of("bob");
		assert_string_equal(hash, good[i]);
		free(hash);
		assert_int_equal(is_human("bob"), i > 0);
	}
	assert_int_equal(compile_users(), 1);
	static const char *const bad[] = {
		"", "plain", "{PLAIN}secret", "{SSHA}", "{SSHA}AAAA", "{SSHA}####", "{SHA}AAAA",
		"$6$a:b$c", "$6$a\\nroot:x", "$99$abc$def", "*",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[1024];
		snprintf(text, sizeof(text), "{\"user\":\"bob\",\"password_hash\":\"%s\"}", bad[i]);
		temp_text("bob.json", text);
		assert_int_equal(compile_users(), 0);
		assert_warned("bob.json: the key \"password_hash\"");
		assert_false(is_human("bob"));
	}
}

static void a_broken_file_is_named_and_the_others_hold(void **state)
{
	(void)state;
	static const struct {
		const char *text, *warning;
	} broken[] = {
		{"", "x.json"},
		{"{\"user\": \"eve\",\n\"password\": }", "line 2"},
		{"[]", "x.json"},
		{"{\"password\":\"p\"}", "\"user\""},
		{"{\"user\":\"eve\"}", "neither \"password\" nor \"password_hash\""},
		{"{\"user\":\"\",\"password\":\"p\"}", "empty"},
		{"{\"user\":\"e:ve\",\"password\":\"p\"}", "':'"},
		{"{\"user\":\"e\\nve\",\"password\":\"p\"}", "control character"},
		{"{\"user\":\"#eve\",\"password\":\"p\"}", "'#'"},
		{"{\"user\":7,\"password\":\"p\"}", "\"user\""},
		{"{\"user\":\"eve\",\"password\":7}", "\"password\""},
		{"{\"user\":\"eve\",\"password\":\"p\",\"role\":\"boss\"}", "\"boss\" is no role"},
		{"{\"user\":\"eve\",\"password\":\"p\",\"datasets\":\"cats\"}", "\"datasets\""},
		{"{\"user\":\"eve\",\"password\":\"p\",\"datasets\":[1]}", "\"datasets\""},
		{"{\"user\":\"eve\",\"password\":\"p\",\"datasets\":{\"cats\":\"boss\"}}", "\"boss\""},
		{"{\"user\":\"eve\",\"password\":\"p\",\"expires\":\"tomorrow\"}", "\"expires\""},
	};
	temp_text("a.json", "{\"user\":\"ann\",\"password\":\"p\"}");
	temp_text("z.json", "{\"user\":\"zoe\",\"password\":\"p\"}");
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		temp_text("x.json", broken[i].text);
		assert_int_equal(compile_users(), 2);
		assert_warned(broken[i].warning);
		assert_warned("x.json");
		assert_true(accepts("ann", "p") && accepts("zoe", "p"));
		assert_false(accepts("eve", "p"));
	}
}

static void looks_only_at_json_files(void **state)
{
	(void)state;
	temp_text("ann.json", "{\"user\":\"ann\",\"password\":\"p\"}");
	temp_text("notes.txt", "hello");
	temp_text("bob.json~", "{\"user\":\"bob\",\"password\":\"p\"}");
	temp_text(".hidden.json", "{\"user\":\"hid\",\"password\":\"p\"}");
	temp_text(".json", "{\"user\":\"dot\",\"password\":\"p\"}");
	assert_int_equal(compile_users(), 1);
	assert_string_equal(buf_text(&warnings), "");
	assert_int_equal(mkdir(temp("folder.json"), 0755), 0);
	assert_int_equal(mkfifo(temp("fifo.json"), 0644), 0);
	assert_int_equal(compile_users(), 1);
	assert_warned("folder.json");
	assert_warned("fifo.json");
}

static void the_first_file_of_a_user_holds(void **state)
{
	(void)state;
	temp_text("2.json", "{\"user\":\"bob\",\"password\":\"second\"}");
	temp_text("1.json", "{\"user\":\"bob\",\"password\":\"first\"}");
	temp_text("B.json", "{\"user\":\"bob\",\"password\":\"third\"}");
	assert_int_equal(compile_users(), 1);
	assert_true(accepts("bob", "first"));
	assert_warned("2.json: user \"bob\" is also in 1.json");
	assert_warned("B.json: user \"bob\" is also in 1.json");

	/* And all go at once: else the second password would come to life. */
	assert_int_equal(users_remove(&place, "bob", false, NULL), 0);
	assert_int_equal(compile_users(), 0);
	assert_null(temp_read("2.json"));
}

static void the_hash_holds_where_both_are_given(void **state)
{
	(void)state;
	temp_text("bob.json",
	          "{\"user\":\"bob\",\"password\":\"other\",\"password_hash\":\"" PASSWORD_SSHA "\"}");
	assert_int_equal(compile_users(), 1);
	assert_warned("both");
	assert_true(accepts("bob", PASSWORD));
	assert_false(accepts("bob", "other"));
}

static void expired_users_are_left_out(void **state)
{
	(void)state;
	temp_text("a.json",
	          "{\"user\":\"old\",\"password\":\"p\",\"expires\":\"2001-01-01T00:00:00+02:00\"}");
	temp_text("b.json", "{\"user\":\"new\",\"password_hash\":\"" X_APR1 "\",\"expires\":\"2999-01-01T00:00:00Z\"}");
	assert_int_equal(compile_users(), 1);
	assert_false(accepts("old", "p"));
	assert_true(accepts("new", "x"));
	char *grants = temp_read(".grants"), *htpasswd = temp_read(".htpasswd");
	assert_non_null(strstr(grants, "old")); /* to be listed, and no more */
	assert_null(strstr(grants, "{SSHA}"));
	assert_null(strstr(htpasswd, "old"));
	assert_non_null(strstr(grants, "2999-01-01T00:00:00"));
	free(grants);
	free(htpasswd);
}

static void no_plain_password_is_in_the_grants(void **state)
{
	(void)state;
	temp_text("a.json", "{\"user\":\"ann\",\"password\":\"hidden-plain\"}");
	temp_text("b.json", "{\"user\":\"bob\",\"password_hash\":\"" PASSWORD_SSHA "\"}");
	compile_users();
	char *grants = temp_read(".grants");
	assert_null(strstr(grants, "hidden"));
	free(grants);
}

static void a_missing_folder_is_an_error(void **state)
{
	(void)state;
	struct err err;
	assert_true(users_compile(&(struct user_place){.dir = temp("absent")}, NULL, NULL, &err));
	assert_non_null(strstr(err.text, "/absent"));
}

/* What a person chose is told by where it comes from: a hash made elsewhere, a plain password that is no key of ours. */
static void a_key_of_ours_is_known_however_it_is_written(void **state)
{
	(void)state;
	char key[USERS_KEY_MAX], text[256];
	struct err err;
	assert_int_equal(users_add(&place, "made", ROLE_VIEWER, NULL, 0, NULL, 0, key, &err), 0);
	snprintf(text, sizeof(text), "{\"user\":\"copied\",\"password\":\"%s\"}", key);
	temp_text("copied.json", text);
	temp_text("pin.json", "{\"user\":\"pin\",\"password\":\"1234\"}");
	temp_text("long.json", "{\"user\":\"long\",\"password\":\"correcthorsebatterysta\"}");
	temp_text("slappasswd.json", "{\"user\":\"slappasswd\",\"password_hash\":\"{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9gxMjM0\"}");
	assert_int_equal(compile_users(), 5);
	assert_false(is_human("made") || is_human("copied"));
	assert_true(is_human("pin") && is_human("long") && is_human("slappasswd"));
}

static void an_empty_password_lets_nobody_in(void **state)
{
	(void)state;
	char hash[PASSWORD_HASH_MAX], text[1024];
	password_ssha("", NULL, hash);
	snprintf(text, sizeof(text), "{\"user\":\"hashed\",\"password_hash\":\"%s\"}", hash);
	temp_text("hashed.json", text);
	temp_text("plain.json", "{\"user\":\"plain\",\"password\":\"\"}");
	assert_int_equal(compile_users(), 0);
	assert_warned("hashed.json: the password is empty");
	assert_warned("plain.json: the password is empty");
	assert_false(accepts("plain", "") || accepts("hashed", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMPDIR_TEST(a_file_of_the_older_system_works),
		TEMPDIR_TEST(compiling_again_changes_nothing),
		TEMPDIR_TEST(each_user_has_a_salt_of_his_own),
		TEMPDIR_TEST(takes_any_hash_that_nginx_takes),
		TEMPDIR_TEST(a_broken_file_is_named_and_the_others_hold),
		TEMPDIR_TEST(looks_only_at_json_files),
		TEMPDIR_TEST(the_first_file_of_a_user_holds),
		TEMPDIR_TEST(the_hash_holds_where_both_are_given),
		TEMPDIR_TEST(expired_users_are_left_out),
		TEMPDIR_TEST(no_plain_password_is_in_the_grants),
		TEMPDIR_TEST(a_missing_folder_is_an_error),
		TEMPDIR_TEST(a_key_of_ours_is_known_however_it_is_written),
		TEMPDIR_TEST(an_empty_password_lets_nobody_in),
	};
	return cmocka_run_group_tests(tests, users_set_up, users_tear_down);
}
