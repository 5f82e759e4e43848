/* Contract: samples whose answer is known. Everybody is asked, nobody notices, and nothing that people say changes them. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "dataset/correct.h"
#include "dataset/gold.h"
#include "dataset/history.h"
#include "dataset/label.h"
#include "dataset/move.h"
#include "dataset/removal.h"
#include "dataset/stats.h"

static const struct correction ann = {.user = "ann"};

static struct correction of_annotator(const char *user)
{
	return (struct correction){.user = user, .annotates = true};
}

static void mark(struct dataset *dataset, int64_t id, const char *label)
{
	struct sample sample;

	must(sample_mark_gold(dataset, id, label, &ann, &sample, &failure));
	assert_true(sample.gold);
	sample_release(&sample);
}

/* Samples of which the first ones have the known answer "cat", mixed in at this rate. */
static struct dataset *mixed(struct fixture *fixture, int overlap, int rate, int golds, int pictures)
{
	struct dataset *dataset = surveyed(fixture, overlap, pictures);
	const struct dataset_change change = {.fields = DATASET_POLICY_GOLD_RATE, .policy = {.gold_rate = rate}};

	must(dataset_update(dataset, &change, &failure));
	for (int id = 0; id < golds; id++)
		mark(dataset, id, "cat");
	return dataset;
}

static struct task take(struct dataset *dataset, const char *user)
{
	struct task task;

	lease_tasks(dataset, user, 1, &task, 1);
	return task;
}

static void answer(struct dataset *dataset, const char *user, struct task *task, const char *label)
{
	must(lease_label(dataset, user, task->token, label, -1, NULL, &failure));
	task_release(task);
}

/* As the user sees it: "cat labelled bob 1", of label, state, who and version. */
static const char *seen(struct dataset *dataset, const char *user, int64_t id)
{
	static char text[128];
	struct sample sample;

	must(dataset_sample(dataset, id, &sample, &failure));
	must(gold_see_sample(dataset, user, &sample, &failure));
	assert_false(sample.gold);
	snprintf(text, sizeof(text), "%s %s %s %lld", sample.label, sample_state_name(sample.state), sample.labelled_by,
	         (long long)sample.version);
	sample_release(&sample);
	return text;
}

static void add_said(void *data, const struct label_event *event)
{
	char *text = data;
	size_t used = strlen(text);

	snprintf(text + used, 256 - used, "%s%s %s %s", used ? "; " : "", event->label, event->by, event->source);
}

static const char *history_seen(struct dataset *dataset, const char *user, int64_t id)
{
	static char text[256];
	struct history history;
	struct sample sample;

	text[0] = '\0';
	must(dataset_sample(dataset, id, &sample, &failure));
	must(history_load(dataset, &sample, user, &history, &failure));
	for (size_t i = 0; i < history.events.count; i++) {
		if (history.shown[i])
			add_said(text, &history.events.item[i]);
	}
	history_release(&history);
	sample_release(&sample);
	return text;
}

/* "ada 1/2, bob 0/1": right of answered. */
static const char *scores(struct dataset *dataset)
{
	static char text[256];
	struct gold_score *found;
	size_t count, used = 0;

	must(gold_scores(dataset, &found, &count, &failure));
	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %lld/%lld", i ? ", " : "", found[i].user,
		                         (long long)found[i].right, (long long)found[i].answered);
		free(found[i].user);
	}
	free(found);
	return text;
}

