/* A dataset of which there is a bit of everything, and its restoration under another name. */
#include "moving.h"

#include "base/hash.h"
#include "dataset/label.h"
#include "dataset/stats.h"
#include "dataset/task.h"

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

void skip_next(struct dataset *dataset, const char *user, enum dataset_skip skip)
{
	struct task task;

	must(lease_next(dataset, user, &task, &failure));
	must(lease_skip(dataset, user, task.token, skip, &failure));
	task_release(&task);
}

void use_dataset(struct dataset *dataset)
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

static int restore_page(void *to, struct dataset_record *records, size_t count, struct err *err)
{
	return dataset_restore_records(to, records, count, err);
}

void copy_records(struct dataset *from, struct dataset *to, int64_t after)
{
	must(dataset_each_page(from, after, 3, restore_page, to, &failure)); /* so that there are several */
}

struct dataset *restore_begin(struct dataset_store *store, const char *name, struct dataset *from)
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

struct dataset *move_dataset(struct fixture *fixture, struct dataset *from, const char *name)
{
	struct dataset *to = restore_begin(fixture->store, name, from);

	copy_records(from, to, -1);
	must(dataset_restore_finish(to, &failure));
	return open_dataset(fixture->store, name);
}

void assert_same_records(struct dataset *a, struct dataset *b)
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

void assert_same_info(struct dataset *a, struct dataset *b)
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

static bool note_name(void *data, const char *name)
{
	struct buf *names = data;

	buf_printf(names, "%s ", name);
	return true;
}

void assert_listed(struct dataset_store *store, const char *wanted)
{
	struct buf names;

	buf_init(&names, 1000);
	must(dataset_store_list(store, "", 100, note_name, &names, &failure));
	assert_string_equal(buf_text(&names), wanted);
	buf_release(&names);
}
