/* Contract: a dataset moves to another store unchanged: it is read, restored with its ids, and hidden until it is
 * whole. */
#include "fixture.h"

#include "base/hash.h"
#include "dataset/label.h"
#include "dataset/correct.h"
#include "dataset/move.h"
#include "dataset/stats.h"
#include "dataset/task.h"

#define ORIGIN "another store / animals"

/* --- what moves ---------------------------------------------------------------------------------------------------- */

static void add_image(struct dataset *dataset, const char *filepath, const char *label, const char *sha256)
{
	struct dataset_image image = {.filepath = filepath,
	                              .label = label,
	                              .blob_key = "images/cat/img-1.png",
	                              .type = "image/png",
	                              .sha256 = sha256,
	                              .filename = "from my phone.png",
	                              .url = "http://bucket.example/images/cat/img-1.png",
	                              .bytes = 1234,
	                              .width = 640,
	                              .height = 480,
	                              .user = "ada"};
	struct sample sample;
	bool duplicate;

	must(dataset_add_image(dataset, &image, 0, &sample, &duplicate, &failure));
	sample_release(&sample);
}

/* Leases the user's next one and passes it over. */
static void skip_next(struct dataset *dataset, const char *user, enum dataset_skip skip)
{
	struct task task;

	must(lease_next(dataset, user, &task, &failure));
	must(lease_skip(dataset, user, task.token, skip, &failure));
	task_release(&task);
}

/* A bit of everything: labels given, given again, taken; skipped, requeued, passed on, unreadable; an upload; a
 * note. */
static void use(struct dataset *dataset)
{
	bool accepted;

	add_pictures(dataset, 8);
	label_next(dataset, "ada", 0, "cat");
	must(dataset_label_path(dataset, "bob", "/pictures", picture(0), "dog", &accepted, &failure));
	skip_next(dataset, "ada", DATASET_SKIP_IGNORE);
	skip_next(dataset, "ada", DATASET_SKIP_REQUEUE_FOR_ME);
	skip_next(dataset, "ada", DATASET_SKIP_REQUEUE_FOR_OTHERS);
	must(dataset_mark_unreadable(dataset, 4, &failure));
	add_image(dataset, "phone.png", "cat", "00ff");
	must(dataset_note_set(dataset, "seed.json", "its hash", &failure));
	int64_t key;
	bool created;
	must(dataset_label_add(dataset, "fish", &key, &created, &failure));
	must(dataset_label_change(dataset, key, &(struct label_change){.name = "carp"}, &failure));
	must(dataset_label_add(dataset, "ant", &key, &created, &failure));
	must(dataset_label_remove(dataset, key, &failure));
	must(dataset_label_change(dataset, 1,
	                          &(struct label_change){
					  .colour = "#102030", .description = "barks", .moves = true, .position = -7.5},
	                          &failure));
	flag(dataset, 1, "bob", "");
	flag(dataset, 5, "ada", "too dark");
	must(dataset_set_contents(dataset, &(struct dataset_content){5, "cc11", 77, 123456789}, 1, &failure));
}

static void copy_records(struct dataset *from, struct dataset *to, int64_t after)
{
	struct dataset_record *records;
	size_t count = 3;

	while (count == 3) { /* a page is full */
		must(dataset_records(from, after, 3, &records, &count, &failure));
		must(dataset_restore_records(to, records, count, &failure));
		for (size_t i = 0; i < count; i++) {
			after = records[i].sample.id;
			dataset_record_release(&records[i]);
		}
		free(records);
	}
}

static struct dataset *begin(struct dataset_store *store, const char *name, struct dataset *from)
{
	struct dataset_outline outline;
	struct dataset *to;
	int64_t last;

	must(dataset_restore_open(store, name, ORIGIN, &to, &last, &failure));
	assert_int_equal(last, -1);
	must(dataset_outline(from, &outline, &failure));
	must(dataset_restore_outline(to, &outline, &failure));
	dataset_outline_release(&outline);
	return to;
}

/* Restores `from` under another name of the same store, and opens that. */
static struct dataset *move(struct fixture *fixture, struct dataset *from, const char *name)
{
	struct dataset *to = begin(fixture->store, name, from);

