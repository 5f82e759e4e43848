/* Contract: if a call has several reasons to be refused, every store gives the same one. */
#include "fixture.h"

#include <string.h>

#include "base/hash.h"
#include "dataset/answers.h"
#include "dataset/task.h"

/* --- one fault or many --------------------------------------------------------------------------------------------- */

/* A reason to refuse a call, and what is told of it. In a table they stand in the order in which they are checked. */
struct fault {
	const char *what;
	enum err_code code;
	const char *text; /* part of the message */
};

/* A call that has the faults whose bits are set (1 << its place in the table). */
typedef int faulty_call(struct dataset *dataset, unsigned faults);

static void assert_told(const struct fault *faults, unsigned count, unsigned set, int result)
{
	const struct fault *first = &faults[__builtin_ctz(set)];

	if (result && failure.code == first->code && strstr(failure.text, first->text))
		return;
	for (unsigned i = 0; i < count; i++) {
		if (set & 1U << i)
			print_error("%s; ", faults[i].what);
	}
	print_error("\n  should fail with code %d and \"%s\", and gave %d, code %d: %s\n", (int)first->code, first->text,
	            result, (int)failure.code, failure.text);
	fail();
}

/* Makes the call with every set of faults: each time the first of them is told. */
static void assert_order(const struct fault *faults, unsigned count, faulty_call *call, struct dataset *dataset)
{
	for (unsigned set = 1; set < 1U << count; set++)
		assert_told(faults, count, set, call(dataset, set));
}

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof(*(array))))

/* --- uploads ------------------------------------------------------------------------------------------------------- */

enum { BAD_FILEPATH = 1, BAD_LABEL = 2, STORED_AS_PUBLIC = 4, TAKEN = 8, UNKNOWN_LABEL = 16, OVER_QUOTA = 32 };

static const struct fault upload_faults[] = {
	{"no filepath", ERR_BAD_REQUEST, "filepath"},
	{"no label", ERR_BAD_REQUEST, "label"},
	{"stored as public", ERR_CONFLICT, "became private"},
	{"a taken filepath", ERR_CONFLICT, "Another image is at known.png"},
	{"an unknown label", ERR_UNPROCESSABLE, "no label fish"},
	{"over the quota", ERR_NO_SPACE, "quota"},
};

static int upload(struct dataset *dataset, const char *content, unsigned faults, struct sample *out, bool *duplicate)
{
	unsigned char digest[HASH_SHA256_SIZE];
	char sha256[HASH_SHA256_HEX];
	struct dataset_image image = {
		.filepath = faults & BAD_FILEPATH ? "" : faults & TAKEN ? "known.png" : content,
		.label = faults & BAD_LABEL ? "two\nlines" : faults & UNKNOWN_LABEL ? "fish" : "cat",
		.blob_key = content,
		.type = "image/png",
		.sha256 = sha256,
		.filename = "",
		.url = "",
		.is_public = faults & STORED_AS_PUBLIC,
		.bytes = 1000,
		.user = "ada",
	};

	hash_sha256(content, strlen(content), digest);
	hash_hex(digest, sizeof(digest), sha256);
	return dataset_add_image(dataset, &image, faults & OVER_QUOTA ? 1999 : 0, out, duplicate, &failure);
}

static int upload_new(struct dataset *dataset, unsigned faults)
{
	struct sample sample;
	bool duplicate;

	return upload(dataset, "new.png", faults, &sample, &duplicate);
}

static void an_upload_is_refused_for_the_first_reason(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample sample;
	bool duplicate;

	must(upload(dataset, "known.png", 0, &sample, &duplicate));
	sample_release(&sample);
	assert_order(upload_faults, COUNT(upload_faults), upload_new, dataset);
	must(upload(dataset, "new.png", 0, &sample, &duplicate));
	assert_int_equal(sample.id, 1); /* what was refused left nothing */
	assert_false(duplicate);
	sample_release(&sample);
	assert_counts_true(dataset);
}

