/* Contract: the feed tells each label event and upload once, in order of commit. */
#include "fixture.h"

#include <poll.h>
#include <stdlib.h>

#include "base/memory.h"
#include "dataset/feed.h"
#include "dataset/label.h"
#include "dataset/move.h"
#include "dataset/removal.h"
#include "saying.h"

static const struct correction ada = {.user = "ada"}, bob = {.user = "bob"};

enum { TEXT_MAX = 16384, PICTURES = 400, WRITERS = 4, ROUNDS = 25, TRIES_MAX = 60000 };

/* A follower: where it is, and what it was told since it was last asked ("label 1 cat ada; …"). */
struct follower {
	char after[FEED_KEY_MAX];
	char text[TEXT_MAX];
	size_t count;
};

static void note(void *data, const struct feed_item *item)
{
	struct follower *follower = data;
	size_t len = strlen(follower->text);

	follower->count++;
	snprintf(follower->text + len, TEXT_MAX - len, "%s%s %d %s %s", len ? "; " : "", feed_kind_name(item->kind),
	         (int)item->id, item->label, item->by);
}

/* What is new, in as many pages of `limit` as it takes. */
static const char *follow(struct dataset *dataset, struct follower *follower, size_t limit)
{
	size_t before;

	follower->text[0] = '\0';
	follower->count = 0;
	do {
		before = follower->count;
		char after[FEED_KEY_MAX];

		memcpy(after, follower->after, sizeof(after));
		must(feed_read(dataset, after, limit, note, follower, follower->after, &failure));
	} while (follower->count > before);
	return follower->text;
}

static void upload(struct dataset *dataset, const char *name, const char *label)
{
	char *sha256 = memory_format("%064d", name[0]), *key = memory_format("images/%s", name);
	const struct dataset_image image = {.user = "ada", .filepath = key, .blob_key = key, .type = "image/png", .sha256 = sha256,
	                                    .filename = name, .url = "", .label = label, .bytes = 9, .width = 1, .height = 1};
	struct sample sample;
	bool duplicate;

	must(dataset_add_image(dataset, &image, INT64_MAX, &sample, &duplicate, &failure));
	assert_false(duplicate);
	sample_release(&sample);
	free(sha256);
	free(key);
}

static void each_change_comes_once_in_order(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct follower follower = {.count = 0};

	assert_string_equal(follow(dataset, &follower, 100), "");
	add_pictures(dataset, 3);
	assert_string_equal(follow(dataset, &follower, 100), "");
	decide(dataset, 2, "cat", &ada);
	decide(dataset, 0, "dog", &bob);
	label_next(dataset, "cyd", 1, "bird");
	assert_string_equal(follow(dataset, &follower, 100), "label 2 cat ada; label 0 dog bob; label 1 bird cyd");
	decide(dataset, 2, "", &bob);
	undo(dataset, 2, &ada);
	upload(dataset, "1.png", "");
	upload(dataset, "2.png", "cat");
	assert_string_equal(follow(dataset, &follower, 1),
	                    "label 2  bob; label 2 cat ada; upload 3  ada; upload 4  ada; label 4 cat ada");
	assert_string_equal(follow(dataset, &follower, 100), "");
}

static void a_removal_is_told_after_what_was_before(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct follower follower = {.count = 0}, late = {.count = 0};
	struct tombstone *removed;
	size_t count;

	add_pictures(dataset, 2);
	follow(dataset, &follower, 100);
	decide(dataset, 1, "cat", &ada);
	must(dataset_remove_sample(dataset, 1, "eve", &removed, &count, &failure));
	tombstones_release(removed, count);
	decide(dataset, 0, "dog", &ada);
	assert_string_equal(follow(dataset, &follower, 100), "label 1 cat ada; remove 1  eve; label 0 dog ada");
	assert_non_null(strstr(follow(dataset, &late, 100), "remove 1  eve"));
	must(dataset_removed_done(dataset, 1, &failure));
	assert_string_equal(follow(dataset, &follower, 100), "");
	assert_string_equal(follow(dataset, &late, 100), "");
}