	copy_records(from, to, -1);
	must(dataset_restore_finish(to, &failure));
	return open_dataset(fixture->store, name);
}

static void assert_same_records(struct dataset *a, struct dataset *b)
{
	struct dataset_record *one, *other;
	size_t count, others;

	must(dataset_records(a, -1, 100, &one, &count, &failure));
	must(dataset_records(b, -1, 100, &other, &others, &failure));
	assert_int_equal(count, others);
	for (size_t i = 0; i < count; i++) {
		unsigned char of_one[HASH_SHA256_SIZE], of_other[HASH_SHA256_SIZE];

		dataset_record_digest(&one[i], of_one);
		dataset_record_digest(&other[i], of_other);
		assert_memory_equal(of_one, of_other, sizeof(of_one));
		assert_string_equal(one[i].url, other[i].url);
		dataset_record_release(&one[i]);
		dataset_record_release(&other[i]);
	}
	free(one);
	free(other);
}

static void remove_one(struct dataset *dataset, int64_t id)
{
	struct tombstone *removed;
	size_t count;

	must(dataset_remove_sample(dataset, id, "eve", &removed, &count, &failure));
	tombstones_release(removed, count);
}

static void assert_same_stats(struct dataset *a, struct dataset *b)
{
	struct dataset_stats one, other;

	must(dataset_stats(a, NULL, &one, &failure));
	must(dataset_stats(b, NULL, &other, &failure));
	assert_int_equal(one.person_count, other.person_count);
	for (size_t i = 0; i < one.person_count; i++) {
		assert_string_equal(one.people[i].user, other.people[i].user);
		assert_int_equal(one.people[i].labelled, other.people[i].labelled);
	}
	for (int kind = 0; kind < STATS_KINDS; kind++) {
		int64_t sum = 0;

		assert_int_equal(one.kept.count[kind], other.kept.count[kind]);
		for (size_t i = 0; i < one.kept.count[kind]; i++)
			sum += one.kept.rows[kind][i].n - other.kept.rows[kind][i].n;
		assert_int_equal(sum, 0);
	}
	dataset_stats_release(&one);
	dataset_stats_release(&other);
}

static void assert_same_info(struct dataset *a, struct dataset *b)
{
	struct dataset_outline one, other;
	struct dataset_info of_one, of_other;

	must(dataset_outline(a, &one, &failure));
	must(dataset_outline(b, &other, &failure));
	assert_true(dataset_outline_equal(&one, &other));
	dataset_outline_release(&one);
	dataset_outline_release(&other);
	must(dataset_info(a, &of_one, &failure));
	must(dataset_info(b, &of_other, &failure));
	of_one.counts.leased = of_other.counts.leased = 0;
	assert_memory_equal(&of_one.counts, &of_other.counts, sizeof(of_one.counts));
	for (size_t i = 0; i < of_one.labels.count; i++)
		assert_int_equal(of_one.labels.item[i].count, of_other.labels.item[i].count);
	dataset_info_release(&of_one);
	dataset_info_release(&of_other);
	assert_counts_true(b);
	assert_same_stats(a, b);
}

static void all_of_it_is_restored(void **state)
{
	struct fixture *fixture = *state;

	use(fixture->dataset);
	struct dataset *copy = move(fixture, fixture->dataset, "copy");
	assert_same_records(fixture->dataset, copy);
	assert_same_info(fixture->dataset, copy);
	assert_string_equal(history(copy, 0), "cat ada task; dog bob classify");
	assert_string_equal(history(copy, 8), "cat ada upload");
	assert_sample(copy, 1, "", SAMPLE_SKIPPED);
	assert_sample(copy, 4, "", SAMPLE_UNREADABLE);
	dataset_close(copy);
}

