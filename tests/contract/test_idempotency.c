/* Contract: the answer to a POST is kept by its Idempotency-Key, and the POST done once. */
#include "fixture.h"

#include <stdatomic.h>

/* Claims the key, and fails unless that finds what is expected; gives the kept status and body when it is done. */
static void claim(struct dataset_store *store, const char *user, const char *key, const char *fingerprint,
                  enum idempotency expected, int status, const char *body)
{
	enum idempotency found;
	int kept_status = 0;
	char *kept_body = NULL;

	must(idempotency_claim(store, user, key, fingerprint, &found, &kept_status, &kept_body, &failure));
	assert_int_equal(found, expected);
	if (found == IDEMPOTENCY_DONE) {
		assert_int_equal(kept_status, status);
		assert_string_equal(kept_body, body);
		free(kept_body);
	}
}

static void the_first_answer_is_given_again(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;

	claim(store, "ada", "k.1 $x", "print", IDEMPOTENCY_NEW, 0, NULL);
	claim(store, "ada", "k.1 $x", "print", IDEMPOTENCY_BUSY, 0, NULL);
	must(idempotency_finish(store, "ada", "k.1 $x", 201, "{\"id\": 7}", &failure));
	claim(store, "ada", "k.1 $x", "print", IDEMPOTENCY_DONE, 201, "{\"id\": 7}");
	claim(store, "ada", "k.1 $x", "print", IDEMPOTENCY_DONE, 201, "{\"id\": 7}");
}

static void keys_are_each_users_own(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;

	claim(store, "ada", "key", "print", IDEMPOTENCY_NEW, 0, NULL);
	claim(store, "bob", "key", "print", IDEMPOTENCY_NEW, 0, NULL);
	must(idempotency_finish(store, "ada", "key", 200, "ada's", &failure));
	must(idempotency_finish(store, "bob", "key", 200, "bob's", &failure));
	claim(store, "ada", "key", "print", IDEMPOTENCY_DONE, 200, "ada's");
	claim(store, "bob", "key", "print", IDEMPOTENCY_DONE, 200, "bob's");
}

static void a_key_used_for_another_request_is_told(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;

	claim(store, "ada", "key", "print", IDEMPOTENCY_NEW, 0, NULL);
	claim(store, "ada", "key", "other", IDEMPOTENCY_OTHER, 0, NULL);
	must(idempotency_finish(store, "ada", "key", 200, "", &failure));
	claim(store, "ada", "key", "other", IDEMPOTENCY_OTHER, 0, NULL);
	claim(store, "ada", "key", "print", IDEMPOTENCY_DONE, 200, "");
}

static void an_abandoned_claim_leaves_the_key_free(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;

	claim(store, "ada", "key", "print", IDEMPOTENCY_NEW, 0, NULL);
	must(idempotency_abandon(store, "ada", "key", &failure));
	claim(store, "ada", "key", "print", IDEMPOTENCY_NEW, 0, NULL);
	must(idempotency_finish(store, "ada", "key", 200, "done", &failure));
	must(idempotency_abandon(store, "ada", "key", &failure)); /* an answer stays */
	claim(store, "ada", "key", "print", IDEMPOTENCY_DONE, 200, "done");
	must(idempotency_abandon(store, "ada", "never claimed", &failure));
}

static void a_claim_whose_process_died_is_given_up_after_a_minute(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;

	claim(store, "ada", "key", "print", IDEMPOTENCY_NEW, 0, NULL);
	clock_advance(30);
	claim(store, "ada", "key", "print", IDEMPOTENCY_BUSY, 0, NULL);
	clock_advance(31);
	claim(store, "ada", "key", "print", IDEMPOTENCY_NEW, 0, NULL);
	claim(store, "ada", "key", "print", IDEMPOTENCY_BUSY, 0, NULL); /* and is claimed anew */
}

