/* Contract: which samples pass a filter, page by page; and flags, by which one can filter. */
#include "fixture.h"

#include "dataset/correct.h"

#include <string.h>

enum { SAMPLES = 60, PAGE = 7 };

static const char *const people[] = {"ada", "bob", "cyd"};
static const char *const labels[] = {"cat", "dog"};

static void classify(struct dataset *dataset, const char *user, const char *filepath, const char *label)
{
	bool accepted;

	must(dataset_label_path(dataset, user, "/pictures", filepath, label, &accepted, &failure));
	assert_true(accepted);
}

static void skip_first(struct dataset *dataset, int64_t id)
{
	struct task task = next_task(dataset, "zoe");

	assert_int_equal(task.sample.id, id);
	must(lease_skip(dataset, "zoe", task.token, DATASET_SKIP_IGNORE, &failure));
	task_release(&task);
}

/* Samples of every kind: three in five labelled, by three people, an hour apart; others skipped, unreadable, seeded; some
 * flagged. *hour: the times at which they were labelled. */
static void fill(struct dataset *dataset, int64_t hours[3])
{
	struct dataset_merged merged = {0};
	struct sample sample;

	add_pictures(dataset, SAMPLES);
	must(dataset_merge(dataset, NULL, 0, &(struct dataset_seed){"seeded/\"grün\".png", "cat"}, 1, &merged, &failure));
	must(dataset_merge(dataset, NULL, 0, &(struct dataset_seed){"seeded/%_猫.png", "dog"}, 1, &merged, &failure));
	for (int hour = 0; hour < 3; hour++) {
		for (int id = hour; id < SAMPLES; id += 5)
			classify(dataset, people[hour], picture(id), labels[id % 2]);
		must(dataset_sample(dataset, hour, &sample, &failure));
		hours[hour] = sample.labelled_at;
		sample_release(&sample);
		clock_advance(3600);
	}
	skip_first(dataset, 3);
	for (int id = 4; id < SAMPLES; id += 10)
		must(dataset_mark_unreadable(dataset, id, &failure));
	for (int id = 0; id < SAMPLES; id += 4)
		flag(dataset, id, "bob", id % 8 ? "look" : "");
}

/* What the filter means, said once more. */
static bool passes(const struct sample *sample, const struct sample_filter *filter)
{
	return (!filter->of_state || sample->state == filter->state) &&
	       (!filter->label || strcmp(sample->label, filter->label) == 0) &&
	       (!filter->by || strcmp(sample->labelled_by, filter->by) == 0) &&
	       (!filter->q || strstr(sample->filepath, filter->q)) &&
	       (!filter->flagged || (sample->flag != NULL) == (filter->flagged == SAMPLE_FLAGGED)) &&
	       (!filter->since || sample->labelled_at >= filter->since);
}

struct listing {
	struct sample *item;
	size_t count;
};

static struct listing list_all(struct dataset *dataset)
{
	struct listing all;

	must(dataset_samples(dataset, NULL, -1, DATASET_PAGE_MAX, &all.item, &all.count, &failure));
	return all;
}

static void listing_release(struct listing *all)
{
	for (size_t i = 0; i < all->count; i++)
		sample_release(&all->item[i]);
	free(all->item);
}

/* Reads all pages, looking at so many samples for each, which must hold those of `all` that pass; how many these are. */
static size_t assert_pages(struct dataset *dataset, const struct listing *all, const struct sample_filter *filter,
                           size_t examined)
{
	struct sample_page page = {.reached = -1, .limit = PAGE, .examined = examined};
	size_t total = 0, next = 0;

	while (page.reached < INT64_MAX) {
		page.after = page.reached;
		must(dataset_samples_page(dataset, filter, &page, &failure));
		assert_true(page.reached > page.after);
		assert_true(examined > 0 || page.count == PAGE || page.reached == INT64_MAX);
		for (size_t i = 0; i < page.count; i++) {
			while (next < all->count && !passes(&all->item[next], filter))
				next++;
			assert_true(next < all->count);
			assert_int_equal(page.item[i].id, all->item[next++].id);
			assert_true(page.item[i].id <= page.reached);
		}
		total += page.count;
		sample_page_release(&page);
	}
	while (next < all->count && !passes(&all->item[next], filter))
		next++;
	assert_int_equal(next, all->count);
	return total;
}

