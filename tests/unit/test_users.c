/* Users' files, and what is compiled from them for nginx and the programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "auth/password.h"
#include "auth/users.h"
#include "base/text.h"
#include "tempdir.h"

/* Made elsewhere: Python's hashlib and `openssl passwd`. */
#define PASSWORD "pässword"
#define PASSWORD_SSHA "{SSHA}xvTit9Ob01Rh4rNS3TjIPoPDjv0wMTIzNDU2Nzg5YWJjZGVm"
#define X_SHA "{SHA}EfatjsUqKYSrqv18O1FlA3hcIHI="
#define X_APR1 "$apr1$abcdefgh$82JubPF2dQkt1tVfvLnXS."

static struct buf warnings;
static const struct user_place place = {.dir = tempdir};

static size_t compile_users(void)
{
	size_t count = SIZE_MAX;
	struct err err;
	buf_clear(&warnings);
	if (users_compile(&place, &count, &warnings, &err) != 0)
		fail_msg("%s", err.text);
	return count;
}

static void assert_warned(const char *text)
{
	if (!strstr(buf_text(&warnings), text))
		fail_msg("no \"%s\" in: %s", text, buf_text(&warnings));
}

/* What is kept for a user; NULL when he is not there. The caller frees it. */
static char *hash_of(const char *user)
{
	struct auth *auth;
	char hash[AUTH_HASH_MAX];
	assert_int_equal(auth_open_passwords(&auth, tempdir, NULL), 0);
	bool found = auth_hash(auth, user, hash);
	auth_free(auth);
	return found ? strdup(hash) : NULL;
}

static bool accepts(const char *user, const char *password)
{
	char *hash = hash_of(user);
	bool same = hash && password_matches(hash, password);
	free(hash);
	return same;
}

static enum role role_of(const char *user, const char *dataset)
{
	struct auth *auth;
	assert_int_equal(auth_open(&auth, tempdir, NULL), 0);
	enum role role = auth_role(auth, user, dataset);
	auth_free(auth);
	return role;
}

/* Whether the user is there, and not for nginx to let in. */
static bool is_human(const char *user)
{
	char *text = temp_read(".htpasswd"), *hash = hash_of(user);
	size_t len = strlen(user);
	bool in_nginx = false;
	for (char *rest = text, *line; text && (line = strsep(&rest, "\n")) != NULL;)
		in_nginx = in_nginx || (strncmp(line, user, len) == 0 && line[len] == ':');
	bool there = hash != NULL;
	free(text);
	free(hash);
	return there && !in_nginx;
}

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

static int set_up_group(void **state)
{
	(void)state;
	buf_init(&warnings, 1 << 20);
	return 0;
}

static int tear_down_group(void **state)
{
	(void)state;
	buf_release(&warnings);
	return 0;
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
		TEMPDIR_TEST(a_key_of_ours_is_known_however_it_is_written),
		TEMPDIR_TEST(an_empty_password_lets_nobody_in),
	};
	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