static void what_is_known_stays_so_whatever_people_say(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 100, 1, 1);
	struct task task;
	bool accepted;

	task = take(dataset, "ada");
	answer(dataset, "ada", &task, "dog");
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	must(dataset_label_path(dataset, "bob", "/pictures", picture(0), "bird", &accepted, &failure));
	assert_true(accepted);
	task = take(dataset, "cyd");
	must(lease_skip(dataset, "cyd", task.token, DATASET_SKIP_IGNORE, &failure));
	task_release(&task);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 0), "cat ann gold; dog ada task; bird bob classify;  cyd skip");
	assert_string_equal(scores(dataset), "ada 0/1, bob 0/1");
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void everybody_is_asked_once_and_gets_a_score(void **state)
{
	enum { GOLDS = 3 };
	static const char *const people[] = {"ada", "bob", "cyd"};
	struct dataset *dataset = mixed(*state, 1, 100, GOLDS, GOLDS + 3);

	for (int i = 0; i < 3; i++) {
		struct task tasks[GOLDS + 1];
		bool found[GOLDS + 3] = {false};

		lease_tasks(dataset, people[i], GOLDS + 1, tasks, GOLDS + 1);
		for (int j = 0; j < GOLDS + 1; j++) {
			found[tasks[j].sample.id] = true;
			answer(dataset, people[i], &tasks[j], tasks[j].sample.id < i ? "dog" : "cat");
		}
		for (int id = 0; id < GOLDS; id++)
			assert_true(found[id]);
	}
	assert_string_equal(scores(dataset), "ada 3/3, bob 2/3, cyd 1/3");
	for (int i = 0; i < 3; i++) {
		struct task task;

		lease_tasks(dataset, people[i], 1, &task, 0);
	}
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void no_two_hold_one_at_the_same_time(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 100, 1, 1);
	struct task ada = take(dataset, "ada"), bob;

	lease_tasks(dataset, "bob", 1, &bob, 0);
	refused(lease_next(dataset, "bob", &bob, &failure), ERR_NOT_FOUND);
	assert_int_equal(leased(dataset), 1);
	assert_int_equal(next_id(dataset, "ada"), 0); /* her own again */
	answer(dataset, "ada", &ada, "cat");
	assert_int_equal(leased(dataset), 0);
	bob = take(dataset, "bob");
	clock_advance(LEASE_SECONDS);
	assert_int_equal(next_id(dataset, "cyd"), 0);
	assert_token_is_void(dataset, "bob", bob.token);
	task_release(&bob);
	dataset_close(dataset);
}

/* At a rate of one per cent, too: otherwise what is left would be what is known. */
static void in_the_end_everybody_has_been_asked_for_all_of_them(void **state)
{
	enum { GOLDS = 4, ALL = 12 };
	struct dataset *dataset = mixed(*state, 1, 1, GOLDS, ALL);
	struct dataset_counts counts;
	struct gold_view view;
	int given = 0;

	for (struct task task;; given++) {
		size_t taken;

		must(lease_take(dataset, "ada", 1, &task, &taken, &failure));
		if (taken == 0)
			break;
		answer(dataset, "ada", &task, "cat");
	}
	assert_int_equal(given, ALL);
	must(dataset_counts(dataset, &counts, &failure));
	must(gold_view_load(dataset, "ada", &view, &failure));
	gold_view_count(&view, &counts, &(struct dataset_labels){.count = 0});
	assert_int_equal(counts.unlabelled, 0);
	assert_int_equal(counts.labelled, ALL);
	gold_view_release(&view);
	dataset_close(dataset);
}

static void without_a_rate_none_is_asked_for(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 0, 2, 3);
	struct task tasks[3];

	lease_tasks(dataset, "ada", 3, tasks, 1);
	assert_int_equal(tasks[0].sample.id, 2);
	tasks_release(tasks, 1);
	dataset_close(dataset);
}

static void each_sees_what_that_person_said(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 100, 1, 1);
	struct task task;

	assert_string_equal(seen(dataset, "ada", 0), " unlabelled  0");
	assert_string_equal(history_seen(dataset, "ada", 0), "");
	task = take(dataset, "ada");
	answer(dataset, "ada", &task, "dog");
	assert_string_equal(seen(dataset, "ada", 0), "dog labelled ada 1");
	assert_string_equal(history_seen(dataset, "ada", 0), "dog ada task");
	assert_string_equal(seen(dataset, "bob", 0), " unlabelled  0");
	assert_string_equal(history_seen(dataset, "bob", 0), "");
	task = take(dataset, "bob");
	must(lease_skip(dataset, "bob", task.token, DATASET_SKIP_IGNORE, &failure));
	task_release(&task);
	assert_string_equal(seen(dataset, "bob", 0), " skipped bob 1");
	assert_string_equal(seen(dataset, "ada", 0), "dog labelled ada 1");
	dataset_close(dataset);
}