/* Its sender stored the bytes anew, and as the dataset was: that it has become another is told of them, too. */
static void the_same_bytes_again_are_refused_only_for_their_form_and_for_how_public_they_are(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample sample;
	bool duplicate;

	must(upload(dataset, "known.png", 0, &sample, &duplicate));
	sample_release(&sample);
	for (unsigned set = 0; set < 1U << COUNT(upload_faults); set++) {
		int failed = upload(dataset, "known.png", set, &sample, &duplicate);

		if (set & (BAD_FILEPATH | BAD_LABEL | STORED_AS_PUBLIC)) {
			assert_told(upload_faults, COUNT(upload_faults), set, failed);
			continue;
		}
		must(failed);
		assert_true(duplicate);
		assert_int_equal(sample.id, 0);
		sample_release(&sample);
	}
	assert_counts_true(dataset);
}

/* --- leases -------------------------------------------------------------------------------------------------------- */

/* Tokens with which nothing can be done, and one with which something can. */
struct tokens {
	struct task live, anothers, used, given_back, ran_out;
	const char *others[4]; /* of no sample, of no form, and empty */
};
#define FALSE_SECRET "0-AAAAAAAAAAAAAAAAAAAAAA"

static void take_tokens(struct dataset *dataset, struct tokens *out)
{
	*out = (struct tokens){.others = {FALSE_SECRET, "ffff-AAAAAAAAAAAAAAAAAAAAAA", "nothing", ""}};
	add_pictures(dataset, 5);
	lease_tasks(dataset, "ada", 1, &out->ran_out, 1);
	clock_advance(LEASE_SECONDS + 1);
	lease_tasks(dataset, "bob", 1, &out->anothers, 1);
	lease_tasks(dataset, "ada", 1, &out->live, 1);
	lease_tasks(dataset, "ada", 1, &out->used, 1);
	lease_tasks(dataset, "ada", 1, &out->given_back, 1);
	must(lease_label_once(dataset, "ada", out->used.token, "cat", -1, "r1", NULL, &failure));
	must(lease_give_back(dataset, "ada", out->given_back.token, &failure));
}

static void release_tokens(struct tokens *tokens)
{
	task_release(&tokens->live);
	task_release(&tokens->anothers);
	task_release(&tokens->used);
	task_release(&tokens->given_back);
	task_release(&tokens->ran_out);
}

static void told_lost(int result)
{
	static const struct fault lost = {"a lost lease", ERR_CONFLICT, "no longer yours"};

	assert_told(&lost, 1, 1, result);
}

static void try_token(struct dataset *dataset, const char *token)
{
	static const char *const labels[] = {"cat", "fish"};
	int64_t expires_at;

	for (size_t i = 0; i < 2; i++) {
		told_lost(lease_label(dataset, "ada", token, labels[i], -1, NULL, &failure));
		told_lost(lease_label_once(dataset, "ada", token, labels[i], -1, "r2", NULL, &failure));
	}
	refused(lease_label(dataset, "ada", token, "two\nlines", -1, NULL, &failure), ERR_BAD_REQUEST);
	told_lost(lease_renew(dataset, "ada", token, &expires_at, &failure));
	told_lost(lease_give_back(dataset, "ada", token, &failure));
	for (int skip = DATASET_SKIP_REQUEUE_FOR_ME; skip <= DATASET_SKIP_IGNORE; skip++)
		told_lost(lease_skip(dataset, "ada", token, (enum dataset_skip)skip, &failure));
}

static void a_lost_lease_is_told_before_an_unknown_label(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct tokens tokens;

	take_tokens(dataset, &tokens);
	try_token(dataset, tokens.anothers.token);
	try_token(dataset, tokens.used.token);
	try_token(dataset, tokens.given_back.token);
	try_token(dataset, tokens.ran_out.token);
	for (size_t i = 0; i < COUNT(tokens.others); i++)
		try_token(dataset, tokens.others[i]);
	refused(lease_label(dataset, "ada", tokens.live.token, "fish", -1, NULL, &failure), ERR_UNPROCESSABLE);
	must(lease_label(dataset, "ada", tokens.live.token, "cat", -1, NULL, &failure));
	assert_string_equal(history(dataset, 0), "");
	assert_string_equal(history(dataset, tokens.live.sample.id), "cat ada task");
	assert_string_equal(history(dataset, tokens.used.sample.id), "cat ada task");
	assert_counts_true(dataset);
	release_tokens(&tokens);
}