static void a_record_tells_all_that_is_kept_of_a_sample(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_record *records;
	size_t count;

	use(dataset);
	must(dataset_records(dataset, -1, 100, &records, &count, &failure));
	assert_int_equal(count, 9);
	assert_int_equal(records[0].event_count, 2);
	assert_string_equal(records[0].events[1].label, "dog");
	assert_string_equal(records[0].events[1].source, "classify");
	assert_int_equal(records[0].events[0].lead_time_ms, -1);
	assert_true(records[2].requeued > 0);
	assert_int_equal(records[3].requeued, 0);
	assert_int_equal(records[3].vote_count, 1);
	assert_string_equal(records[3].votes[0].user, "ada");
	assert_null(records[3].votes[0].label);
	assert_string_equal(records[8].url, "http://bucket.example/images/cat/img-1.png");
	assert_true(records[8].added_at > 0);
	for (size_t i = 0; i < count; i++)
		dataset_record_release(&records[i]);
	free(records);
}

static void the_queue_goes_on_where_it_was(void **state)
{
	struct fixture *fixture = *state;

	use(fixture->dataset);
	struct dataset *copy = move(fixture, fixture->dataset, "copy");
	/* 3 was passed on by ada, 2 was put to the end; who is not ada gets both. */
	const int64_t wanted[] = {5, 6, 7, 2};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		label_next(copy, "ada", wanted[i], "cat");
	label_next(copy, "bob", 3, "cat");
	struct task task;
	refused(lease_next(copy, "carl", &task, &failure), ERR_NOT_FOUND);
	dataset_close(copy);
}

/* Two requeued before the move stay before those requeued after it. */
static void the_end_of_the_queue_stays_the_end(void **state)
{
	struct fixture *fixture = *state;

	add_pictures(fixture->dataset, 3);
	skip_next(fixture->dataset, "ada", DATASET_SKIP_REQUEUE_FOR_ME);
	skip_next(fixture->dataset, "ada", DATASET_SKIP_REQUEUE_FOR_ME);
	struct dataset *copy = move(fixture, fixture->dataset, "copy");
	skip_next(copy, "ada", DATASET_SKIP_REQUEUE_FOR_ME);
	for (int64_t id = 0; id < 3; id++)
		label_next(copy, "ada", id, "cat");
	dataset_close(copy);
}

static void what_was_taken_back_stays_so_and_the_rest_can_be(void **state)
{
	struct fixture *fixture = *state;
	const struct correction bob = {.user = "bob"};
	struct sample sample;

	add_pictures(fixture->dataset, 1);
	for (int i = 0; i < 3; i++) {
		must(sample_decide(fixture->dataset, 0, (const char *[]){"cat", "", "dog"}[i], &bob, &sample, &failure));
		sample_release(&sample);
	}
	must(sample_undo(fixture->dataset, 0, &bob, &sample, &failure));
	sample_release(&sample);
	struct dataset *copy = move(fixture, fixture->dataset, "copy");
	assert_same_records(fixture->dataset, copy);
	assert_sample(copy, 0, "", SAMPLE_UNLABELLED);
	must(sample_undo(copy, 0, &bob, &sample, &failure));
	assert_string_equal(sample.label, "cat");
	sample_release(&sample);
	must(sample_undo(copy, 0, &bob, &sample, &failure));
	sample_release(&sample);
	refused(sample_undo(copy, 0, &bob, &sample, &failure), ERR_CONFLICT);
	assert_sample(copy, 0, "", SAMPLE_UNLABELLED);
	dataset_close(copy);
}

static void votes_count_on(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_policy policy = dataset_policy_default();

	policy.overlap = 3;
	policy.overlap_max = 4;
	policy.lease_seconds = 77;
	policy.skip = DATASET_SKIP_IGNORE;
	struct dataset *asked = make_dataset(fixture, "asked", &policy);
	add_pictures(asked, 3);
	label_next(asked, "ada", 0, "cat");
	label_next(asked, "bob", 0, "dog");
	const char *const voters[] = {"ada", "bob", "eve"}, *const labels[] = {"cat", "dog", "bird"};
	for (int i = 0; i < 3; i++) { /* enough, and no two agree */
		bool accepted;

		must(dataset_label_path(asked, voters[i], "/pictures", picture(1), labels[i], &accepted, &failure));
		assert_true(accepted);
	}
	struct dataset *copy = move(fixture, asked, "copy");
	assert_same_records(asked, copy);
	assert_same_info(asked, copy);
	assert_int_equal(next_id(copy, "ada"), 2); /* she said what 0 and 1 are */
	assert_int_equal(next_id(copy, "carl"), 0);
	assert_int_equal(next_id(copy, "dora"), 1); /* carl's vote is the last that 0 wants; 1 wants one more */
	assert_int_equal(next_id(copy, "fay"), 2);
	label_next(copy, "carl", 0, "dog");
	assert_sample(copy, 0, "dog", SAMPLE_LABELLED);
	assert_sample(copy, 1, "", SAMPLE_UNLABELLED);
	dataset_close(asked);
	label_next(copy, "dora", 1, "cat"); /* nor does she agree: the limit came, too */
	assert_sample(copy, 1, "", SAMPLE_REVIEW);
	struct dataset *back = move(fixture, copy, "back");
	assert_same_records(copy, back);
	assert_same_info(copy, back);
	dataset_close(back);
	dataset_close(copy);
}

