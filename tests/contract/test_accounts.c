/* Contract: users' and tokens' documents, where the store keeps them for several machines. */
#include "fixture.h"

#include "base/buf.h"
#include "dataset/accounts.h"

static void note(void *data, const char *name, const char *text)
{
	buf_printf(data, "%s=%s;", name, text);
}

static void assert_accounts(struct dataset_store *store, const char *expected)
{
	struct buf text;

	buf_init(&text, 1024 * 1024);
	must(account_list(store, note, &text, &failure));
	assert_string_equal(buf_text(&text), expected);
	buf_release(&text);
}

static int64_t revision(struct dataset_store *store)
{
	int64_t revision;

	must(account_revision(store, &revision, &failure));
	return revision;
}

static void documents_are_made_replaced_and_removed(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;

	assert_accounts(store, "");
	must(account_put(store, "ann.json", NULL, "{\"user\": \"änn\"}", &failure));
	assert_accounts(store, "ann.json={\"user\": \"änn\"};");
	must(account_put(store, "ann.json", "{\"user\": \"änn\"}", "second", &failure));
	assert_accounts(store, "ann.json=second;");
	must(account_remove(store, "ann.json", &failure));
	must(account_remove(store, "ann.json", &failure));
	assert_accounts(store, "");
}

static void each_change_is_seen_by_another_machine(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *store = fixture->store, *other = another_store(fixture);

	int64_t before = revision(other);
	must(account_put(store, "ann.json", NULL, "1", &failure));
	int64_t added = revision(other);
	assert_true(added != before);
	assert_true(revision(other) == added);
	assert_accounts(other, "ann.json=1;");
	must(account_put(store, "ann.json", "1", "2", &failure));
	int64_t changed = revision(other);
	assert_true(changed != added);
	must(account_remove(store, "ann.json", &failure));
	assert_true(revision(other) != changed);
	dataset_store_free(other);
}

static void what_was_changed_meanwhile_is_not_overwritten(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;

	must(account_put(store, "ann.json", NULL, "1", &failure));
	refused(account_put(store, "ann.json", NULL, "2", &failure), ERR_CONFLICT);
	refused(account_put(store, "ann.json", "0", "2", &failure), ERR_CONFLICT);
	refused(account_put(store, "bob.json", "0", "2", &failure), ERR_CONFLICT);
	int64_t before = revision(store);
	refused(account_put(store, "ann.json", "0", "2", &failure), ERR_CONFLICT);
	assert_true(revision(store) == before);
	assert_accounts(store, "ann.json=1;");
}

static void note_use(void *data, const char *login, int64_t at)
{
	buf_printf(data, "%s@%lld;", login, (long long)at / 1000000);
}

static void assert_uses(struct dataset_store *store, int64_t since, const char *expected)
{
	struct buf text;

	buf_init(&text, 1024 * 1024);
	must(account_uses(store, since * 1000000, note_use, &text, &failure));
	assert_string_equal(buf_text(&text), expected);
	buf_release(&text);
}

static void the_latest_use_on_any_machine_is_known(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;
	const struct account_use first[] = {{"ann", 100 * 1000000}, {"token.x", 300 * 1000000}};
	const struct account_use older = {"ann", 50 * 1000000}, newer = {"ann", 200 * 1000000};

	assert_uses(store, 0, "");
	must(account_note_uses(store, first, 2, &failure));
	must(account_note_uses(store, first, 0, &failure));
	must(account_note_uses(store, &older, 1, &failure));
	assert_uses(store, 0, "ann@100;token.x@300;");
	must(account_note_uses(store, &newer, 1, &failure));
	assert_uses(store, 0, "ann@200;token.x@300;");
	assert_uses(store, 200, "ann@200;token.x@300;");
	assert_uses(store, 201, "token.x@300;");
}

enum { MACHINES = 8 };

static void *add_one(void *store)
{
	char name[32];

	snprintf(name, sizeof(name), "%p.json", (void *)&name);
	return account_put(store, name, NULL, "x", &failure) ? store : NULL;
}

static void *add_same(void *store)
{
	return account_put(store, "same.json", NULL, "x", &failure) ? store : NULL;
}

static int failures_of(struct dataset_store *store, void *(*run)(void *))
{
	pthread_t threads[MACHINES];
	void *failed;
	int count = 0;

	for (int i = 0; i < MACHINES; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run, store), 0);
	for (int i = 0; i < MACHINES; i++) {
		pthread_join(threads[i], &failed);
		count += failed != NULL;
	}
	return count;
}

static void of_many_changes_at_once_each_is_made_or_refused(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;

	assert_int_equal(failures_of(store, add_one), 0);
	assert_int_equal(failures_of(store, add_same), MACHINES - 1);
	assert_int_equal(revision(store), MACHINES + 1);
}

static void a_store_of_one_machine_keeps_none(void **state)
{
	assert_false(account_kept(((struct fixture *)*state)->store));
}

int main(void)
{
	const struct CMUnitTest of_one_machine[] = {STORE_TEST(a_store_of_one_machine_keeps_none)}, of_several[] = {
		STORE_TEST(documents_are_made_replaced_and_removed),
		STORE_TEST(each_change_is_seen_by_another_machine),
		STORE_TEST(what_was_changed_meanwhile_is_not_overwritten),
		STORE_TEST(the_latest_use_on_any_machine_is_known),
		STORE_TEST(of_many_changes_at_once_each_is_made_or_refused),
	};

	return clock_is_the_servers() ? RUN(of_several) : RUN(of_one_machine);
}
