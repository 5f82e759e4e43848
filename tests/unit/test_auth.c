/* What users may do, by the grants that were compiled from their files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "auth/auth.h"
#include "base/log.h"
#include "base/text.h"
#include "tempdir.h"

/* As users_compile does: whole, by rename. */
static void put_grants(const char *text)
{
	temp_text("next", text);
	assert_int_equal(rename(temp("next"), temp(".grants")), 0);
}

static struct auth *open_auth(void)
{
	struct auth *auth;
	struct err err;
	if (auth_open(&auth, tempdir, &err) != 0)
		fail_msg("%s", err.text);
	return auth;
}

#define assert_role(auth, user, dataset, role) \
	assert_string_equal(role_name(auth_role(auth, user, dataset)), role)

static void roles_have_names(void **state)
{
	(void)state;
	static const char *const names[] = {"none", "viewer", "annotator", "contributor", "admin"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum role role;
		assert_int_equal(role_parse(names[i], &role, NULL), 0);
		assert_int_equal(role, i);
		assert_string_equal(role_name(role), names[i]);
	}
	assert_string_equal(role_name((enum role)17), "none");
	enum role role = ROLE_VIEWER;
	struct err err;
	assert_true(role_parse("Admin", &role, &err));
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_non_null(strstr(err.text, "\"Admin\" is no role"));
	assert_true(role_parse("", &role, &err));
	assert_int_equal(role, ROLE_VIEWER);
}

static void nobody_may_anything_without_grants(void **state)
{
	(void)state;
	struct auth *auth = open_auth();
	assert_role(auth, "bob", NULL, "none");
	assert_role(auth, "bob", "cats", "none");
	assert_role(auth, "", "cats", "none");
	auth_free(auth);
	auth_free(NULL);
}

static void a_role_holds_on_every_dataset(void **state)
{
	(void)state;
	put_grants("{\"user\":\"ann\",\"role\":\"contributor\"}\n"
	           "{\"user\":\"bob\"}\n"
	           "{\"user\":\"eve\",\"role\":\"viewer\",\"datasets\":null}\n");
	struct auth *auth = open_auth();
	assert_role(auth, "ann", NULL, "contributor");
	assert_role(auth, "ann", "cats", "contributor");
	assert_role(auth, "bob", "cats", "annotator");
	assert_role(auth, "eve", "dogs", "viewer");
	assert_role(auth, "an", "cats", "none");
	assert_role(auth, "annn", "cats", "none");
	assert_role(auth, "ANN", "cats", "none");
	auth_free(auth);
}

static void datasets_restrict_a_user(void **state)
{
	(void)state;
	put_grants("{\"user\":\"list\",\"role\":\"viewer\",\"datasets\":[\"dogs\",\"cats\",\"cats\"]}\n"
	           "{\"user\":\"map\",\"datasets\":{\"cats\":\"admin\",\"ants\":\"viewer\"}}\n"
	           "{\"user\":\"empty\",\"role\":\"admin\",\"datasets\":[]}\n");
	struct auth *auth = open_auth();
	assert_role(auth, "list", NULL, "none");
	assert_role(auth, "list", "cats", "viewer");
	assert_role(auth, "list", "dogs", "viewer");
	assert_role(auth, "list", "cat", "none");
	assert_role(auth, "map", NULL, "none");
	assert_role(auth, "map", "cats", "admin");
	assert_role(auth, "map", "ants", "viewer");
	assert_role(auth, "map", "dogs", "none");
	assert_role(auth, "empty", "cats", "none");
	auth_free(auth);
}

static void a_star_is_every_other_dataset(void **state)
{
	(void)state;
	put_grants("{\"user\":\"bob\",\"datasets\":{\"*\":\"viewer\",\"cats\":\"admin\",\"dogs\":\"none\"}}\n"
	           "{\"user\":\"root\",\"datasets\":{\"*\":\"admin\",\"cats\":\"viewer\"}}\n");
	struct auth *auth = open_auth();
	assert_role(auth, "bob", NULL, "viewer");
	assert_role(auth, "bob", "ants", "viewer");
	assert_role(auth, "bob", "cats", "admin");
	assert_role(auth, "bob", "dogs", "none");
	assert_role(auth, "root", "cats", "admin"); /* an admin overall may do all */
	auth_free(auth);
}

static void note_grant(void *data, const char *dataset, enum role role)
{
	char *out = data;
	size_t len = strlen(out);
	snprintf(out + len, 200 - len, "%s=%s ", dataset, role_name(role));
}

static void assert_grants(struct auth *auth, const char *user, bool all, const char *grants)
{
	char out[200] = "";
	bool got = !all;
	auth_grants(auth, user, &got, note_grant, out);
	assert_int_equal(got, all);
	assert_string_equal(out, grants);
}

static void tells_the_datasets_of_a_user(void **state)
{
	(void)state;
	put_grants("{\"user\":\"ann\",\"role\":\"viewer\"}\n"
	           "{\"user\":\"bob\",\"datasets\":{\"dogs\":\"viewer\",\"cats\":\"admin\"}}\n"
	           "{\"user\":\"mix\",\"datasets\":{\"*\":\"viewer\",\"cats\":\"none\"}}\n"
	           "{\"user\":\"all\",\"datasets\":{\"*\":\"admin\",\"cats\":\"none\"}}\n"
	           "{\"user\":\"old\",\"role\":\"viewer\",\"expires\":\"2001-01-01T00:00:00Z\"}\n");
	struct auth *auth = open_auth();
	assert_grants(auth, "ann", true, "");
	assert_grants(auth, "bob", false, "cats=admin dogs=viewer ");
	assert_grants(auth, "mix", true, "cats=none ");
	assert_grants(auth, "all", true, "");
	assert_grants(auth, "old", false, "");
	assert_grants(auth, "who", false, "");
	auth_free(auth);
}

