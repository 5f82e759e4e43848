/* Adding, changing, removing and listing users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "users.h"

/* Made elsewhere: Python's hashlib and `openssl passwd`. */
#define X_APR1 "$apr1$abcdefgh$82JubPF2dQkt1tVfvLnXS."

static void add_gives_a_key_that_works(void **state)
{
	(void)state;
	char key[USERS_KEY_MAX];
	struct err err;
	assert_int_equal(users_add(&place, "bob", ROLE_CONTRIBUTOR, NULL, 0, NULL, 0, key, &err), 0);
	assert_int_equal(strlen(key), 22);
	assert_true(key[0] != '-');
	assert_true(accepts("bob", key));
	assert_false(is_human("bob"));
	assert_int_equal(role_of("bob", "any"), ROLE_CONTRIBUTOR);
	char *file = temp_read("bob.json");
	assert_null(strstr(file, key));
	struct stat st;
	assert_int_equal(stat(temp("bob.json"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(file);

	assert_true(users_add(&place, "bob", ROLE_VIEWER, NULL, 0, NULL, 0, key, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
}

static void add_takes_a_persons_password(void **state)
{
	(void)state;
	char key[USERS_KEY_MAX] = "untouched";
	struct err err;
	assert_int_equal(users_add(&place, "bob", ROLE_VIEWER, NULL, 0, "correct horse", 0, key, &err), 0);
	assert_string_equal(key, "untouched");
	char *hash = hash_of("bob");
	assert_int_equal(strncmp(hash, "$6$", 3), 0);
	free(hash);
	assert_true(accepts("bob", "correct horse"));
	assert_false(accepts("bob", "correct horsf"));
	assert_true(is_human("bob"));

	char longer[USERS_PASSWORD_MAX + 2];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	const char *bad[] = {"", "7 bytes", longer, "new\nline is bad", "\xff\xff\xff\xff\xff\xff\xff\xff"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(users_add(&place, "eve", ROLE_VIEWER, NULL, 0, bad[i], 0, key, &err));
		assert_int_equal(err.code, ERR_BAD_REQUEST);
	}
	assert_false(accepts("eve", ""));
}

static void add_restricts_to_datasets_and_time(void **state)
{
	(void)state;
	char key[USERS_KEY_MAX];
	struct err err;
	struct user_grant grants[] = {{"dogs", ROLE_VIEWER}, {"cats", ROLE_ADMIN}};
	int64_t expires = text_now() + 3600 * INT64_C(1000000);
	assert_int_equal(users_add(&place, "bob", ROLE_ADMIN, grants, 2, NULL, expires, key, &err), 0);
	assert_int_equal(role_of("bob", NULL), ROLE_NONE);
	assert_int_equal(role_of("bob", "dogs"), ROLE_VIEWER);
	assert_int_equal(role_of("bob", "cats"), ROLE_ADMIN);
	assert_int_equal(role_of("bob", "ants"), ROLE_NONE);
	char *file = temp_read("bob.json");
	assert_non_null(strstr(file, "\"expires\""));
	free(file);
	assert_int_equal(users_add(&place, "eve", ROLE_ADMIN, grants, 0, NULL, 0, key, &err), 0);
	assert_int_equal(role_of("eve", "cats"), ROLE_NONE);
	struct user_grant bad = {"a/b", ROLE_VIEWER};
	assert_true(users_add(&place, "ann", ROLE_ADMIN, &bad, 1, NULL, 0, key, &err));
	assert_int_equal(err.code, ERR_BAD_REQUEST);
}

static void add_refuses_names_that_are_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"", ".", "..", "../x", "a/b", "a:b", "a b", "-x", ".x", "ü"};
	char key[USERS_KEY_MAX];
	struct err err;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int result = users_add(&place, bad[i], ROLE_VIEWER, NULL, 0, NULL, 0, key, &err);
		assert_true(result);
		assert_int_equal(err.code, ERR_BAD_REQUEST);
	}
}

static void add_leaves_anothers_file_alone(void **state)
{
	(void)state;
	char key[USERS_KEY_MAX];
	temp_text("bob.json", "{\"user\":\"robert\",\"password\":\"p\"}");
	temp_text("bob-1.json", "broken");
	assert_int_equal(users_add(&place, "bob", ROLE_VIEWER, NULL, 0, NULL, 0, key, NULL), 0);
	assert_true(accepts("bob", key));
	assert_true(accepts("robert", "p"));
	assert_int_equal(access(temp("bob-2.json"), F_OK), 0);
}

static void passwd_replaces_key_and_password(void **state)
{
	(void)state;
	char key[USERS_KEY_MAX], second[USERS_KEY_MAX];
	struct err err;
	temp_text("a.json", "{\"user\":\"ann\",\"password\":\"plain\",\"role\":\"admin\",\"note\":\"kept\"}");
	compile_users();
	assert_int_equal(users_passwd(&place, "ann", NULL, key, &err), 0);
	assert_true(accepts("ann", key));
	assert_false(accepts("ann", "plain"));
	assert_int_equal(role_of("ann", "cats"), ROLE_ADMIN);
	char *file = temp_read("a.json");
	assert_non_null(strstr(file, "\"note\":\"kept\""));
	assert_null(strstr(file, "plain"));
	free(file);

	assert_int_equal(users_passwd(&place, "ann", "my own password", second, &err), 0);
	assert_true(accepts("ann", "my own password"));
	assert_true(is_human("ann"));
	assert_int_equal(users_passwd(&place, "ann", NULL, second, &err), 0);
	assert_string_not_equal(key, second);
	assert_false(is_human("ann"));
	assert_true(users_passwd(&place, "ann", "short", second, &err));
	assert_true(users_passwd(&place, "who", NULL, second, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void remove_shuts_a_user_out(void **state)
{
	(void)state;
	struct err err;
	temp_text("a.json", "{\"user\":\"ann\",\"password_hash\":\"" X_APR1 "\"}");
	temp_text("b.json", "{\"user\":\"bob\",\"password\":\"p\"}");
	compile_users();
	assert_true(is_human("ann"));
	assert_int_equal(users_remove(&place, "ann", false, &err), 0);
	assert_null(hash_of("ann"));
	assert_int_equal(role_of("ann", "cats"), ROLE_NONE);
	assert_false(is_human("ann"));
	assert_true(accepts("bob", "p"));
	assert_true(users_remove(&place, "ann", false, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(users_remove(&place, "../b", false, &err));
}

static void grant_sets_and_takes_roles(void **state)
{
	(void)state;
	struct err err;
	temp_text("a.json", "{\"user\":\"ann\",\"password\":\"p\"}");
	assert_int_equal(users_grant(&place, "ann", "cats", ROLE_ADMIN, &err), 0);
	assert_int_equal(role_of("ann", NULL), ROLE_ANNOTATOR); /* keeps what he had */
	assert_int_equal(role_of("ann", "cats"), ROLE_ADMIN);
	assert_int_equal(users_grant(&place, "ann", "dogs", ROLE_NONE, &err), 0);
	assert_int_equal(role_of("ann", "dogs"), ROLE_NONE);
	assert_int_equal(role_of("ann", "ants"), ROLE_ANNOTATOR);
	assert_int_equal(users_grant(&place, "ann", NULL, ROLE_NONE, &err), 0);
	assert_int_equal(role_of("ann", "ants"), ROLE_NONE);
	assert_int_equal(role_of("ann", "cats"), ROLE_ADMIN);
	assert_int_equal(users_grant(&place, "ann", "cats", ROLE_NONE, &err), 0);
	assert_int_equal(role_of("ann", "cats"), ROLE_NONE);
	assert_int_equal(users_grant(&place, "ann", NULL, ROLE_VIEWER, &err), 0);
	assert_int_equal(role_of("ann", NULL), ROLE_VIEWER);
	assert_int_equal(role_of("ann", "dogs"), ROLE_VIEWER);
	assert_true(accepts("ann", "p"));
	assert_true(users_grant(&place, "who", NULL, ROLE_VIEWER, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(users_grant(&place, "ann", "../x", ROLE_VIEWER, &err));
	assert_int_equal(err.code, ERR_BAD_REQUEST);
}

static void a_list_of_datasets_can_be_granted_more(void **state)
{
	(void)state;
	temp_text("a.json", "{\"user\":\"ann\",\"password\":\"p\",\"role\":\"viewer\","
	                    "\"datasets\":[\"cats\"]}");
	assert_int_equal(users_grant(&place, "ann", "dogs", ROLE_CONTRIBUTOR, NULL), 0);
	assert_int_equal(role_of("ann", NULL), ROLE_NONE);
	assert_int_equal(role_of("ann", "cats"), ROLE_VIEWER);
	assert_int_equal(role_of("ann", "dogs"), ROLE_CONTRIBUTOR);
}

static void lists_users_without_secrets(void **state)
{
	(void)state;
	temp_text("a.json", "{\"user\":\"ann\",\"password\":\"hidden-plain\"}");
	temp_text("b.json", "{\"user\":\"bob\",\"password_hash\":\"" X_APR1 "\","
	                    "\"datasets\":{\"cats\":\"admin\"},\"expires\":\"2001-01-01T00:00:00Z\"}");
	struct buf text;
	buf_init(&text, 1 << 20);
	assert_int_equal(users_list(&place, false, &text, NULL), 0);
	assert_non_null(strstr(buf_text(&text), "ann"));
	assert_non_null(strstr(buf_text(&text), "cats:admin (expired)\n"));
	assert_null(strstr(buf_text(&text), "hidden"));
	assert_null(strstr(buf_text(&text), "apr1"));
	buf_clear(&text);
	assert_int_equal(users_list(&place, true, &text, NULL), 0);
	assert_string_equal(buf_text(&text),
	                    "[{\"user\":\"ann\",\"role\":\"annotator\",\"datasets\":{},"
	                    "\"password\":\"plain\",\"expires\":null},"
	                    "{\"user\":\"bob\",\"role\":\"none\",\"datasets\":{\"cats\":\"admin\"},"
	                    "\"password\":\"own\",\"expires\":\"2001-01-01T00:00:00.000Z\"}]\n");
	buf_release(&text);
}

static void *add_many(void *data)
{
	const char *prefix = data;
	for (int i = 0; i < 20; i++) {
		char name[20], key[USERS_KEY_MAX];
		snprintf(name, sizeof(name), "%s%d", prefix, i);
		if (users_add(&place, name, ROLE_VIEWER, NULL, 0, NULL, 0, key, NULL) != 0)
			return data;
	}
	return NULL;
}

static void many_may_add_at_once(void **state)
{
	(void)state;
	pthread_t threads[3];
	char *prefixes[] = {"a", "b", "c"};
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, prefixes[i]), 0);
	for (size_t i = 0; i < 3; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	char *text = temp_read(".htpasswd");
	size_t lines = 0;
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 60);
	free(text);
	assert_int_equal(compile_users(), 60);
	assert_int_equal(access(temp(".tmp"), F_OK), -1);
}

static void a_name_is_no_path(void **state)
{
	(void)state;
	temp_text("a.json", "{\"user\":\"../evil\",\"password_hash\":\"" X_APR1 "\"}");
	temp_text("b.json", "{\"user\":\"..\",\"password\":\"1234\"}");
	temp_text("c.json", "{\"user\":\"c d/e\",\"password_hash\":\"" X_APR1 "\"}");
	assert_int_equal(compile_users(), 3);
	assert_int_equal(access(temp("evil"), F_OK), -1);
	assert_true(is_human("../evil") && is_human("..") && is_human("c d/e"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMPDIR_TEST(add_gives_a_key_that_works),
		TEMPDIR_TEST(add_takes_a_persons_password),
		TEMPDIR_TEST(add_restricts_to_datasets_and_time),
		TEMPDIR_TEST(add_refuses_names_that_are_none),
		TEMPDIR_TEST(add_leaves_anothers_file_alone),
		TEMPDIR_TEST(passwd_replaces_key_and_password),
		TEMPDIR_TEST(remove_shuts_a_user_out),
		TEMPDIR_TEST(grant_sets_and_takes_roles),
		TEMPDIR_TEST(a_list_of_datasets_can_be_granted_more),
		TEMPDIR_TEST(lists_users_without_secrets),
		TEMPDIR_TEST(many_may_add_at_once),
		TEMPDIR_TEST(a_name_is_no_path),
	};
	return cmocka_run_group_tests(tests, users_set_up, users_tear_down);
}