static void known_answers_come_along_with_what_was_answered(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_policy policy = {.overlap = 1, .gold_rate = 100};
	struct dataset *mixed = make_dataset(fixture, "mixed", &policy);
	struct dataset_info info;
	struct sample sample;
	struct task task;
	bool accepted;

	add_pictures(mixed, 3);
	for (int id = 0; id < 2; id++) {
		must(sample_mark_gold(mixed, id, "cat", &(struct correction){.user = "ann"}, &sample, &failure));
		sample_release(&sample);
		must(dataset_label_path(mixed, "ada", "/pictures", picture(id), id ? "dog" : "cat", &accepted, &failure));
	}
	must(sample_decide(mixed, 1, "bird", &(struct correction){.user = "bob", .annotates = true}, &sample, &failure));
	sample_release(&sample);
	struct dataset *copy = move(fixture, mixed, "copy");
	assert_same_records(mixed, copy);
	assert_same_info(mixed, copy);
	must(dataset_info(copy, &info, &failure));
	assert_int_equal(info.counts.gold, 2);
	assert_int_equal(info.place.policy.gold_rate, 100);
	dataset_info_release(&info);
	label_next(copy, "ada", 2, "cat"); /* she has answered both */
	assert_int_equal(next_id(copy, "bob"), 0);
	must(dataset_label_path(copy, "dan", "/pictures", picture(1), "dog", &accepted, &failure));
	assert_sample(copy, 1, "cat", SAMPLE_LABELLED);
	lease_tasks(copy, "dan", 1, &task, 0); /* bob holds the other one */
	dataset_close(mixed);
	dataset_close(copy);
}

static void leases_stay_behind(void **state)
{
	struct fixture *fixture = *state;

	add_pictures(fixture->dataset, 2);
	assert_int_equal(next_id(fixture->dataset, "ada"), 0);
	struct dataset *copy = move(fixture, fixture->dataset, "copy");
	assert_int_equal(leased(copy), 0);
	assert_int_equal(next_id(copy, "bob"), 0);
	assert_int_equal(leased(fixture->dataset), 1);
	dataset_close(copy);
}

/* --- ids and keys -------------------------------------------------------------------------------------------------- */

static struct dataset_record plain(int64_t id, const char *filepath, const char *label)
{
	static char none[] = "";

	return (struct dataset_record){.sample = {.id = id,
	                                          .filepath = (char *)(uintptr_t)filepath,
	                                          .label = (char *)(uintptr_t)label,
	                                          .state = *label ? SAMPLE_LABELLED : SAMPLE_UNLABELLED,
	                                          .blob_key = none,
	                                          .type = none,
	                                          .sha256 = none,
	                                          .filename = none,
	                                          .uploaded_by = none,
	                                          .labelled_by = none},
	                               .url = none};
}

/* As databases of the older system have them: ids 0, 2, 3, 7; a.png is listed twice. */
static struct dataset *older(struct fixture *fixture)
{
	struct dataset_record records[] = {plain(0, "a.png", ""), plain(2, "b.png", "no longer a label"),
	                                   plain(3, "a.png", ""), plain(7, "c.png", "")};
	struct dataset *to = begin(fixture->store, "older", fixture->dataset);

	must(dataset_restore_records(to, records, 4, &failure));
	must(dataset_restore_finish(to, &failure));
	return open_dataset(fixture->store, "older");
}

