/* Contract: many threads and processes at once: nothing given twice, nothing lost, every count right. */
#include "fixture.h"

#include <stdatomic.h>

enum { PEOPLE = 50, PICTURES = 600 };

struct crew {
	struct dataset *dataset;
	atomic_int given[PICTURES];
	atomic_int labelled;
};

static const char *person(int number)
{
	static _Thread_local char name[32];

	snprintf(name, sizeof(name), "person-%d", number);
	return name;
}

static const char *label_of(int64_t id)
{
	static const char *const labels[] = {"cat", "dog", "bird"};

	return labels[id % 3];
}

/* Labels what is leased, three at a time, until nothing is left. */
static void work_off_leases(void *data, int number)
{
	struct crew *crew = data;
	const char *user = person(number);
	struct task tasks[3];
	size_t taken = 1;

	while (taken > 0) {
		if (!expect(lease_take(crew->dataset, user, 3, tasks, &taken, &failure) == 0))
			return;
		for (size_t i = 0; i < taken; i++) {
			int64_t id = tasks[i].sample.id;

			crew->given[id]++;
			if (expect(lease_label(crew->dataset, user, tasks[i].token, label_of(id), 100, NULL, &failure) == 0))
				crew->labelled++;
			task_release(&tasks[i]);
		}
	}
}