static void an_answer_is_kept_a_day_and_not_longer(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;

	claim(store, "ada", "key", "print", IDEMPOTENCY_NEW, 0, NULL);
	must(idempotency_finish(store, "ada", "key", 200, "done", &failure));
	clock_advance(IDEMPOTENCY_SECONDS - 60);
	claim(store, "ada", "key", "print", IDEMPOTENCY_DONE, 200, "done");
	clock_advance(120);
	claim(store, "ada", "key", "print", IDEMPOTENCY_NEW, 0, NULL);
}

static void answers_outlive_the_process(void **state)
{
	struct fixture *fixture = *state;

	claim(fixture->store, "ada", "key", "print", IDEMPOTENCY_NEW, 0, NULL);
	must(idempotency_finish(fixture->store, "ada", "key", 200, "done", &failure));
	dataset_store_free(fixture->store);
	fixture->store = another_store(fixture);
	claim(fixture->store, "ada", "key", "print", IDEMPOTENCY_DONE, 200, "done");
}

static void a_large_answer_is_kept_whole(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;
	char *body = malloc(IDEMPOTENCY_ANSWER_MAX + 1);

	if (!body)
		abort();
	memset(body, 'x', IDEMPOTENCY_ANSWER_MAX);
	body[IDEMPOTENCY_ANSWER_MAX] = '\0';
	claim(store, "ada", "key", "print", IDEMPOTENCY_NEW, 0, NULL);
	must(idempotency_finish(store, "ada", "key", 200, body, &failure));
	claim(store, "ada", "key", "print", IDEMPOTENCY_DONE, 200, body);
	free(body);
}

static void a_bad_key_is_refused(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;
	char longest[IDEMPOTENCY_KEY_MAX + 2];
	enum idempotency found;
	char *body;
	int status;

	memset(longest, 'k', sizeof(longest));
	longest[IDEMPOTENCY_KEY_MAX + 1] = '\0';
	refused(idempotency_claim(store, "ada", "", "print", &found, &status, &body, &failure), ERR_BAD_REQUEST);
	refused(idempotency_claim(store, "ada", "a\nb", "print", &found, &status, &body, &failure), ERR_BAD_REQUEST);
	refused(idempotency_claim(store, "ada", longest, "print", &found, &status, &body, &failure), ERR_BAD_REQUEST);
	longest[IDEMPOTENCY_KEY_MAX] = '\0';
	claim(store, "ada", longest, "print", IDEMPOTENCY_NEW, 0, NULL);
}

struct race {
	struct dataset_store *store;
	atomic_int owners;
};

static void claim_all(void *data, int number)
{
	struct race *race = data;

	for (int i = 0; i < 10; i++) {
		enum idempotency found;
		int status;
		char *body = NULL, key[16];

		(void)number;
		snprintf(key, sizeof(key), "key %d", i);
		if (!expect(idempotency_claim(race->store, "ada", key, "print", &found, &status, &body, &failure) == 0))
			return;
		expect(found == IDEMPOTENCY_NEW || found == IDEMPOTENCY_BUSY || found == IDEMPOTENCY_DONE);
		if (found == IDEMPOTENCY_NEW) {
			race->owners++;
			expect(idempotency_finish(race->store, "ada", key, 200, "once", &failure) == 0);
		}
		if (found == IDEMPOTENCY_DONE)
			expect(strcmp(body, "once") == 0);
		free(body);
	}
}

static void of_many_with_one_key_one_does_the_work(void **state)
{
	struct race race = {.store = ((struct fixture *)*state)->store};

	run_threads(16, claim_all, &race);
	assert_int_equal(race.owners, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(the_first_answer_is_given_again),
		STORE_TEST(keys_are_each_users_own),
		STORE_TEST(a_key_used_for_another_request_is_told),
		STORE_TEST(an_abandoned_claim_leaves_the_key_free),
		STORE_TEST(a_claim_whose_process_died_is_given_up_after_a_minute),
		STORE_TEST(an_answer_is_kept_a_day_and_not_longer),
		STORE_TEST(answers_outlive_the_process),
		STORE_TEST(a_large_answer_is_kept_whole),
		STORE_TEST(a_bad_key_is_refused),
		STORE_TEST(of_many_with_one_key_one_does_the_work),
	};

	return RUN(tests);
}
