/* The answer with a dataset's statistics. */
#include <math.h>

#include "base/json.h"
#include "base/text.h"
#include "dataset/gold.h"
#include "dataset/stats.h"
#include "stats.h"

/* JSON has no NAN. */
static void add_measure(cJSON *object, const char *key, double value)
{
	if (isnan(value))
		json_add_null(object, key);
	else
		json_add_number(object, key, value);
}

static cJSON *stats_labels(const struct dataset_labels *labels)
{
	cJSON *list = json_new_array();

	for (size_t i = 0; i < labels->count; i++) {
		cJSON *label = json_new_object();

		json_add_string(label, "name", labels->item[i].name);
		json_add_int64(label, "count", labels->item[i].count);
		json_append(list, label);
	}
	return list;
}

static cJSON *stats_people(const struct dataset_stats *stats)
{
	cJSON *list = json_new_array();

	for (size_t i = 0; i < stats->person_count; i++) {
		cJSON *person = json_new_object();

		json_add_string(person, "user", stats->people[i].user);
		json_add_int64(person, "labelled", stats->people[i].labelled);
		add_measure(person, "median_lead_time_ms", stats->people[i].median_ms);
		add_measure(person, "images_per_hour", stats->people[i].per_hour);
		json_append(list, person);
	}
	return list;
}

static cJSON *stats_days(const struct dataset_stats *stats)
{
	cJSON *list = json_new_array();

	for (size_t i = 0; i < stats->day_count; i++) {
		cJSON *day = json_new_object();
		char date[TEXT_TIME_MAX];

		text_time(stats->days[i].day * STATS_DAY_US, date);
		date[strcspn(date, "T")] = '\0';
		json_add_string(day, "date", date);
		json_add_int64(day, "labelled", stats->days[i].labelled);
		json_append(list, day);
	}
	return list;
}

static cJSON *stats_users(const struct stats_two *two)
{
	cJSON *users = json_new_array();

	json_append_string(users, two->one);
	json_append_string(users, two->other);
	return users;
}

static cJSON *stats_agreement(const struct dataset_stats *stats)
{
	cJSON *agreement = json_new_object(), *list = json_new_array();

	add_measure(agreement, "fleiss_kappa", stats->fleiss);
	add_measure(agreement, "krippendorff_alpha", stats->krippendorff);
	for (size_t i = 0; i < stats->two_count; i++) {
		cJSON *two = json_new_object();

		json_add(two, "users", stats_users(&stats->twos[i]));
		add_measure(two, "kappa", stats->twos[i].kappa);
		json_add_int64(two, "n", stats->twos[i].n);
		json_append(list, two);
	}
	json_add(agreement, "cohen_kappa", list);
	return agreement;
}

/* What the first user said, and what the second said of the same. In order of the first one's labels. */
static cJSON *stats_counts(const struct stats_two *two)
{
	cJSON *counts = json_new_object(), *of = NULL;

	for (size_t i = 0; i < two->said_count; i++) {
		const struct stats_row *said = &two->said[i];

		if (i == 0 || strcmp(said->text[2], two->said[i - 1].text[2]) != 0) {
			of = json_new_object();
			json_add(counts, said->text[2], of);
		}
		json_add_int64(of, said->text[3], said->n);
	}
	return counts;
}

static cJSON *stats_confusion(const struct dataset_stats *stats)
{
	cJSON *list = json_new_array();

	for (size_t i = 0; i < stats->two_count; i++) {
		cJSON *two = json_new_object();

		json_add(two, "users", stats_users(&stats->twos[i]));
		json_add(two, "counts", stats_counts(&stats->twos[i]));
		json_append(list, two);
	}
	return list;
}

/* How many of each person's answers to what is known were right. */
static cJSON *stats_gold(const struct dataset_stats *stats)
{
	cJSON *list = json_new_array();

	for (size_t i = 0; i < stats->score_count; i++) {
		const struct gold_score *score = &stats->scores[i];
		cJSON *person = json_new_object();

		json_add_string(person, "user", score->user);
		json_add_int64(person, "answered", score->answered);
		json_add_int64(person, "right", score->right);
		json_append(list, person);
	}
	return list;
}

int stats_get(struct call *call, struct err *err)
{
	struct dataset_stats stats = {.day_count = 0};
	const char *user = call_seen_by(call);
	int failed = call_info(call, err) || dataset_stats(call->dataset, user, &stats, err);

	if (!failed) {
		cJSON *answer = json_new_object();

		json_add(answer, "labels", stats_labels(&call->info.labels));
		json_add(answer, "people", stats_people(&stats));
		json_add(answer, "days", stats_days(&stats));
		add_measure(answer, "median_lead_time_ms", stats.median_ms);
		json_add(answer, "agreement", stats_agreement(&stats));
		json_add(answer, "confusion", stats_confusion(&stats));
		if (!user)
			json_add(answer, "gold", stats_gold(&stats));
		reply_json(call->reply, 200, answer);
	}
	dataset_stats_release(&stats);
	return failed;
}