static void whoever_is_asked_corrects_and_undoes_as_ever(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 100, 1, 1);
	struct correction ada = of_annotator("ada"), stale = of_annotator("ada");
	struct sample sample;
	struct task task = take(dataset, "ada");

	answer(dataset, "ada", &task, "dog");
	stale.of_version = true;
	stale.version = 0;
	refused(sample_decide(dataset, 0, "bird", &stale, &sample, &failure), ERR_CONFLICT);
	assert_string_equal(failure.text, "Sample 0 is at version 1 by now, labelled dog");
	stale.version = 1;
	must(sample_decide(dataset, 0, "bird", &stale, &sample, &failure));
	sample_release(&sample);
	assert_string_equal(seen(dataset, "ada", 0), "bird labelled ada 2");
	must(sample_undo(dataset, 0, &ada, &sample, &failure));
	sample_release(&sample);
	assert_string_equal(seen(dataset, "ada", 0), "dog labelled ada 3");
	assert_string_equal(scores(dataset), "ada 0/1");
	must(sample_undo(dataset, 0, &ada, &sample, &failure));
	sample_release(&sample);
	assert_string_equal(seen(dataset, "ada", 0), " unlabelled  4");
	assert_string_equal(scores(dataset), "");
	refused(sample_undo(dataset, 0, &ada, &sample, &failure), ERR_CONFLICT);
	task = take(dataset, "ada"); /* it is asked again, as any other */
	answer(dataset, "ada", &task, "cat");
	assert_string_equal(scores(dataset), "ada 1/1");
	must(sample_decide(dataset, 0, "", &ada, &sample, &failure));
	sample_release(&sample);
	assert_string_equal(seen(dataset, "ada", 0), " unlabelled  6");
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_string_equal(history_seen(dataset, "ada", 0),
	                    "dog ada task; bird ada label; dog ada undo;  ada undo; cat ada task;  ada label");
	dataset_close(dataset);
}

static void who_passes_it_on_is_not_asked_again_or_at_the_end(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 100, 2, 4);
	struct task first = take(dataset, "ada"), second = take(dataset, "ada"), others[2], last;
	int64_t later = second.sample.id;

	assert_true(first.sample.id < 2 && later < 2);
	must(lease_skip(dataset, "ada", first.token, DATASET_SKIP_REQUEUE_FOR_OTHERS, &failure));
	must(lease_skip(dataset, "ada", second.token, DATASET_SKIP_REQUEUE_FOR_ME, &failure));
	assert_string_equal(history(dataset, 0), "cat ann gold");
	assert_string_equal(seen(dataset, "ada", later), " unlabelled  0");
	for (int i = 0; i < 2; i++) {
		others[i] = take(dataset, "ada");
		assert_true(others[i].sample.id >= 2);
	}
	last = take(dataset, "ada");
	assert_int_equal(last.sample.id, later);
	answer(dataset, "ada", &last, "cat");
	lease_tasks(dataset, "ada", 1, &last, 0);
	assert_string_equal(scores(dataset), "ada 1/1");
	tasks_release(others, 2);
	task_release(&first);
	task_release(&second);
	dataset_close(dataset);
}

/* All pages, as the user sees them: "1:cat 2:dog". */
static const char *page_seen(struct dataset *dataset, const char *user, const struct sample_filter *filter, size_t limit)
{
	struct sample_page page = {.reached = -1, .limit = limit, .examined = 2 * limit};
	static char text[512];
	struct gold_view view;
	size_t used = 0;

	text[0] = '\0';
	must(gold_view_load(dataset, user, &view, &failure));
	while (page.reached < INT64_MAX) {
		page.after = page.reached;
		must(gold_view_page(dataset, &view, filter, &page, &failure));
		for (size_t i = 0; i < page.count; i++) {
			assert_true(page.item[i].id > page.after && page.item[i].id <= page.reached);
			assert_false(page.item[i].gold);
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%lld:%s", used ? " " : "",
			                         (long long)page.item[i].id, page.item[i].label);
		}
		sample_page_release(&page);
	}
	gold_view_release(&view);
	return text;
}