static void what_was_before_is_told_from_the_beginning(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct follower early = {.count = 0}, late = {.count = 0};

	add_pictures(dataset, 2);
	decide(dataset, 0, "cat", &ada);
	decide(dataset, 0, "dog", &bob);
	decide(dataset, 1, "bird", &ada);
	assert_string_equal(follow(dataset, &early, 100), "label 0 cat ada; label 0 dog bob; label 1 bird ada");
	for (size_t limit = 1; limit < 5; limit++) {
		memset(&late, 0, sizeof(late));
		assert_string_equal(follow(dataset, &late, limit), "label 0 cat ada; label 0 dog bob; label 1 bird ada");
	}
	decide(dataset, 0, "cat", &ada);
	assert_string_equal(follow(dataset, &early, 100), "label 0 cat ada");
	assert_string_equal(follow(dataset, &late, 100), "label 0 cat ada");
}

static void a_merge_is_told_for_each_sample(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct follower follower = {.count = 0};
	struct dataset_info info;

	add_pictures(dataset, 2);
	decide(dataset, 0, "cat", &ada);
	decide(dataset, 1, "cat", &bob);
	follow(dataset, &follower, 100);
	must(dataset_info(dataset, &info, &failure));
	int64_t cat = info.labels.item[0].key, dog = info.labels.item[1].key;
	dataset_info_release(&info);
	must(dataset_label_merge(dataset, cat, dog, "cyd", &failure));
	assert_string_equal(follow(dataset, &follower, 100), "label 0 dog cyd; label 1 dog cyd");
}

static void a_key_of_another_feed_is_gone(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct follower follower = {.count = 0};
	char next[FEED_KEY_MAX];
	const char *const others[] = {"0123456789abcdef-1", "x", "1", "-"};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		refused(feed_read(dataset, others[i], 10, note, &follower, next, &failure), ERR_GONE);
	assert_int_equal(follower.count, 0);
}

static void what_was_told_is_told_of_a_dataset_that_was_moved(void **state)
{
	struct fixture *fixture = *state;
	struct follower was = {.count = 0}, is = {.count = 0};
	struct dataset_outline outline;
	struct dataset_record *records;
	struct dataset *moved;
	size_t count = 10;
	int64_t last;

	add_pictures(fixture->dataset, 2);
	upload(fixture->dataset, "1.png", "cat");
	decide(fixture->dataset, 1, "dog", &bob);
	decide(fixture->dataset, 1, "cat", &ada);
	undo(fixture->dataset, 1, &ada);
	must(dataset_restore_open(fixture->store, "moved", "elsewhere", &moved, &last, &failure));
	must(dataset_outline(fixture->dataset, &outline, &failure));
	must(dataset_restore_outline(moved, &outline, &failure));
	must(dataset_records(fixture->dataset, -1, 10, &records, &count, &failure));
	must(dataset_restore_records(moved, records, count, &failure));
	must(dataset_restore_finish(moved, &failure));
	for (size_t i = 0; i < count; i++)
		dataset_record_release(&records[i]);
	free(records);
	dataset_outline_release(&outline);
	moved = open_dataset(fixture->store, "moved");
	follow(fixture->dataset, &was, 100);
	assert_string_equal(follow(moved, &is, 100), was.text);
	assert_non_null(strstr(is.text, "upload 2  ada"));
	assert_non_null(strstr(is.text, "label 2 cat ada"));
	assert_non_null(strstr(is.text, "label 1 dog bob; label 1 cat ada; label 1 dog ada"));
	decide(moved, 0, "bird", &bob);
	assert_string_equal(follow(moved, &is, 100), "label 0 bird bob");
	assert_string_equal(follow(fixture->dataset, &was, 100), "");
}

static void who_waits_is_rung_when_there_is_something_to_tell(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct feed_waiter *waiter = feed_waiter_open(dataset), *other = feed_waiter_open(dataset);
	struct follower follower = {.count = 0};
	int tries = 0;

	add_pictures(dataset, 1);
	while (waiter && feed_wait(dataset, waiter, 1)) /* each time a stream is opened */
		assert_true(++tries < 10);
	follow(dataset, &follower, 10);
	for (int round = 0; round < 3; round++) {
		decide(dataset, 0, round % 2 ? "cat" : "dog", &ada);
		for (tries = 0; !feed_wait(dataset, waiter, 100); tries++)
			assert_true(tries < TRIES_MAX);
		follow(dataset, &follower, 10);
		assert_int_equal(follower.count, 1);
	}
	assert_true(feed_wait(dataset, other, 100));
	feed_waiter_close(dataset, waiter);
	feed_waiter_close(dataset, other);
}

