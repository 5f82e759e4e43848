/* Users' files taken into a store that several machines share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/auth.h"
#include "auth/password.h"
#include "auth/tokens.h"
#include "auth/users.h"
#include "base/memory.h"
#include "tempdir.h"

/* A store as another module implements one: texts by name. */
enum { KEPT_MAX = 16 };
static struct kept {
	char *name, *text;
} kept[KEPT_MAX];

static struct kept *kept_of(const char *name)
{
	struct kept *free_one = NULL;

	for (size_t i = 0; i < KEPT_MAX; i++) {
		if (kept[i].name && strcmp(kept[i].name, name) == 0)
			return &kept[i];
		if (!kept[i].name)
			free_one = &kept[i];
	}
	assert_non_null(free_one);
	return free_one;
}

static int kept_list(void *data, user_document_visit *visit, void *visit_data, struct err *err)
{
	(void)data;
	(void)err;
	for (size_t i = 0; i < KEPT_MAX; i++)
		if (kept[i].name)
			visit(visit_data, kept[i].name, kept[i].text);
	return 0;
}

static int kept_remove(void *data, const char *name, struct err *err)
{
	struct kept *one = kept_of(name);

	(void)data;
	(void)err;
	free(one->name);
	free(one->text);
	*one = (struct kept){.name = NULL};
	return 0;
}

static int kept_put(void *data, const char *name, const char *was, const char *text, struct err *err)
{
	struct kept *one = kept_of(name);

	if (!was != !one->name || (was && strcmp(was, one->text) != 0))
		return err_set(err, ERR_CONFLICT, "changed meanwhile");
	kept_remove(data, name, err);
	*one = (struct kept){.name = memory_text(name), .text = memory_text(text)};
	return 0;
}

static const struct user_store store = {.list = kept_list, .put = kept_put, .remove = kept_remove};
static const struct user_place place = {.dir = tempdir, .store = &store};
static struct buf warnings;

static int set_up(void **state)
{
	buf_init(&warnings, 64 * 1024);
	return tempdir_make(state);
}

static int tear_down(void **state)
{
	for (size_t i = 0; i < KEPT_MAX; i++)
		if (kept[i].name)
			kept_remove(NULL, kept[i].name, NULL);
	buf_release(&warnings);
	return tempdir_remove(state);
}

/* As a start does. */
static void take_in(void)
{
	struct err err;

	buf_clear(&warnings);
	if (users_take_in(&place, &warnings, &err) || users_compile(&place, NULL, NULL, &err))
		fail_msg("%s", err.text);
}

static bool accepts(const char *user, const char *password)
{
	struct auth *auth;
	char hash[AUTH_HASH_MAX];

	assert_int_equal(auth_open_passwords(&auth, tempdir, NULL), 0);
	bool found = auth_hash(auth, user, hash) && password_matches(hash, password);
	auth_free(auth);
	return found;
}

static void a_file_of_the_older_system_is_taken_in_without_its_password(void **state)
{
	(void)state;
	temp_text("some.json", "{\"user\":\"ann\",\"password\":\"simple\"}");
	take_in();
	assert_true(accepts("ann", "simple"));
	for (size_t i = 0; i < KEPT_MAX; i++)
		assert_true(!kept[i].text || !strstr(kept[i].text, "simple"));
	char *htpasswd = temp_read(".htpasswd");
	assert_string_equal(htpasswd, ""); /* what a person chose is the gate's to check */
	free(htpasswd);
}

static void a_generated_key_stays_one(void **state)
{
	(void)state;
	temp_text("ann.json", "{\"user\":\"ann\",\"password\":\"GeneratedAsOurKeysAreQ\"}");
	take_in();
	char *htpasswd = temp_read(".htpasswd");
	assert_non_null(strstr(htpasswd, "ann:{SSHA}"));
	free(htpasswd);
}

static void what_the_store_has_changed_since_holds(void **state)
{
	(void)state;
	temp_text("ann.json", "{\"user\":\"ann\",\"password\":\"first\"}");
	take_in();
	assert_int_equal(users_passwd(&place, "ann", "a chosen one", NULL, NULL), 0);
	take_in();
	assert_false(accepts("ann", "first"));
	assert_true(accepts("ann", "a chosen one"));
	assert_string_equal(buf_text(&warnings), "");
}

static void a_file_that_is_changed_is_taken_in_again(void **state)
{
	(void)state;
	temp_text("ann.json", "{\"user\":\"ann\",\"password\":\"first\"}");
	take_in();
	temp_text("ann.json", "{ \"user\": \"ann\",\n\"password\": \"first\" }"); /* which says the same */
	assert_int_equal(users_passwd(&place, "ann", "a chosen one", NULL, NULL), 0);
	take_in();
	assert_true(accepts("ann", "a chosen one"));
	temp_text("ann.json", "{\"user\":\"ann\",\"password\":\"second\"}");
	take_in();
	assert_true(accepts("ann", "second"));
}