/* What a request has given already is not looked at again, whatever has become of lease and label meanwhile. */
static void a_request_that_comes_again_is_answered_before_all_else(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	static const char *const labels[] = {"cat", "dog", "fish", "Fisch\xcc\x88"};
	struct tokens tokens;
	struct sample sample;

	take_tokens(dataset, &tokens);
	for (size_t i = 0; i < COUNT(labels); i++) {
		must(lease_label_once(dataset, "ada", tokens.used.token, labels[i], -1, "r1", &sample, &failure));
		assert_string_equal(sample.label, "cat");
		sample_release(&sample);
	}
	refused(lease_label_once(dataset, "ada", tokens.used.token, "", -1, "r1", NULL, &failure), ERR_BAD_REQUEST);
	told_lost(lease_label_once(dataset, "bob", tokens.used.token, "fish", -1, "r1", NULL, &failure));
	assert_string_equal(history(dataset, tokens.used.sample.id), "cat ada task");
	release_tokens(&tokens);
}

static void too_many_tasks_are_told_before_there_are_none(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task tasks[DATASET_TASKS_MAX];
	size_t taken;

	add_pictures(dataset, DATASET_TASKS_HELD_MAX);
	for (int i = 0; i < DATASET_TASKS_HELD_MAX / DATASET_TASKS_MAX; i++) {
		lease_tasks(dataset, "ada", DATASET_TASKS_MAX, tasks, DATASET_TASKS_MAX);
		tasks_release(tasks, DATASET_TASKS_MAX);
	}
	refused(lease_take(dataset, "ada", 0, tasks, &taken, &failure), ERR_BAD_REQUEST);
	refused(lease_take(dataset, "ada", DATASET_TASKS_MAX + 1, tasks, &taken, &failure), ERR_BAD_REQUEST);
	refused(lease_take(dataset, "ada", 1, tasks, &taken, &failure), ERR_CONFLICT);
	lease_tasks(dataset, "bob", 1, tasks, 0);
}

/* --- datasets, labels, seeds --------------------------------------------------------------------------------------- */

static const struct fault update_faults[] = {
	{"a relative folder", ERR_BAD_REQUEST, "base_dir"},
	{"an overlap of 0", ERR_BAD_REQUEST, "overlap"},
	{"another folder meanwhile", ERR_CONFLICT, "meanwhile"},
};

static int update(struct dataset *dataset, unsigned faults)
{
	struct dataset_change change = {.base_dir = faults & 1 ? "pictures" : "/other",
	                                .base_dir_was = faults & 4 ? "/elsewhere" : "/pictures",
	                                .fields = DATASET_POLICY_OVERLAP,
	                                .policy.overlap = faults & 2 ? 0 : 2};

	return dataset_update(dataset, &change, &failure);
}

static void a_change_is_refused_for_the_first_reason(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_info info;

	assert_order(update_faults, COUNT(update_faults), update, dataset);
	must(dataset_info(dataset, &info, &failure));
	assert_string_equal(info.place.base_dir, "/pictures");
	assert_int_equal(info.place.policy.overlap, 1);
	dataset_info_release(&info);
	must(update(dataset, 0));
}

static const struct fault creation_faults[] = {
	{"no name", ERR_BAD_REQUEST, "name"},
	{"a relative folder", ERR_BAD_REQUEST, "base_dir"},
	{"an overlap of 0", ERR_BAD_REQUEST, "overlap"},
	{"a taken name", ERR_CONFLICT, "exists already"},
};

static struct dataset_store *store_of_creation;

static int create(struct dataset *dataset, unsigned faults)
{
	struct dataset_policy policy = {.overlap = faults & 4 ? 0 : 1};

	return dataset_create(store_of_creation, faults & 1 ? "" : faults & 8 ? dataset_name(dataset) : "other",
	                      faults & 2 ? "pictures" : "/pictures", &policy, &failure);
}

static void a_dataset_is_refused_for_the_first_reason(void **state)
{
	struct fixture *fixture = *state;

	store_of_creation = fixture->store;
	assert_order(creation_faults, COUNT(creation_faults), create, fixture->dataset);
	must(create(fixture->dataset, 0));
}