static void a_change_is_seen_at_the_next_question(void **state)
{
	(void)state;
	struct auth *auth = open_auth();
	assert_role(auth, "bob", "cats", "none");
	put_grants("{\"user\":\"bob\",\"role\":\"viewer\"}\n");
	assert_role(auth, "bob", "cats", "viewer");
	/* Same size, and time stamps are coarse: it is another file that tells. */
	put_grants("{\"user\":\"eve\",\"role\":\"viewer\"}\n");
	assert_role(auth, "bob", "cats", "none");
	assert_role(auth, "eve", "cats", "viewer");
	int next_fd = dup(0);
	close(next_fd);
	for (int i = 0; i < 200; i++) {
		put_grants(i % 2 == 0 ? "{\"user\":\"bob\",\"role\":\"viewer\"}\n"
		                      : "{\"user\":\"eve\",\"role\":\"viewer\"}\n");
		assert_role(auth, "bob", "cats", i % 2 == 0 ? "viewer" : "none");
	}
	int same_fd = dup(0);
	close(same_fd);
	assert_int_equal(same_fd, next_fd); /* what was read before is let go */
	assert_int_equal(unlink(temp(".grants")), 0);
	assert_role(auth, "eve", "cats", "none");
	auth_free(auth);
}

static void a_user_expires_while_the_program_runs(void **state)
{
	(void)state;
	char soon[TEXT_TIME_MAX], text[256];
	int64_t expires = text_now() + 30 * 1000;
	snprintf(text, sizeof(text), "{\"user\":\"bob\",\"role\":\"viewer\",\"expires\":\"%s\"}\n"
	         "{\"user\":\"eve\",\"expires\":\"2999-01-01T00:00:00Z\"}\n", text_time(expires, soon));
	put_grants(text);
	struct auth *auth = open_auth();
	enum role role = auth_role(auth, "bob", "cats");
	if (text_now() < expires) /* a slow machine may have let the moment pass */
		assert_int_equal(role, ROLE_VIEWER);
	while (text_now() <= expires)
		;
	assert_role(auth, "bob", "cats", "none");
	assert_role(auth, "eve", "cats", "annotator");
	auth_free(auth);
}

static void a_broken_line_gives_nobody_anything(void **state)
{
	(void)state;
	put_grants("{\"user\":\"ann\",\"role\":\"viewer\"}\n"
	           "{\"user\":\"bob\",\"role\":\"owner\"}\n"
	           "not json\n"
	           "{\"user\":\"bad\",\"expires\":\"soon\"}\n"
	           "\n"
	           "{\"user\":\"eve\",\"role\":\"viewer\"}");
	struct auth *auth = open_auth();
	assert_role(auth, "ann", "cats", "viewer");
	assert_role(auth, "bob", "cats", "none");
	assert_role(auth, "bad", "cats", "none");
	assert_role(auth, "eve", "cats", "viewer");
	auth_free(auth);
}

static void holds_ten_thousand_users(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 4 * 1024 * 1024);
	for (int i = 9999; i >= 0; i--)
		buf_printf(&text, "{\"user\":\"user%d\",\"datasets\":{\"set%d\":\"annotator\"}}\n", i, i);
	put_grants(buf_text(&text));
	buf_release(&text);
	struct auth *auth = open_auth();
	for (int i = 0; i < 10000; i++) {
		char user[20], dataset[20];
		snprintf(user, sizeof(user), "user%d", i);
		snprintf(dataset, sizeof(dataset), "set%d", i);
		assert_role(auth, user, dataset, "annotator");
		assert_role(auth, user, "set10000", "none");
	}
	auth_free(auth);
}

static atomic_bool done;

static void *ask(void *data)
{
	uintptr_t wrong = 0;
	while (!atomic_load(&done)) {
		wrong += auth_role(data, "steady", "cats") != ROLE_VIEWER;
		auth_role(data, "bob", "cats");
	}
	return (void *)wrong;
}

static void threads_ask_while_it_changes(void **state)
{
	(void)state;
	put_grants("{\"user\":\"steady\",\"role\":\"viewer\"}\n");
	struct auth *auth = open_auth();
	pthread_t threads[4];
	atomic_store(&done, false);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, auth), 0);
	for (int i = 0; i < 300; i++) {
		char text[200];
		snprintf(text, sizeof(text), "{\"user\":\"bob\",\"datasets\":[\"set%d\"]}\n"
		         "{\"user\":\"steady\",\"role\":\"viewer\"}\n", i);
		put_grants(text);
	}
	atomic_store(&done, true);
	for (size_t i = 0; i < 4; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	auth_free(auth);
}

int main(void)
{
	log_init("test_auth", LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roles_have_names),
		TEMPDIR_TEST(nobody_may_anything_without_grants),
		TEMPDIR_TEST(a_role_holds_on_every_dataset),
		TEMPDIR_TEST(datasets_restrict_a_user),
		TEMPDIR_TEST(a_star_is_every_other_dataset),
		TEMPDIR_TEST(tells_the_datasets_of_a_user),
		TEMPDIR_TEST(a_change_is_seen_at_the_next_question),
		TEMPDIR_TEST(a_user_expires_while_the_program_runs),
		TEMPDIR_TEST(a_broken_line_gives_nobody_anything),
		TEMPDIR_TEST(holds_ten_thousand_users),
		TEMPDIR_TEST(threads_ask_while_it_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