static void a_removed_user_stays_removed_until_the_file_changes(void **state)
{
	(void)state;
	temp_text("ann.json", "{\"user\":\"ann\",\"password\":\"first\"}");
	take_in();
	assert_int_equal(users_remove(&place, "ann", false, NULL), 0);
	take_in();
	assert_false(accepts("ann", "first"));
	unlink(temp(".taken")); /* as on a machine that gets copies of the files */
	take_in();
	assert_false(accepts("ann", "first"));
	assert_string_equal(buf_text(&warnings), "");
	temp_text("ann.json", "{\"user\":\"ann\",\"password\":\"second\"}");
	take_in();
	assert_true(accepts("ann", "second"));
}

static void a_removed_user_can_be_added_again(void **state)
{
	char key[USERS_KEY_MAX];

	(void)state;
	assert_int_equal(users_add(&place, "ann", ROLE_VIEWER, NULL, 0, NULL, 0, key, NULL), 0);
	assert_int_equal(users_remove(&place, "ann", false, NULL), 0);
	assert_true(users_remove(&place, "ann", false, NULL));
	assert_int_equal(users_add(&place, "ann", ROLE_VIEWER, NULL, 0, NULL, 0, key, NULL), 0);
	assert_true(accepts("ann", key));
	assert_null(temp_read("ann.json"));
}

static void another_file_of_a_user_whom_the_store_knows_is_warned_of(void **state)
{
	char key[USERS_KEY_MAX];

	(void)state;
	assert_int_equal(users_add(&place, "ann", ROLE_VIEWER, NULL, 0, NULL, 0, key, NULL), 0);
	temp_text("ann.json", "{\"user\":\"ann\",\"password\":\"stale\"}");
	take_in();
	assert_non_null(strstr(buf_text(&warnings), "the store knows user \"ann\""));
	assert_true(accepts("ann", key));
	take_in();
	assert_string_equal(buf_text(&warnings), "");
	temp_text("ann.json", "{\"user\":\"ann\",\"password\":\"fresh\"}");
	take_in();
	assert_true(accepts("ann", "fresh"));
}

static void a_file_may_go_when_it_is_taken_in(void **state)
{
	(void)state;
	temp_text("ann.json", "{\"user\":\"ann\",\"password\":\"first\"}");
	take_in();
	unlink(temp("ann.json"));
	take_in();
	assert_true(accepts("ann", "first"));
}

static void a_broken_file_is_named_and_the_others_are_taken(void **state)
{
	(void)state;
	temp_text("a.json", "{\"user\":\"bob\",");
	temp_text("b.json", "{\"user\":\"ann\",\"password\":\"first\"}");
	temp_text("c.json", "{\"user\":\"no password\"}");
	temp_text("d.json", "{\"user\":\".odd/../name 猫\",\"password\":\"first\"}");
	take_in();
	assert_non_null(strstr(buf_text(&warnings), "a.json"));
	assert_non_null(strstr(buf_text(&warnings), "c.json"));
	assert_true(accepts("ann", "first"));
	assert_true(accepts(".odd/../name 猫", "first"));
}

static void tokens_of_files_move(void **state)
{
	const struct user_place files = {.dir = tempdir};
	const struct token wanted = {.user = (char[]){"ann"}, .name = (char[]){"x"}};
	char key[USERS_KEY_MAX], secret[TOKENS_SECRET_MAX];
	struct token made, removed;

	(void)state;
	assert_int_equal(users_add(&files, "ann", ROLE_VIEWER, NULL, 0, NULL, 0, key, NULL), 0);
	assert_int_equal(tokens_add(&files, &wanted, &made, secret, NULL), 0);
	take_in();
	assert_true(accepts(made.id, secret));
	assert_int_equal(tokens_remove(&place, made.id, "ann", &removed, NULL), 0);
	take_in();
	assert_false(accepts(made.id, secret));
	token_release(&removed);
	token_release(&made);
}

int main(void)
{
#define TAKING_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TAKING_TEST(a_file_of_the_older_system_is_taken_in_without_its_password),
		TAKING_TEST(a_generated_key_stays_one),
		TAKING_TEST(what_the_store_has_changed_since_holds),
		TAKING_TEST(a_file_that_is_changed_is_taken_in_again),
		TAKING_TEST(a_removed_user_stays_removed_until_the_file_changes),
		TAKING_TEST(a_removed_user_can_be_added_again),
		TAKING_TEST(another_file_of_a_user_whom_the_store_knows_is_warned_of),
		TAKING_TEST(a_file_may_go_when_it_is_taken_in),
		TAKING_TEST(a_broken_file_is_named_and_the_others_are_taken),
		TAKING_TEST(tokens_of_files_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