static size_t assert_passing(struct dataset *dataset, const struct listing *all, const struct sample_filter *filter)
{
	size_t whole = assert_pages(dataset, all, filter, 0), some = assert_pages(dataset, all, filter, 20);

	assert_int_equal(whole, some);
	return whole;
}

static size_t assert_filtered(struct dataset *dataset, const struct sample_filter *filter)
{
	struct listing all = list_all(dataset);
	size_t total = assert_passing(dataset, &all, filter);

	listing_release(&all);
	return total;
}

static void every_combination_finds_what_it_says(void **state)
{
	static const char *const labels_asked[] = {NULL, "cat", "dog", "", "unknown"};
	static const char *const by[] = {NULL, "ada", "nobody"};
	static const char *const q[] = {NULL, "", "picture-1", "-1", "1", "seeded/", "png"};
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	int64_t hours[3];
	size_t tried = 0;

	fill(dataset, hours);
	struct listing all = list_all(dataset);
	for (int i = 0; i < 5 * 5 * 3 * 7 * 3 * 3; i++) {
		const int64_t since[] = {0, hours[0], hours[2]};
		int of = i % 5, rest = i / 5;
		const struct sample_filter filter = {.of_state = of < 4,
		                                     .state = of < 4 ? (enum sample_state)of : SAMPLE_UNLABELLED,
		                                     .label = labels_asked[rest % 5],
		                                     .by = by[rest / 5 % 3],
		                                     .q = q[rest / 15 % 7],
		                                     .flagged = (enum sample_flagged)(rest / 105 % 3),
		                                     .since = since[rest / 315 % 3]};

		tried += assert_pages(dataset, &all, &filter, i % 4 ? 0 : 20) > 0;
	}
	assert_true(tried > 300);
	listing_release(&all);
}

static void what_is_in_review_is_found_and_lacks_a_label(void **state)
{
	static const struct sample_filter review = {.of_state = true, .state = SAMPLE_REVIEW}, lacks = {.label = ""},
					  both = {.of_state = true, .state = SAMPLE_REVIEW, .label = "", .q = "-1"};
	struct dataset_policy policy = {.overlap = 2, .overlap_max = 2};
	struct dataset *dataset = make_dataset(*state, "disputed", &policy);

	add_pictures(dataset, 5);
	for (int id = 1; id < 4; id++) {
		classify(dataset, "ada", picture(id), "cat");
		classify(dataset, "bob", picture(id), id == 3 ? "cat" : "dog");
	}
	assert_int_equal(assert_filtered(dataset, &review), 2);
	assert_int_equal(assert_filtered(dataset, &lacks), 4);
	assert_int_equal(assert_filtered(dataset, &both), 1);
	dataset_close(dataset);
}

static void a_part_of_a_filepath_is_found_letter_by_letter(void **state)
{
	static const struct {
		const char *q;
		size_t count;
	} parts[] = {
		{"picture-1", 11},  {"Picture-1", 0},  {"-59.png", 1}, {"e", 62},    {"\"grün\".", 1}, {"\"gr", 1},
		{"gr\"", 0},        {"ün", 1},         {"u\u0308n", 0}, {"%_猫", 1},  {"%", 1},         {"_", 1},
		{"猫", 1},          {".*", 0},         {"picture-.", 0}, {"^pic", 0}, {"\\", 0},        {"(", 0},
		{"OR", 0},          {"AND", 0},        {"pic*", 0},     {"png", 62}, {"seeded/%_猫.png", 1},
		{"seeded/%_猫.png.", 0}, {"picture-10.png", 1}, {"'", 0},
	};
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	int64_t hours[3];

	fill(dataset, hours);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		const struct sample_filter filter = {.q = parts[i].q};
		size_t found = assert_filtered(dataset, &filter);

		if (found != parts[i].count)
			fail_msg("%s: %zu", parts[i].q, found);
	}
}

