/* Tokens: made, removed, and what they let in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/auth.h"
#include "auth/password.h"
#include "auth/tokens.h"
#include "auth/users.h"
#include "base/file.h"
#include "base/text.h"
#include "tempdir.h"

static const struct user_place place = {.dir = tempdir};

enum { SECOND = 1000000 };

static void add_user(const char *name, enum role role)
{
	char key[USERS_KEY_MAX];
	struct err err;

	if (users_add(&place, name, role, NULL, 0, NULL, 0, key, &err) != 0)
		fail_msg("%s", err.text);
}

/* Makes one; `made` is to be released. */
static void make_token(struct token wanted, struct token *made, char secret[TOKENS_SECRET_MAX])
{
	struct err err;

	if (tokens_add(&place, &wanted, made, secret, &err) != 0)
		fail_msg("%s", err.text);
}

static void assert_refused(struct token wanted, enum err_code code, const char *why)
{
	struct token made;
	char secret[TOKENS_SECRET_MAX];
	struct err err;

	assert_true(tokens_add(&place, &wanted, &made, secret, &err));
	assert_int_equal(err.code, code);
	if (!strstr(err.text, why))
		fail_msg("no \"%s\" in: %s", why, err.text);
}

static enum role role_of(const char *login, const char *dataset)
{
	struct auth *auth;

	assert_int_equal(auth_open(&auth, tempdir, NULL), 0);
	enum role role = auth_role(auth, login, dataset);
	auth_free(auth);
	return role;
}

/* Whether nginx lets in by this line alone. */
static bool is_let_in(const char *login, const char *secret)
{
	struct buf text;
	char line[USERFILE_NAME_MAX + 2];

	buf_init(&text, 1024 * 1024);
	assert_int_equal(file_read(temp(".htpasswd"), text.max, &text, NULL), 0);
	snprintf(line, sizeof(line), "%s:", login);
	char *at = strstr(buf_text(&text), line);
	if (at) {
		at += strlen(line);
		at[strcspn(at, "\n")] = '\0';
	}
	bool same = at && password_matches(at, secret);
	buf_release(&text);
	return same;
}

static void a_token_acts_as_its_maker(void **state)
{
	struct token made;
	char secret[TOKENS_SECRET_MAX], user[USERFILE_NAME_MAX + 1];
	bool read_only = true;
	struct auth *auth;

	(void)state;
	add_user("ann", ROLE_CONTRIBUTOR);
	make_token((struct token){.user = "ann", .name = "nightly"}, &made, secret);
	assert_true(is_let_in(made.id, secret));
	assert_false(is_let_in(made.id, "guess"));
	assert_int_equal(role_of(made.id, "cats"), ROLE_CONTRIBUTOR);
	assert_int_equal(role_of(made.id, NULL), ROLE_CONTRIBUTOR);
	assert_int_equal(auth_open(&auth, tempdir, NULL), 0);
	assert_true(auth_token(auth, made.id, user, &read_only));
	assert_string_equal(user, "ann");
	assert_false(read_only);
	assert_false(auth_token(auth, "ann", user, &read_only));
	assert_false(auth_token(auth, "token.none", user, &read_only));
	auth_free(auth);
	token_release(&made);
}

static void it_may_never_do_more_than_its_maker_may_by_then(void **state)
{
	struct token made;
	char secret[TOKENS_SECRET_MAX];

	(void)state;
	add_user("ann", ROLE_ADMIN);
	make_token((struct token){.user = "ann", .name = "all"}, &made, secret);
	assert_int_equal(role_of(made.id, NULL), ROLE_ADMIN);
	assert_int_equal(users_grant(&place, "ann", NULL, ROLE_VIEWER, NULL), 0);
	assert_int_equal(role_of(made.id, "cats"), ROLE_VIEWER);
	assert_int_equal(users_grant(&place, "ann", NULL, ROLE_NONE, NULL), 0);
	assert_int_equal(users_grant(&place, "ann", "dogs", ROLE_VIEWER, NULL), 0);
	assert_int_equal(role_of(made.id, "cats"), ROLE_NONE);
	assert_int_equal(role_of(made.id, "dogs"), ROLE_VIEWER);
	token_release(&made);
}

struct grants {
	char text[256];
};

static void note_grant(void *data, const char *dataset, enum role role)
{
	struct grants *grants = data;
	size_t len = strlen(grants->text);

	snprintf(grants->text + len, sizeof(grants->text) - len, "%s:%s ", dataset, role_name(role));
}