static void filters_and_pages_find_what_the_user_sees(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 100, 0, 8);
	static const struct sample_filter labelled = {.of_state = true, .state = SAMPLE_LABELLED},
					  open = {.of_state = true, .state = SAMPLE_UNLABELLED}, cats = {.label = "cat"},
					  by_ann = {.by = "ann"}, by_ada = {.by = "ada"}, since = {.since = 1},
					  path = {.q = "-3"};
	static const int64_t golds[] = {0, 3, 4, 7};
	bool accepted;

	for (int i = 0; i < 4; i++)
		mark(dataset, golds[i], "cat");
	must(dataset_label_path(dataset, "ada", "/pictures", picture(3), "dog", &accepted, &failure));
	must(dataset_label_path(dataset, "ada", "/pictures", picture(5), "cat", &accepted, &failure));
	for (size_t limit = 1; limit <= 9; limit++) {
		assert_string_equal(page_seen(dataset, "ada", NULL, limit), "0: 1: 2: 3:dog 4: 5:cat 6: 7:");
		assert_string_equal(page_seen(dataset, "ada", &labelled, limit), "3:dog 5:cat");
		assert_string_equal(page_seen(dataset, "ada", &open, limit), "0: 1: 2: 4: 6: 7:");
		assert_string_equal(page_seen(dataset, "ada", &cats, limit), "5:cat");
		assert_string_equal(page_seen(dataset, "ada", &by_ann, limit), "");
		assert_string_equal(page_seen(dataset, "ada", &by_ada, limit), "3:dog 5:cat");
		assert_string_equal(page_seen(dataset, "ada", &since, limit), "3:dog 5:cat");
		assert_string_equal(page_seen(dataset, "ada", &path, limit), "3:dog");
		assert_string_equal(page_seen(dataset, "bob", &labelled, limit), "5:cat");
	}
	dataset_close(dataset);
}

static void counts_are_what_the_user_sees(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 100, 2, 3);
	struct dataset_info info;
	struct gold_view view;
	bool accepted;

	must(dataset_label_path(dataset, "ada", "/pictures", picture(0), "dog", &accepted, &failure));
	must(dataset_info(dataset, &info, &failure));
	assert_int_equal(info.counts.gold, 2);
	assert_int_equal(info.counts.labelled, 2);
	must(gold_view_load(dataset, "ada", &view, &failure));
	gold_view_count(&view, &info.counts, &info.labels);
	assert_int_equal(info.counts.labelled, 1);
	assert_int_equal(info.counts.unlabelled, 2);
	assert_int_equal(info.labels.item[0].count, 0); /* cat */
	assert_int_equal(info.labels.item[1].count, 1); /* dog */
	gold_view_release(&view);
	dataset_info_release(&info);
	dataset_close(dataset);
}

static void where_two_are_asked_it_looks_as_if_two_had_been(void **state)
{
	struct dataset *dataset = mixed(*state, 2, 100, 1, 1);
	static const char *const people[] = {"ada", "bob", "cyd", "dan"}, *const labels[] = {"dog", "dog", "cat", "bird"};

	for (int i = 0; i < 4; i++) {
		struct task task = take(dataset, people[i]);

		assert_string_equal(seen(dataset, people[i], 0), " unlabelled  0");
		answer(dataset, people[i], &task, labels[i]);
	}
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_string_equal(seen(dataset, "ada", 0), "dog labelled bob 1");
	assert_string_equal(history_seen(dataset, "ada", 0), "dog ada task; dog bob task");
	assert_string_equal(seen(dataset, "cyd", 0), "dog labelled bob 1"); /* after a tie one more was asked */
	assert_string_equal(history_seen(dataset, "cyd", 0), "dog ada task; dog bob task; cat cyd task");
	assert_string_equal(seen(dataset, "eve", 0), " unlabelled  0");
	assert_string_equal(history_seen(dataset, "eve", 0), "dog ada task");
	dataset_close(dataset);
}