static void the_longest_part_is_looked_for(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_merged merged = {0};
	char longest[4097];

	for (size_t i = 0; i < sizeof(longest) - 1; i++)
		longest[i] = (char)('a' + i * i % 23);
	longest[sizeof(longest) - 1] = '\0';
	add_pictures(dataset, 3);
	must(dataset_merge(dataset, NULL, 0, &(struct dataset_seed){longest, ""}, 1, &merged, &failure));
	assert_int_equal(assert_filtered(dataset, &(struct sample_filter){.q = longest}), 1);
	assert_int_equal(assert_filtered(dataset, &(struct sample_filter){.q = longest + 4000}), 1);
	longest[4000] = 'z';
	assert_int_equal(assert_filtered(dataset, &(struct sample_filter){.q = longest}), 0);
}

static void a_label_is_found_in_either_spelling(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	bool created;
	int64_t key;
	struct sample *samples;
	size_t count;

	add_pictures(dataset, 2);
	must(dataset_label_add(dataset, "caf\u00e9", &key, &created, &failure));
	classify(dataset, "ada", picture(1), "caf\u00e9");
	must(dataset_samples(dataset, &(struct sample_filter){.label = "cafe\u0301"}, -1, 10, &samples, &count, &failure));
	assert_int_equal(count, 1);
	assert_int_equal(samples[0].id, 1);
	sample_release(&samples[0]);
	free(samples);
}

static void a_filter_follows_what_samples_become(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct sample_filter cats = {.label = "cat"}, lacking = {.label = ""}, adas = {.by = "ada"};

	add_pictures(dataset, 3);
	assert_int_equal(assert_filtered(dataset, &lacking), 3);
	classify(dataset, "ada", picture(0), "cat");
	classify(dataset, "ada", picture(1), "cat");
	assert_int_equal(assert_filtered(dataset, &cats), 2);
	classify(dataset, "bob", picture(1), "dog");
	assert_int_equal(assert_filtered(dataset, &cats), 1);
	assert_int_equal(assert_filtered(dataset, &adas), 1);
	assert_int_equal(assert_filtered(dataset, &lacking), 1);
}

static void what_no_index_finds_is_looked_for_bit_by_bit(void **state)
{
	static const struct sample_filter absent = {.q = "zz"}, unflagged = {.q = "zz", .flagged = SAMPLE_NOT_FLAGGED};
	const struct sample_filter *const filters[] = {&absent, &unflagged};
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, SAMPLES);
	for (size_t i = 0; i < 2; i++) {
		struct sample_page page = {.after = -1, .limit = PAGE, .examined = 20};

		must(dataset_samples_page(dataset, filters[i], &page, &failure));
		assert_int_equal(page.count, 0);
		assert_true(page.reached >= 4 && page.reached < 20); /* though nothing was found, the list goes on */
		sample_page_release(&page);
	}
}

/* More than are put in order for each page. */
enum { MANY = 6000, MERGED = 1000 };

static void label_many(struct dataset *dataset)
{
	struct correction correction = {.user = "bob"};
	static int64_t ids[MANY];
	size_t count = 0, done;

	for (int id = 0; id < MANY; id++) {
		if (id % 10 < 9)
			ids[count++] = id;
	}
	must(samples_decide(dataset, ids, NULL, count, "cat", &correction, &done, &failure));
}

static void seed_many(struct dataset *dataset)
{
	static char names[MERGED][32];
	struct dataset_seed seeds[MERGED];
	struct dataset_merged merged = {0};

	for (int first = 0; first < MANY; first += MERGED) {
		for (int i = 0; i < MERGED; i++) {
			snprintf(names[i], sizeof(names[i]), "many/%05d.png", first + i);
			seeds[i] = (struct dataset_seed){names[i], ""};
		}
		must(dataset_merge(dataset, NULL, 0, seeds, MERGED, &merged, &failure));
	}
}