static void gaps_in_the_ids_stay(void **state)
{
	struct dataset *dataset = older(*state);
	struct dataset_seed seed = {.filepath = "d.png", .label = ""};
	struct dataset_merged merged = {0};
	struct sample sample;
	int64_t size;

	must(dataset_size(dataset, &size, &failure));
	assert_int_equal(size, 4);
	assert_counts_true(dataset);
	refused(dataset_sample(dataset, 1, &sample, &failure), ERR_NOT_FOUND);
	assert_sample(dataset, 7, "", SAMPLE_UNLABELLED);
	must(dataset_merge(dataset, NULL, 0, &seed, 1, &merged, &failure));
	assert_sample(dataset, 8, "", SAMPLE_UNLABELLED);
	must(dataset_size(dataset, &size, &failure));
	assert_int_equal(size, 5);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void a_filepath_may_be_there_twice_and_is_labelled_twice(void **state)
{
	struct dataset *dataset = older(*state);
	struct sample sample;
	bool accepted;

	must(dataset_sample_by_path(dataset, "a.png", &sample, &failure));
	assert_int_equal(sample.id, 0);
	sample_release(&sample);
	must(dataset_label_path(dataset, "ada", "/pictures", "a.png", "cat", &accepted, &failure));
	assert_true(accepted);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_sample(dataset, 3, "cat", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 3), "cat ada classify");
	assert_sample(dataset, 2, "no longer a label", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void a_filepath_that_is_there_is_not_added(void **state)
{
	struct dataset *dataset = older(*state);
	struct dataset_seed seeds[] = {{.filepath = "a.png", .label = "dog"}, {.filepath = "c.png", .label = ""}};
	struct dataset_merged merged = {0};

	must(dataset_merge(dataset, NULL, 0, seeds, 2, &merged, &failure));
	assert_int_equal(merged.samples_added, 0);
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_sample(dataset, 3, "", SAMPLE_UNLABELLED);
	dataset_close(dataset);
}

static void keys_of_labels_are_kept_and_never_used_again(void **state)
{
	struct fixture *fixture = *state;
	char cat[] = "cat", bird[] = "bird", base[] = "/pictures";
	struct dataset_label labels[] = {{.key = 2, .name = bird}, {.key = 5, .name = cat}};
	struct dataset_outline outline = {
		.base_dir = base, .policy = dataset_policy_default(), .labels = labels, .label_count = 2, .next_label = 9};
	struct dataset_info info;
	struct dataset *to;
	int64_t last, key;
	bool created;

	must(dataset_restore_open(fixture->store, "copy", ORIGIN, &to, &last, &failure));
	must(dataset_restore_outline(to, &outline, &failure));
	must(dataset_restore_finish(to, &failure));
	to = open_dataset(fixture->store, "copy");
	must(dataset_label_add(to, "fish", &key, &created, &failure));
	assert_int_equal(key, 9);
	must(dataset_info(to, &info, &failure));
	assert_int_equal(info.labels.count, 3);
	assert_int_equal(info.labels.item[0].key, 2);
	assert_string_equal(info.labels.item[0].name, "bird");
	assert_int_equal(info.labels.item[1].key, 5);
	dataset_info_release(&info);
	dataset_close(to);
}

/* --- going on ------------------------------------------------------------------------------------------------------ */

static void what_is_restored_again_replaces_what_is_there(void **state)
{
	struct fixture *fixture = *state;
	bool accepted;

	use(fixture->dataset);
	struct dataset *to = begin(fixture->store, "copy", fixture->dataset);
	copy_records(fixture->dataset, to, -1);
	copy_records(fixture->dataset, to, 4);
	assert_same_records(fixture->dataset, to);
	must(dataset_label_path(fixture->dataset, "ada", "/pictures", picture(6), "bird", &accepted, &failure));
	copy_records(fixture->dataset, to, 5);
	assert_same_records(fixture->dataset, to);
	assert_same_info(fixture->dataset, to);
	must(dataset_restore_finish(to, &failure));
}

static void one_that_was_cut_off_goes_on_after_the_last_record(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_record *records;
	struct dataset *to;
	size_t count;
	int64_t last;

	use(fixture->dataset);
	to = begin(fixture->store, "copy", fixture->dataset);
	must(dataset_records(fixture->dataset, -1, 5, &records, &count, &failure));
	must(dataset_restore_records(to, records, count, &failure));
	for (size_t i = 0; i < count; i++)
		dataset_record_release(&records[i]);
	free(records);
	dataset_close(to);
	struct dataset_store *store = another_store(fixture);
	must(dataset_restore_open(store, "copy", ORIGIN, &to, &last, &failure));
	assert_int_equal(last, 4);
	copy_records(fixture->dataset, to, last);
	assert_same_records(fixture->dataset, to);
	assert_same_info(fixture->dataset, to);
	must(dataset_restore_finish(to, &failure));
	dataset_store_free(store);
}

static bool note_name(void *data, const char *name)
{
	struct buf *names = data;

	buf_printf(names, "%s ", name);
	return true;
}

static void assert_listed(struct dataset_store *store, const char *wanted)
{
	struct buf names;

	buf_init(&names, 1000);
	must(dataset_store_list(store, "", 100, note_name, &names, &failure));
	assert_string_equal(buf_text(&names), wanted);
	buf_release(&names);
}

static void it_is_not_there_until_it_is_whole(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *found, *to = begin(fixture->store, "copy", fixture->dataset);

	for (int restarted = 0; restarted < 2; restarted++) {
		struct dataset_store *store = restarted ? another_store(fixture) : fixture->store;

		assert_listed(store, "animals ");
		refused(dataset_open(store, "copy", &found, &failure), ERR_NOT_FOUND);
		refused(dataset_remove(store, "copy", &failure), ERR_NOT_FOUND);
		refused(dataset_create(store, "copy", "", NULL, &failure), ERR_CONFLICT);
		if (restarted)
			dataset_store_free(store);
	}
	must(dataset_restore_finish(to, &failure));
	assert_listed(fixture->store, "animals copy ");
	dataset_close(open_dataset(fixture->store, "copy"));
	must(dataset_remove(fixture->store, "copy", &failure));
}

static void no_other_dataset_is_overwritten(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *to, *other;
	char *origin;
	int64_t last;

	refused(dataset_restore_open(fixture->store, "animals", ORIGIN, &to, &last, &failure), ERR_CONFLICT);
	dataset_close(begin(fixture->store, "copy", fixture->dataset));
	refused(dataset_restore_open(fixture->store, "copy", "elsewhere", &to, &last, &failure), ERR_CONFLICT);
	must(dataset_restore_open(fixture->store, "copy", ORIGIN, &to, &last, &failure));
	must(dataset_restore_finish(to, &failure));
	refused(dataset_restore_open(fixture->store, "copy", ORIGIN, &to, &last, &failure), ERR_CONFLICT);
	other = open_dataset(fixture->store, "copy");
	must(dataset_note_get(other, DATASET_ORIGIN, &origin, &failure));
	assert_string_equal(origin, ORIGIN);
	free(origin);
	dataset_close(other);
}

static void an_unfinished_one_can_be_dropped(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *to;
	int64_t last;

	use(fixture->dataset);
	refused(dataset_restore_drop(fixture->store, "copy", &failure), ERR_NOT_FOUND);
	refused(dataset_restore_drop(fixture->store, "animals", &failure), ERR_NOT_FOUND);
	to = begin(fixture->store, "copy", fixture->dataset);
	copy_records(fixture->dataset, to, -1);
	dataset_close(to);
	must(dataset_restore_drop(fixture->store, "copy", &failure));
	must(dataset_restore_open(fixture->store, "copy", "elsewhere", &to, &last, &failure));
	assert_int_equal(last, -1);
	dataset_close(to);
}

/* --- reading alone, places, URLs ----------------------------------------------------------------------------------- */

static void a_store_that_is_only_read_gives_the_same(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *reading;
	struct dataset *read;

	use(fixture->dataset);
	must(dataset_store_open_reading(&reading, &fixture->config, &failure));
	assert_listed(reading, "animals ");
	read = open_dataset(reading, "animals");
	assert_same_records(fixture->dataset, read);
	assert_same_info(fixture->dataset, read);
	dataset_close(read);
	dataset_store_free(reading);
}

static void a_store_tells_its_place_without_secrets(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *other = another_store(fixture);
	struct buf place, again;

	buf_init(&place, 10000);
	buf_init(&again, 10000);
	dataset_store_place(fixture->store, &place);
	dataset_store_place(other, &again);
	assert_true(place.len > 0);
	assert_string_equal(buf_text(&place), buf_text(&again));
	assert_null(strstr(buf_text(&place), "://"));
	dataset_store_free(other);
	buf_release(&place);
	buf_release(&again);
}

static void urls_of_images_can_be_changed(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_url urls[] = {{.id = 8, .url = "http://elsewhere/1.png"}, {.id = 99, .url = "http://nowhere"}};
	struct dataset_record *records;
	size_t count;

	use(dataset);
	must(dataset_set_urls(dataset, urls, 2, &failure));
	must(dataset_set_urls(dataset, urls, 0, &failure));
	must(dataset_records(dataset, 7, 1, &records, &count, &failure));
	assert_int_equal(count, 1);
	assert_string_equal(records[0].url, "http://elsewhere/1.png");
	dataset_record_release(&records[0]);
	free(records);
}

static void samples_stay_removed(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *from = fixture->dataset;
	struct dataset_merged merged = {0};
	struct tombstone *due;
	struct sample sample;
	size_t count;
	int64_t last;

	use(from);
	remove_one(from, 1);
	remove_one(from, 8); /* the upload, which is the last one */
	struct dataset *to = begin(fixture->store, "copy", from);
	copy_records(from, to, -1);
	remove_one(from, 0); /* when it was copied already */
	copy_records(from, to, -1);
	dataset_close(to);
	must(dataset_restore_open(fixture->store, "copy", ORIGIN, &to, &last, &failure));
	assert_int_equal(last, 8);
	must(dataset_restore_finish(to, &failure));
	to = open_dataset(fixture->store, "copy");
	assert_same_records(from, to);
	assert_same_info(from, to);
	assert_counts_true(to);
	must(dataset_removed(to, true, -1, 10, &due, &count, &failure));
	assert_int_equal(count, 2); /* of the upload no image came */
	assert_int_equal(due[0].id, 0);
	assert_int_equal(due[1].id, 1);
	tombstones_release(due, count);
	must(dataset_merge(to, NULL, 0, &(struct dataset_seed){picture(1), "cat"}, 1, &merged, &failure));
	assert_int_equal(merged.samples_known, 1);
	must(dataset_merge(to, NULL, 0, &(struct dataset_seed){"new.png", ""}, 1, &merged, &failure));
	must(dataset_sample_by_path(to, "new.png", &sample, &failure));
	assert_int_equal(sample.id, 9);
	sample_release(&sample);
	dataset_close(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(all_of_it_is_restored),
		DATASET_TEST(samples_stay_removed),
		DATASET_TEST(a_record_tells_all_that_is_kept_of_a_sample),
		DATASET_TEST(the_queue_goes_on_where_it_was),
		DATASET_TEST(the_end_of_the_queue_stays_the_end),
		DATASET_TEST(what_was_taken_back_stays_so_and_the_rest_can_be),
		DATASET_TEST(votes_count_on),
		DATASET_TEST(known_answers_come_along_with_what_was_answered),
		DATASET_TEST(leases_stay_behind),
		DATASET_TEST(gaps_in_the_ids_stay),
		DATASET_TEST(a_filepath_may_be_there_twice_and_is_labelled_twice),
		DATASET_TEST(a_filepath_that_is_there_is_not_added),
		DATASET_TEST(keys_of_labels_are_kept_and_never_used_again),
		DATASET_TEST(what_is_restored_again_replaces_what_is_there),
		DATASET_TEST(one_that_was_cut_off_goes_on_after_the_last_record),
		DATASET_TEST(it_is_not_there_until_it_is_whole),
		DATASET_TEST(no_other_dataset_is_overwritten),
		DATASET_TEST(an_unfinished_one_can_be_dropped),
		DATASET_TEST(a_store_that_is_only_read_gives_the_same),
		DATASET_TEST(a_store_tells_its_place_without_secrets),
		DATASET_TEST(urls_of_images_can_be_changed),
	};

	return RUN(tests);
}