static void a_known_answer_needs_a_label_that_there_is(void **state)
{
	struct dataset *dataset = surveyed(*state, 1, 2);
	struct sample sample;
	bool accepted;

	refused(sample_mark_gold(dataset, 0, "", &ann, &sample, &failure), ERR_UNPROCESSABLE);
	refused(sample_mark_gold(dataset, 0, "cow", &ann, &sample, &failure), ERR_UNPROCESSABLE);
	refused(sample_mark_gold(dataset, 2, "cat", &ann, &sample, &failure), ERR_NOT_FOUND);
	refused(sample_unmark_gold(dataset, 2, &ann, &sample, &failure), ERR_NOT_FOUND);
	must(dataset_label_path(dataset, "ada", "/pictures", picture(0), "dog", &accepted, &failure));
	mark(dataset, 0, "");
	mark(dataset, 0, "dog"); /* is so already */
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	mark(dataset, 0, "cat");
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 0), "dog ada classify; dog ann gold; cat ann gold");
	assert_string_equal(scores(dataset), "ada 0/1");
	assert_string_equal(seen(dataset, "ada", 0), "dog labelled ada 1"); /* as before */
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void who_may_know_sets_another_answer_by_a_label(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 100, 2, 2);
	const int64_t both[] = {0, 1};
	struct dataset_counts counts;
	struct sample sample;
	size_t done;
	struct task task = take(dataset, "ada");

	answer(dataset, "ada", &task, "dog");
	must(samples_decide(dataset, both, NULL, 2, "dog", &ann, &done, &failure));
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_string_equal(scores(dataset), "ada 1/1");
	must(sample_decide(dataset, 0, "", &ann, &sample, &failure));
	assert_false(sample.gold);
	assert_int_equal(sample.state, SAMPLE_UNLABELLED);
	sample_release(&sample);
	must(dataset_counts(dataset, &counts, &failure));
	assert_int_equal(counts.gold, 1);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void one_that_is_like_others_again_keeps_its_label_until_somebody_votes(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 100, 1, 1);
	struct dataset_counts counts;
	struct sample sample;
	struct task task = take(dataset, "ada");
	bool accepted;

	answer(dataset, "ada", &task, "dog");
	must(sample_unmark_gold(dataset, 0, &ann, &sample, &failure));
	sample_release(&sample);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	must(dataset_counts(dataset, &counts, &failure));
	assert_int_equal(counts.gold, 0);
	lease_tasks(dataset, "bob", 1, &task, 0);
	assert_string_equal(scores(dataset), "");
	must(dataset_label_path(dataset, "bob", "/pictures", picture(0), "bird", &accepted, &failure));
	assert_sample(dataset, 0, "bird", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 0), "cat ann gold; dog ada task; cat ann gold; bird bob classify");
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void one_that_is_chosen_is_had_as_any_other(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 100, 1, 2);
	const int64_t ids[] = {0, 1};
	struct task tasks[2], again[2];
	size_t taken;

	must(lease_take_chosen(dataset, "ada", ids, 2, tasks, &taken, &failure));
	assert_int_equal(taken, 2);
	must(lease_take_chosen(dataset, "bob", ids, 2, again, &taken, &failure));
	assert_int_equal(taken, 0);
	answer(dataset, "ada", &tasks[0], "dog");
	answer(dataset, "ada", &tasks[1], "dog");
	must(lease_take_chosen(dataset, "ada", ids, 1, again, &taken, &failure)); /* to correct it */
	assert_int_equal(taken, 1);
	answer(dataset, "ada", &again[0], "cat");
	assert_string_equal(scores(dataset), "ada 1/1");
	must(lease_take_chosen(dataset, "bob", ids, 1, again, &taken, &failure));
	assert_int_equal(taken, 1);
	task_release(&again[0]);
	dataset_close(dataset);
}

static void labels_that_change_change_what_is_known(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 100, 1, 1);
	struct dataset_labels labels;
	struct task task = take(dataset, "ada");

	answer(dataset, "ada", &task, "cat");
	must(dataset_labels(dataset, &labels, &failure));
	const struct label_change renamed = {.name = "tabby"};
	must(dataset_label_change(dataset, labels.item[0].key, &renamed, &failure));
	assert_sample(dataset, 0, "tabby", SAMPLE_LABELLED);
	assert_string_equal(scores(dataset), "ada 1/1");
	assert_string_equal(seen(dataset, "ada", 0), "tabby labelled ada 1");
	must(dataset_label_merge(dataset, labels.item[0].key, labels.item[1].key, "ann", &failure));
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_string_equal(scores(dataset), "ada 1/1");
	assert_string_equal(seen(dataset, "ada", 0), "dog labelled ada 2");
	assert_string_equal(history_seen(dataset, "ada", 0), "tabby ada task; dog ann merge");
	assert_string_equal(history_seen(dataset, "bob", 0), "");
	assert_counts_true(dataset);
	dataset_labels_release(&labels);
	dataset_close(dataset);
}