static void label_one(struct dataset *dataset, int id, const char *label)
{
	char name[32];

	snprintf(name, sizeof(name), "many/%05d.png", id);
	classify(dataset, "ada", name, label);
}

static void all_that_was_labelled_since_is_found_once_while_labels_change(void **state)
{
	struct sample_page page = {.reached = -1, .limit = 100, .examined = 800};
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample_filter since = {.since = 1};
	static int times[MANY];
	int pages = 0;

	seed_many(dataset);
	label_many(dataset);
	memset(times, 0, sizeof(times));
	while (page.reached < INT64_MAX) {
		page.after = page.reached;
		must(dataset_samples_page(dataset, &since, &page, &failure));
		for (size_t i = 0; i < page.count; i++)
			times[page.item[i].id]++;
		sample_page_release(&page);
		label_one(dataset, pages * 7 % MANY, pages % 2 ? "dog" : "cat"); /* before and after what was read */
		label_one(dataset, MANY - 2 - pages++ * 10, "dog");
	}
	for (int id = 0; id < MANY; id++) {
		if (times[id] > 1 || (id % 10 < 9 && times[id] == 0))
			fail_msg("%d: %d", id, times[id]);
	}
}

static void assert_flag(struct dataset *dataset, int64_t id, const char *note, const char *by)
{
	struct sample sample;

	must(dataset_sample(dataset, id, &sample, &failure));
	if (note)
		assert_string_equal(sample.flag, note);
	else
		assert_null(sample.flag);
	assert_string_equal(sample.flagged_by, by);
	assert_int_equal(sample.version, 0);
	sample_release(&sample);
}

static void a_flag_has_a_note_and_stays_while_labels_come(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	char longest[DATASET_FLAG_MAX + 2];
	struct sample sample;

	add_pictures(dataset, 2);
	assert_flag(dataset, 0, NULL, "");
	flag(dataset, 0, "ada", "too dark");
	assert_flag(dataset, 0, "too dark", "ada");
	flag(dataset, 0, "bob", "");
	assert_flag(dataset, 0, "", "bob");
	flag(dataset, 0, "bob", NULL);
	flag(dataset, 0, "bob", NULL);
	assert_flag(dataset, 0, NULL, "");
	memset(longest, 'x', sizeof(longest));
	longest[DATASET_FLAG_MAX] = '\0';
	flag(dataset, 1, "ada", longest);
	classify(dataset, "ada", picture(1), "cat");
	must(dataset_sample(dataset, 1, &sample, &failure));
	assert_string_equal(sample.flag, longest);
	assert_string_equal(sample.label, "cat");
	sample_release(&sample);
	longest[DATASET_FLAG_MAX] = 'x';
	longest[DATASET_FLAG_MAX + 1] = '\0';
	refused(dataset_flag(dataset, 1, "ada", longest, &sample, &failure), ERR_BAD_REQUEST);
	refused(dataset_flag(dataset, 1, "ada", "a\nb", &sample, &failure), ERR_BAD_REQUEST);
	refused(dataset_flag(dataset, 2, "ada", "", &sample, &failure), ERR_NOT_FOUND);
	refused(dataset_flag(dataset, -1, "ada", NULL, &sample, &failure), ERR_NOT_FOUND);
	refused(dataset_flag(dataset, INT64_MAX, "ada", NULL, &sample, &failure), ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(every_combination_finds_what_it_says),
		STORE_TEST(what_is_in_review_is_found_and_lacks_a_label),
		DATASET_TEST(a_part_of_a_filepath_is_found_letter_by_letter),
		DATASET_TEST(the_longest_part_is_looked_for),
		DATASET_TEST(a_label_is_found_in_either_spelling),
		DATASET_TEST(a_filter_follows_what_samples_become),
		DATASET_TEST(what_no_index_finds_is_looked_for_bit_by_bit),
		DATASET_TEST(all_that_was_labelled_since_is_found_once_while_labels_change),
		DATASET_TEST(a_flag_has_a_note_and_stays_while_labels_come),
	};

	return RUN(tests);
}