static void one_of_some_datasets_is_of_no_others(void **state)
{
	struct token made;
	char secret[TOKENS_SECRET_MAX], *datasets[] = {"cats", "dogs"};
	struct grants grants = {""};
	struct auth *auth;
	bool all = true;

	(void)state;
	add_user("ann", ROLE_ADMIN);
	make_token((struct token){.user = "ann", .name = "two", .is_limited = true, .datasets = datasets, .dataset_count = 2},
	           &made, secret);
	assert_int_equal(role_of(made.id, "cats"), ROLE_ADMIN);
	assert_int_equal(role_of(made.id, "owls"), ROLE_NONE);
	assert_int_equal(role_of(made.id, NULL), ROLE_NONE);
	assert_int_equal(auth_open(&auth, tempdir, NULL), 0);
	auth_grants(auth, made.id, &all, note_grant, &grants);
	auth_free(auth);
	assert_false(all);
	assert_string_equal(grants.text, "cats:admin dogs:admin ");
	token_release(&made);
}

static void it_ends_with_its_maker(void **state)
{
	struct token made;
	char secret[TOKENS_SECRET_MAX];

	(void)state;
	add_user("ann", ROLE_ADMIN);
	make_token((struct token){.user = "ann", .name = "all"}, &made, secret);
	assert_int_equal(users_remove(&place, "ann", false, NULL), 0);
	assert_false(is_let_in(made.id, secret));
	assert_int_equal(role_of(made.id, "cats"), ROLE_NONE);
	add_user("ann", ROLE_ADMIN); /* another one, perhaps */
	assert_false(is_let_in(made.id, secret));
	assert_int_equal(role_of(made.id, "cats"), ROLE_NONE);
	token_release(&made);
}