static const struct fault merge_faults[] = {
	{"a label of two lines", ERR_BAD_REQUEST, "label"},
	{"no filepath", ERR_BAD_REQUEST, "filepath"},
	{"too many labels", ERR_UNPROCESSABLE, "at most"},
};

static int merge(struct dataset *dataset, unsigned faults)
{
	const char *const labels[] = {faults & 1 ? "two\nlines" : "cat", faults & 4 ? "one more" : "dog"};
	const struct dataset_seed seeds[] = {{"seeded.png", "cat"}, {faults & 2 ? "" : "other.png", ""}};
	struct dataset_merged merged = {0};

	return dataset_merge(dataset, labels, 2, seeds, 2, &merged, &failure);
}

/* As many as it may have. */
static void fill_labels(struct dataset *dataset)
{
	static char text[DATASET_LABELS_MAX - 3][8];
	static const char *labels[DATASET_LABELS_MAX - 3];
	struct dataset_merged merged = {0};

	for (int i = 0; i < DATASET_LABELS_MAX - 3; i++) {
		snprintf(text[i], sizeof(text[i]), "%d", i);
		labels[i] = text[i];
	}
	must(dataset_merge(dataset, labels, DATASET_LABELS_MAX - 3, NULL, 0, &merged, &failure));
}

static void a_seed_is_refused_for_the_first_reason(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	bool created;
	int64_t key, size;

	fill_labels(dataset);
	assert_order(merge_faults, COUNT(merge_faults), merge, dataset);
	must(dataset_size(dataset, &size, &failure));
	assert_int_equal(size, 0);
	must(merge(dataset, 0));
	refused(dataset_label_add(dataset, "two\nlines", &key, &created, &failure), ERR_BAD_REQUEST);
	refused(dataset_label_add(dataset, "one more", &key, &created, &failure), ERR_UNPROCESSABLE);
	must(dataset_label_add(dataset, "cat", &key, &created, &failure));
	assert_false(created);
}

/* --- idempotency --------------------------------------------------------------------------------------------------- */

static enum idempotency claim(struct dataset_store *store, const char *fingerprint)
{
	enum idempotency found;
	char *body;
	int status;

	must(idempotency_claim(store, "ada", "key", fingerprint, &found, &status, &body, &failure));
	free(body);
	return found;
}

/* While the first request is under way, when it is given up, and when it is done; until its day is over. */
static void another_request_with_the_key_is_told_before_how_the_first_one_fares(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;

	assert_int_equal(claim(store, "one"), IDEMPOTENCY_NEW);
	assert_int_equal(claim(store, "other"), IDEMPOTENCY_OTHER);
	assert_int_equal(claim(store, "one"), IDEMPOTENCY_BUSY);
	clock_advance(61);
	assert_int_equal(claim(store, "other"), IDEMPOTENCY_OTHER);
	assert_int_equal(claim(store, "one"), IDEMPOTENCY_NEW);
	must(idempotency_finish(store, "ada", "key", 201, "{}", &failure));
	assert_int_equal(claim(store, "other"), IDEMPOTENCY_OTHER);
	assert_int_equal(claim(store, "one"), IDEMPOTENCY_DONE);
	clock_advance(IDEMPOTENCY_SECONDS + 1);
	assert_int_equal(claim(store, "other"), IDEMPOTENCY_NEW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(an_upload_is_refused_for_the_first_reason),
		DATASET_TEST(the_same_bytes_again_are_refused_only_for_their_form_and_for_how_public_they_are),
		DATASET_TEST(a_lost_lease_is_told_before_an_unknown_label),
		DATASET_TEST(a_request_that_comes_again_is_answered_before_all_else),
		DATASET_TEST(too_many_tasks_are_told_before_there_are_none),
		DATASET_TEST(a_change_is_refused_for_the_first_reason),
		DATASET_TEST(a_dataset_is_refused_for_the_first_reason),
		DATASET_TEST(a_seed_is_refused_for_the_first_reason),
		STORE_TEST(another_request_with_the_key_is_told_before_how_the_first_one_fares),
	};

	return RUN(tests);
}