static void limits_are_checked(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct follower follower = {.count = 0};
	char next[FEED_KEY_MAX];

	refused(feed_read(dataset, "", 0, note, &follower, next, &failure), ERR_BAD_REQUEST);
	refused(feed_read(dataset, "", DATASET_PAGE_MAX + 1, note, &follower, next, &failure), ERR_BAD_REQUEST);
	must(feed_read(dataset, "", DATASET_PAGE_MAX, note, &follower, next, &failure));
}

/* --- at once ------------------------------------------------------------------------------------------------------ */

enum { EVENTS = WRITERS * ROUNDS, WAIT_MS = 500 };

struct told {
	char after[FEED_KEY_MAX];
	int told[WRITERS][ROUNDS];
	size_t count;
};

/* Each round is about one sample, on which all writers decide; they lie far apart. */
static int64_t sample_for(int round)
{
	return round * 16 % PICTURES;
}

static void hear(void *data, const struct feed_item *item)
{
	struct told *told = data;
	int writer = -1, round = -1;

	told->count++;
	if (expect(item->kind == FEED_LABEL && sscanf(item->by, "w%d-%d", &writer, &round) == 2 && item->id == sample_for(round)))
		told->told[writer][round]++;
}

static void hear_more(struct dataset *dataset, struct told *told)
{
	char after[FEED_KEY_MAX];

	memcpy(after, told->after, sizeof(after));
	expect(feed_read(dataset, after, 7, hear, told, told->after, &failure) == 0);
}

/* Process 0 follows from the beginning while the others write. */
static void write_or_follow(struct fixture *fixture, int number)
{
	struct told told = {.count = 0};
	char user[32];

	for (int round = 0; number > 0 && round < ROUNDS; round++) {
		struct sample sample;

		snprintf(user, sizeof(user), "w%d-%d", number - 1, round);
		const struct correction correction = {.user = user};
		if (!expect(sample_decide(fixture->dataset, sample_for(round), round % 2 ? "cat" : "dog", &correction, &sample, &failure) == 0))
			return;
		sample_release(&sample);
	}
	if (number > 0)
		return;
	struct feed_waiter *waiter = feed_waiter_open(fixture->dataset);
	hear_more(fixture->dataset, &told);
	for (int tries = 0; told.count < EVENTS && tries < TRIES_MAX; tries += waiter ? WAIT_MS : 1) {
		if (feed_wait(fixture->dataset, waiter, WAIT_MS))
			hear_more(fixture->dataset, &told);
		if (!waiter)
			poll(NULL, 0, 1);
	}
	feed_waiter_close(fixture->dataset, waiter);
	hear_more(fixture->dataset, &told);
	for (int writer = 0; writer < WRITERS; writer++) {
		for (int round = 0; round < ROUNDS; round++)
			expect(told.told[writer][round] == 1);
	}
}

static void a_follower_misses_nothing_that_processes_write_at_once(void **state)
{
	struct fixture *fixture = *state;

	add_pictures(fixture->dataset, PICTURES);
	run_processes(fixture, WRITERS + 1, write_or_follow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(each_change_comes_once_in_order),
		DATASET_TEST(a_removal_is_told_after_what_was_before),
		DATASET_TEST(what_was_before_is_told_from_the_beginning),
		DATASET_TEST(a_merge_is_told_for_each_sample),
		DATASET_TEST(a_key_of_another_feed_is_gone),
		DATASET_TEST(what_was_told_is_told_of_a_dataset_that_was_moved),
		DATASET_TEST(who_waits_is_rung_when_there_is_something_to_tell),
		DATASET_TEST(limits_are_checked),
		DATASET_TEST(a_follower_misses_nothing_that_processes_write_at_once),
	};

	return RUN(tests);
}