static void a_removed_one_lets_nobody_in(void **state)
{
	struct token made, removed;
	char secret[TOKENS_SECRET_MAX];
	struct err err;

	(void)state;
	add_user("ann", ROLE_ADMIN);
	add_user("bob", ROLE_ADMIN);
	make_token((struct token){.user = "ann", .name = "all"}, &made, secret);
	assert_true(tokens_remove(&place, made.id, "bob", &removed, &err)); /* whose it is not */
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(is_let_in(made.id, secret));
	assert_int_equal(tokens_remove(&place, made.id, "ann", &removed, &err), 0);
	assert_string_equal(removed.name, "all");
	token_release(&removed);
	assert_false(is_let_in(made.id, secret));
	assert_true(tokens_remove(&place, made.id, NULL, &removed, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(tokens_remove(&place, "../ann.json", NULL, &removed, &err));
	assert_true(tokens_remove(&place, "", NULL, &removed, &err));
	token_release(&made);
}

static void one_that_has_expired_lets_nobody_in(void **state)
{
	char text[1024], time[TEXT_TIME_MAX];
	char hash[PASSWORD_HASH_MAX];
	struct auth *auth;

	(void)state;
	add_user("ann", ROLE_ADMIN);
	password_ssha("secret", NULL, hash);
	int64_t then = (text_now() / 1000 - 1000) * 1000; /* as exact as a time is written */
	snprintf(text, sizeof(text),
	         "{\"token\":\"token.x\",\"user\":\"ann\",\"name\":\"old\",\"scope\":\"read\",\"password_hash\":\"%s\","
	         "\"expires\":\"%s\"}",
	         hash, text_time(then, time));
	temp_text("token.x.token", text);
	assert_int_equal(users_compile(&place, NULL, NULL, NULL), 0);
	assert_false(is_let_in("token.x", "secret"));
	assert_int_equal(role_of("token.x", "cats"), ROLE_NONE);
	assert_int_equal(auth_open(&auth, tempdir, NULL), 0);
	assert_int_equal(auth_next_expiry(auth, text_now()), 0);
	assert_int_equal(auth_next_expiry(auth, then - SECOND), then);
	auth_free(auth);
}

/* The programs go by the id's beginning. */
static void a_document_without_a_tokens_id_lets_nobody_in(void **state)
{
	char text[1024], hash[PASSWORD_HASH_MAX], user[USERFILE_NAME_MAX + 1];
	struct auth *auth;
	bool read_only;

	(void)state;
	add_user("ann", ROLE_ADMIN);
	password_ssha("secret", NULL, hash);
	snprintf(text, sizeof(text),
	         "{\"token\":\"nightly\",\"user\":\"ann\",\"name\":\"n\",\"scope\":\"read\",\"password_hash\":\"%s\"}", hash);
	temp_text("nightly.token", text);
	assert_int_equal(users_compile(&place, NULL, NULL, NULL), 0);
	assert_false(is_let_in("nightly", "secret"));
	assert_int_equal(role_of("nightly", "cats"), ROLE_NONE);
	assert_int_equal(auth_open(&auth, tempdir, NULL), 0);
	assert_false(auth_token(auth, "nightly", user, &read_only));
	auth_free(auth);
}

static void a_user_of_its_name_is_not_the_token(void **state)
{
	struct token made;
	char secret[TOKENS_SECRET_MAX];

	(void)state;
	add_user("ann", ROLE_ADMIN);
	make_token((struct token){.user = "ann", .name = "all"}, &made, secret);
	add_user(made.id, ROLE_VIEWER);
	assert_false(is_let_in(made.id, secret));
	assert_int_equal(role_of(made.id, "cats"), ROLE_VIEWER);
	token_release(&made);
}

static void what_cannot_be_is_refused(void **state)
{
	char long_name[TOKEN_NAME_MAX + 2], *datasets[TOKEN_DATASETS_MAX + 1], secret[TOKENS_SECRET_MAX];
	struct token made;

	(void)state;
	add_user("ann", ROLE_ADMIN);
	memset(long_name, 'x', sizeof(long_name));
	long_name[TOKEN_NAME_MAX + 1] = '\0';
	for (size_t i = 0; i <= TOKEN_DATASETS_MAX; i++)
		datasets[i] = "cats";
	assert_refused((struct token){.user = "ann", .name = long_name}, ERR_BAD_REQUEST, "256 bytes");
	assert_refused((struct token){.user = "ann", .name = ""}, ERR_BAD_REQUEST, "name");
	assert_refused((struct token){.user = "ann", .name = "a\nb"}, ERR_BAD_REQUEST, "printable");
	assert_refused((struct token){.user = "ann", .name = "x", .expires_us = text_now()}, ERR_BAD_REQUEST, "past");
	assert_refused((struct token){.user = "eve", .name = "x"}, ERR_NOT_FOUND, "no user \"eve\"");
	assert_refused((struct token){.user = "ann", .name = "x", .is_limited = true}, ERR_UNPROCESSABLE, "no dataset");
	assert_refused((struct token){.user = "ann", .name = "x", .is_limited = true, .datasets = datasets,
	                              .dataset_count = TOKEN_DATASETS_MAX + 1},
	               ERR_UNPROCESSABLE, "at most 100");
	long_name[TOKEN_NAME_MAX] = '\0';
	make_token((struct token){.user = "ann", .name = long_name, .is_limited = true, .datasets = datasets,
	                          .dataset_count = TOKEN_DATASETS_MAX, .expires_us = text_now() + 60 * (int64_t)SECOND},
	           &made, secret);
	token_release(&made);
}

static void a_user_has_so_many_at_most(void **state)
{
	struct token made, removed;
	char secret[TOKENS_SECRET_MAX];

	(void)state;
	add_user("ann", ROLE_ADMIN);
	add_user("bob", ROLE_ADMIN);
	make_token((struct token){.user = "bob", .name = "his own"}, &made, secret);
	token_release(&made);
	for (int i = 0; i < TOKENS_A_USER_MAX; i++) {
		if (i > 0)
			token_release(&made);
		make_token((struct token){.user = "ann", .name = "one"}, &made, secret);
	}
	assert_refused((struct token){.user = "ann", .name = "more"}, ERR_CONFLICT, "100 tokens");
	assert_int_equal(tokens_remove(&place, made.id, "ann", &removed, NULL), 0);
	token_release(&removed);
	token_release(&made);
	make_token((struct token){.user = "ann", .name = "more"}, &made, secret);
	token_release(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMPDIR_TEST(a_token_acts_as_its_maker),
		TEMPDIR_TEST(it_may_never_do_more_than_its_maker_may_by_then),
		TEMPDIR_TEST(one_of_some_datasets_is_of_no_others),
		TEMPDIR_TEST(it_ends_with_its_maker),
		TEMPDIR_TEST(a_removed_one_lets_nobody_in),
		TEMPDIR_TEST(one_that_has_expired_lets_nobody_in),
		TEMPDIR_TEST(a_document_without_a_tokens_id_lets_nobody_in),
		TEMPDIR_TEST(a_user_of_its_name_is_not_the_token),
		TEMPDIR_TEST(what_cannot_be_is_refused),
		TEMPDIR_TEST(a_user_has_so_many_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