static void what_people_agree_on_is_what_the_user_sees(void **state)
{
	struct dataset *dataset = mixed(*state, 1, 100, 2, 2);
	static const char *const people[] = {"ada", "bob"};
	struct dataset_stats stats;

	for (int i = 0; i < 2; i++) {
		struct task tasks[2];

		lease_tasks(dataset, people[i], 2, tasks, 2);
		for (int j = 0; j < 2; j++)
			answer(dataset, people[i], &tasks[j], i ? "dog" : "cat");
	}
	must(dataset_stats(dataset, NULL, &stats, &failure));
	assert_int_equal(stats.two_count, 1);
	assert_int_equal(stats.twos[0].n, 2);
	assert_int_equal(stats.score_count, 2);
	dataset_stats_release(&stats);
	must(dataset_stats(dataset, "ada", &stats, &failure)); /* one is asked of each, so no two have said anything */
	assert_int_equal(stats.two_count, 0);
	assert_int_equal(stats.score_count, 0);
	assert_int_equal(stats.person_count, 1); /* of what bob said, ada sees nothing */
	assert_string_equal(stats.people[0].user, "ada");
	assert_int_equal(stats.people[0].labelled, 2);
	dataset_stats_release(&stats);
	dataset_close(dataset);
}

static void no_more_than_the_most_are_known(void **state)
{
	struct dataset *dataset = surveyed(*state, 1, DATASET_GOLD_MAX + 1);
	struct dataset_counts counts;
	struct gold_view view;
	struct sample sample;
	struct tombstone *tombstones;
	size_t count;

	for (int id = 0; id < DATASET_GOLD_MAX; id++)
		mark(dataset, id, "cat");
	refused(sample_mark_gold(dataset, DATASET_GOLD_MAX, "cat", &ann, &sample, &failure), ERR_CONFLICT);
	mark(dataset, 0, "dog");
	must(gold_view_load(dataset, "ada", &view, &failure));
	assert_int_equal(view.count, DATASET_GOLD_MAX);
	gold_view_release(&view);
	must(dataset_remove_sample(dataset, 7, "ann", &tombstones, &count, &failure));
	tombstones_release(tombstones, count);
	must(dataset_counts(dataset, &counts, &failure));
	assert_int_equal(counts.gold, DATASET_GOLD_MAX - 1);
	mark(dataset, DATASET_GOLD_MAX, "cat");
	dataset_close(dataset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(what_is_known_stays_so_whatever_people_say),
		STORE_TEST(everybody_is_asked_once_and_gets_a_score),
		STORE_TEST(no_two_hold_one_at_the_same_time),
		STORE_TEST(in_the_end_everybody_has_been_asked_for_all_of_them),
		STORE_TEST(without_a_rate_none_is_asked_for),
		STORE_TEST(each_sees_what_that_person_said),
		STORE_TEST(whoever_is_asked_corrects_and_undoes_as_ever),
		STORE_TEST(who_passes_it_on_is_not_asked_again_or_at_the_end),
		STORE_TEST(filters_and_pages_find_what_the_user_sees),
		STORE_TEST(counts_are_what_the_user_sees),
		STORE_TEST(where_two_are_asked_it_looks_as_if_two_had_been),
		STORE_TEST(a_known_answer_needs_a_label_that_there_is),
		STORE_TEST(who_may_know_sets_another_answer_by_a_label),
		STORE_TEST(one_that_is_like_others_again_keeps_its_label_until_somebody_votes),
		STORE_TEST(one_that_is_chosen_is_had_as_any_other),
		STORE_TEST(labels_that_change_change_what_is_known),
		STORE_TEST(what_people_agree_on_is_what_the_user_sees),
		STORE_TEST(no_more_than_the_most_are_known),
	};

	return RUN(tests);
}