static void assert_all_labelled_once(struct dataset *dataset)
{
	struct dataset_info info;

	for (int id = 0; id < PICTURES; id++) {
		assert_sample(dataset, id, label_of(id), SAMPLE_LABELLED);
		assert_null(strchr(history(dataset, id), ';')); /* one event */
	}
	must(dataset_info(dataset, &info, &failure));
	assert_int_equal(info.counts.labelled, PICTURES);
	assert_int_equal(info.counts.leased, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(info.labels.item[i].count, PICTURES / 3);
	dataset_info_release(&info);
	assert_counts_true(dataset);
}

static void fifty_people_leasing_and_labelling_get_each_sample_once(void **state)
{
	struct crew crew = {.dataset = ((struct fixture *)*state)->dataset};

	add_pictures(crew.dataset, PICTURES);
	run_threads(PEOPLE, work_off_leases, &crew);
	for (int id = 0; id < PICTURES; id++)
		assert_int_equal(crew.given[id], 1);
	assert_int_equal(crew.labelled, PICTURES);
	assert_all_labelled_once(crew.dataset);
}

static void take_next(void *data, int number)
{
	struct crew *crew = data;
	struct task task;

	if (expect(lease_next(crew->dataset, person(number), &task, &failure) == 0)) {
		crew->given[task.sample.id]++;
		task_release(&task);
	}
}

static void fifty_people_asking_at_once_get_fifty_samples(void **state)
{
	struct crew crew = {.dataset = ((struct fixture *)*state)->dataset};

	add_pictures(crew.dataset, PEOPLE);
	run_threads(PEOPLE, take_next, &crew);
	for (int id = 0; id < PEOPLE; id++)
		assert_int_equal(crew.given[id], 1);
	assert_int_equal(leased(crew.dataset), PEOPLE);
}

/* One person with many windows open. */
static void take_next_as_one(void *data, int number)
{
	(void)number;
	take_next(data, 0);
}

static void one_person_asking_many_times_at_once_gets_one_sample(void **state)
{
	struct crew crew = {.dataset = ((struct fixture *)*state)->dataset};

	add_pictures(crew.dataset, PEOPLE);
	run_threads(PEOPLE, take_next_as_one, &crew);
	assert_int_equal(crew.given[0], PEOPLE);
	assert_int_equal(leased(crew.dataset), 1);
}

/* /obtain and /classify until nothing is unlabelled; near the end samples are shared, and both may label. */
static void obtain_and_classify(void *data, int number)
{
	struct crew *crew = data;
	struct task task;
	bool accepted;

	while (lease_next(crew->dataset, person(number), &task, &failure) == 0) {
		expect(dataset_label_path(crew->dataset, person(number), "/pictures", task.sample.filepath,
		                          label_of(task.sample.id), &accepted, &failure) == 0 &&
		       accepted);
		task_release(&task);
	}
	expect(failure.code == ERR_NOT_FOUND);
}

static void fifty_people_classifying_finish_the_dataset(void **state)
{
	struct crew crew = {.dataset = ((struct fixture *)*state)->dataset};

	add_pictures(crew.dataset, PICTURES);
	run_threads(PEOPLE, obtain_and_classify, &crew);
	for (int id = 0; id < PICTURES; id++)
		assert_sample(crew.dataset, id, label_of(id), SAMPLE_LABELLED);
	assert_int_equal(leased(crew.dataset), 0);
	assert_counts_true(crew.dataset);
}

static void with_overlap_each_sample_is_labelled_by_so_many_people(void **state)
{
	struct dataset_policy policy = {.overlap = 3};
	struct crew crew = {.dataset = make_dataset(*state, "surveyed", &policy)};
	enum { VOTED_ON = 60 };

	add_pictures(crew.dataset, VOTED_ON);
	run_threads(PEOPLE / 5, work_off_leases, &crew);
	for (int id = 0; id < VOTED_ON; id++) {
		assert_int_equal(crew.given[id], 3);
		assert_sample(crew.dataset, id, label_of(id), SAMPLE_LABELLED);
	}
	assert_int_equal(crew.labelled, 3 * VOTED_ON);
	assert_counts_true(crew.dataset);
	dataset_close(crew.dataset);
}

/* Everybody labels the same few samples again and again. */
static void relabel(void *data, int number)
{
	struct crew *crew = data;
	bool accepted;

	for (int i = 0; i < 20; i++) {
		expect(dataset_label_path(crew->dataset, person(number), "/pictures", picture(i % 3), label_of(number + i),
		                          &accepted, &failure) == 0 &&
		       accepted);
	}
}

static void count_event(void *data, const struct label_event *event)
{
	(void)event;
	++*(int *)data;
}

static void labels_given_to_one_sample_at_once_all_stay_in_its_history(void **state)
{
	struct crew crew = {.dataset = ((struct fixture *)*state)->dataset};
	int events = 0;

	add_pictures(crew.dataset, 3);
	run_threads(PEOPLE, relabel, &crew);
	for (int id = 0; id < 3; id++)
		must(dataset_history(crew.dataset, id, count_event, &events, &failure));
	assert_int_equal(events, PEOPLE * 20);
	assert_counts_true(crew.dataset);
}

/* --- processes ----------------------------------------------------------------------------------------------------- */

enum { PROCESSES = 4, THREADS = 8 };

static void work_in_process(struct fixture *fixture, int number)
{
	static struct crew crew;

	crew.dataset = fixture->dataset;
	work_off_leases(&crew, number);
}

static void processes_leasing_and_labelling_get_each_sample_once(void **state)
{
	struct fixture *fixture = *state;

	add_pictures(fixture->dataset, PICTURES);
	run_processes(fixture, PROCESSES, work_in_process);
	assert_all_labelled_once(fixture->dataset);
}

struct additions {
	struct dataset *dataset;
	int process;
};

/* Each thread adds labels of its own and some that everybody adds. */
static void add_labels(void *data, int number)
{
	const struct additions *additions = data;

	for (int i = 0; i < 5; i++) {
		char name[32];
		bool created;
		int64_t key, again;

		snprintf(name, sizeof(name), "%d of %d in %d", i, number, additions->process);
		expect(dataset_label_add(additions->dataset, name, &key, &created, &failure) == 0 && created);
		expect(dataset_label_add(additions->dataset, name, &again, &created, &failure) == 0 && !created && again == key);
		snprintf(name, sizeof(name), "everybody's %d", i);
		expect(dataset_label_add(additions->dataset, name, &key, &created, &failure) == 0);
	}
}

static void add_labels_in_process(struct fixture *fixture, int number)
{
	struct additions additions = {.dataset = fixture->dataset, .process = number};

	for (int i = 0; i < THREADS; i++)
		add_labels(&additions, i);
}

static void labels_added_by_many_processes_all_survive(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_info info;

	run_processes(fixture, PROCESSES, add_labels_in_process);
	must(dataset_info(fixture->dataset, &info, &failure));
	assert_int_equal(info.labels.count, 3 + 5 + PROCESSES * THREADS * 5);
	for (size_t i = 0; i < info.labels.count; i++)
		assert_int_equal(info.labels.item[i].key, i); /* each with a key of its own, none left out */
	dataset_info_release(&info);
}

static void labels_added_by_many_threads_all_survive(void **state)
{
	struct additions additions = {.dataset = ((struct fixture *)*state)->dataset};
	struct dataset_info info;

	run_threads(THREADS, add_labels, &additions);
	must(dataset_info(additions.dataset, &info, &failure));
	assert_int_equal(info.labels.count, 3 + 5 + THREADS * 5);
	for (size_t i = 0; i < info.labels.count; i++)
		assert_int_equal(info.labels.item[i].key, i);
	dataset_info_release(&info);
}

/* Merges the same files as everybody and some of its own. */
static void merge_in_process(struct fixture *fixture, int number)
{
	for (int round = 0; round < 5; round++) {
		char own[32];
		struct dataset_merged merged = {0};

		snprintf(own, sizeof(own), "%d-%d.png", number, round);
		const struct dataset_seed seeds[] = {{picture(round), ""}, {own, ""}, {picture(round + 1), ""}};
		expect(dataset_merge(fixture->dataset, NULL, 0, seeds, 3, &merged, &failure) == 0);
	}
}

static void seeds_merged_by_many_processes_are_added_once_with_ids_in_a_row(void **state)
{
	struct fixture *fixture = *state;
	struct sample sample;
	int64_t size;

	run_processes(fixture, PROCESSES, merge_in_process);
	must(dataset_size(fixture->dataset, &size, &failure));
	assert_int_equal(size, 6 + PROCESSES * 5);
	for (int64_t id = 0; id < size; id++) {
		must(dataset_sample(fixture->dataset, id, &sample, &failure));
		sample_release(&sample);
	}
	assert_counts_true(fixture->dataset);
}

/* --- a dataset that comes and goes --------------------------------------------------------------------------------- */

enum { REMAKES = 20, VISITORS = 6 };

struct coming_and_going {
	struct dataset_store *store[2]; /* as of two processes */
	atomic_bool ended;
};

/* Any other answer than these two is unexpected. */
static bool found(int failed)
{
	expect(!failed || failure.code == ERR_NOT_FOUND);
	return !failed;
}

static void make_and_remove(struct coming_and_going *stage)
{
	struct dataset_seed seed = {"a.png", ""};
	struct dataset_merged merged = {0};
	struct dataset *dataset;

	for (int i = 0; i < REMAKES; i++) {
		if (!expect(dataset_create(stage->store[0], "again", "/pictures", NULL, &failure) == 0) ||
		    !expect(dataset_open(stage->store[0], "again", &dataset, &failure) == 0))
			break;
		expect(dataset_merge(dataset, NULL, 0, &seed, 1, &merged, &failure) == 0);
		dataset_close(dataset);
		expect(dataset_remove(stage->store[0], "again", &failure) == 0);
	}
	stage->ended = true;
}

static void visit_and_label(struct dataset_store *store, const char *user)
{
	struct dataset_info info;
	struct sample sample;
	struct dataset *dataset;
	struct task task;

	if (!found(dataset_open(store, "again", &dataset, &failure)))
		return;
	if (found(dataset_info(dataset, &info, &failure)))
		dataset_info_release(&info);
	if (found(dataset_sample(dataset, 0, &sample, &failure)))
		sample_release(&sample);
	if (found(lease_next(dataset, user, &task, &failure)))
		task_release(&task);
	dataset_close(dataset);
}

static void come_and_go(void *data, int number)
{
	struct coming_and_going *stage = data;

	if (number == 0)
		make_and_remove(stage);
	while (!stage->ended)
		visit_and_label(stage->store[number % 2], person(number));
}

static void who_visits_a_dataset_that_is_removed_and_made_anew_finds_it_or_not(void **state)
{
	struct fixture *fixture = *state;
	struct coming_and_going stage = {.store = {fixture->store, another_store(fixture)}};

	run_threads(1 + VISITORS, come_and_go, &stage);
	dataset_store_free(stage.store[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(fifty_people_leasing_and_labelling_get_each_sample_once),
		DATASET_TEST(fifty_people_asking_at_once_get_fifty_samples),
		DATASET_TEST(one_person_asking_many_times_at_once_gets_one_sample),
		DATASET_TEST(fifty_people_classifying_finish_the_dataset),
		STORE_TEST(with_overlap_each_sample_is_labelled_by_so_many_people),
		DATASET_TEST(labels_given_to_one_sample_at_once_all_stay_in_its_history),
		DATASET_TEST(processes_leasing_and_labelling_get_each_sample_once),
		DATASET_TEST(labels_added_by_many_threads_all_survive),
		DATASET_TEST(labels_added_by_many_processes_all_survive),
		DATASET_TEST(seeds_merged_by_many_processes_are_added_once_with_ids_in_a_row),
		STORE_TEST(who_visits_a_dataset_that_is_removed_and_made_anew_finds_it_or_not),
	};

	return RUN(tests);
}
