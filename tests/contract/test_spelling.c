/* Contract: a label is the same one in whatever Unicode form it is spelled. */
#include "fixture.h"

#include <string.h>

#define NFC "Caf\xc3\xa9"
#define NFD "Cafe\xcc\x81"

static void assert_labels(struct dataset *dataset, size_t count)
{
	struct dataset_info info;

	must(dataset_info(dataset, &info, &failure));
	assert_int_equal(info.labels.count, count);
	assert_string_equal(info.labels.item[count - 1].name, NFC);
	dataset_info_release(&info);
}

static void a_label_is_added_once_in_any_form(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	static const char *const again[] = {NFC, NFD, NFC "2", NFD "2"};
	const struct dataset_seed seeds[] = {{"a.png", NFD}, {"b.png", NFC}};
	struct dataset_merged merged = {0};
	int64_t first, second;
	bool created;

	must(dataset_label_add(dataset, NFD, &first, &created, &failure));
	assert_true(created);
	assert_labels(dataset, 4);
	must(dataset_label_add(dataset, NFC, &second, &created, &failure));
	assert_false(created);
	assert_int_equal(first, second);
	must(dataset_merge(dataset, again, 2, seeds, 2, &merged, &failure));
	assert_labels(dataset, 4);
	assert_sample(dataset, 0, NFC, SAMPLE_LABELLED);
	assert_sample(dataset, 1, NFC, SAMPLE_LABELLED);
	must(dataset_merge(dataset, again + 2, 2, NULL, 0, &merged, &failure));
	struct dataset_info info;
	must(dataset_info(dataset, &info, &failure));
	assert_int_equal(info.labels.count, 5);
	dataset_info_release(&info);
}

static void people_may_spell_it_in_any_form(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample sample;
	int64_t key;
	bool created, accepted;

	add_pictures(dataset, 3);
	must(dataset_label_add(dataset, NFC, &key, &created, &failure));
	must(dataset_label_path(dataset, "ada", "/pictures", picture(0), NFD, &accepted, &failure));
	assert_true(accepted);
	assert_sample(dataset, 0, NFC, SAMPLE_LABELLED);
	must(dataset_label_path(dataset, "ada", "/pictures", picture(1), NFD "s", &accepted, &failure));
	assert_false(accepted);
	struct task task = next_task(dataset, "ada");
	refused(lease_label(dataset, "ada", task.token, NFD "s", -1, &sample, &failure), ERR_UNPROCESSABLE);
	must(lease_label(dataset, "ada", task.token, NFD, -1, &sample, &failure));
	assert_string_equal(sample.label, NFC);
	sample_release(&sample);
	task_release(&task);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(a_label_is_added_once_in_any_form),
		DATASET_TEST(people_may_spell_it_in_any_form),
	};

	return RUN(tests);
}
