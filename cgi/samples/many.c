/* Many samples at once, all or none: one label for those that are listed, or that match a filter; and undone. */
#include "samples.h"

#include <time.h>

#include "base/json.h"
#include "base/memory.h"
#include "dataset/correct.h"
#include "fastcgi/filter.h"
#include "fastcgi/ids.h"

enum {
	TRIES = 5,          /* if others change what the filter has found */
	WAIT_NS = 20000000, /* before the second attempt; twice as long before the third */
};

struct chosen {
	int64_t *ids, *versions; /* versions NULL: any */
	size_t count;
};

static void chosen_release(struct chosen *chosen)
{
	free(chosen->ids);
	free(chosen->versions);
	*chosen = (struct chosen){.count = 0};
}

/* Adds a page of what the filter finds, after the last one. */
static int choose_page(struct call *call, const struct gold_view *view, const struct sample_filter *filter,
                       struct chosen *out, size_t *found, struct err *err)
{
	struct sample_page page = {.after = out->count ? out->ids[out->count - 1] : -1, .limit = DATASET_PAGE_MAX};

	if (gold_view_page(call->dataset, view, filter, &page, err))
		return -1;
	*found = page.count;
	for (size_t i = 0; i < page.count && out->count < SAMPLES_DECIDED_MAX + 1; i++) {
		out->ids[out->count] = page.item[i].id;
		out->versions[out->count++] = page.item[i].version;
	}
	sample_page_release(&page);
	return 0;
}

static int choose_by_filter(struct call *call, const struct sample_filter *filter, struct chosen *out, struct err *err)
{
	struct gold_view view;
	size_t found = DATASET_PAGE_MAX;
	int failed = call_view(call, &view, err);

	out->ids = memory_new(SAMPLES_DECIDED_MAX + 1, sizeof(*out->ids));
	out->versions = memory_new(SAMPLES_DECIDED_MAX + 1, sizeof(*out->versions));
	while (!failed && found == DATASET_PAGE_MAX && out->count <= SAMPLES_DECIDED_MAX)
		failed = choose_page(call, &view, filter, out, &found, err);
	gold_view_release(&view);
	if (failed)
		return -1;
	return out->count <= SAMPLES_DECIDED_MAX
	               ? 0
	               : err_set(err, ERR_UNPROCESSABLE, "The filter finds more than %d samples", SAMPLES_DECIDED_MAX);
}

static void wait_before(int tries)
{
	struct timespec wait = {.tv_nsec = (long)WAIT_NS << (tries - 1)};

	nanosleep(&wait, NULL);
}

/* Labels the samples as they were found: if somebody changes one of them meanwhile, the filter is applied again. */
static int label_by_filter(struct call *call, const struct sample_filter *filter, const char *label, size_t *done,
                           struct err *err)
{
	struct correction correction = samples_correction(call);
	int failed = -1;

	for (int tries = 0; failed && tries < TRIES; tries++) {
		struct chosen chosen = {.count = 0};

		if (tries > 0)
			wait_before(tries);
		failed = choose_by_filter(call, filter, &chosen, err) ||
		         samples_decide(call->dataset, chosen.ids, chosen.versions, chosen.count, label, &correction, done, err);
		chosen_release(&chosen);
		if (failed && err->code != ERR_CONFLICT)
			break;
	}
	return failed;
}

static int label_by_id(struct call *call, const cJSON *list, const char *label, size_t *done, struct err *err)
{
	struct correction correction = samples_correction(call);
	struct chosen chosen = {.count = 0};
	int failed = ids_read(list, SAMPLES_DECIDED_MAX, &chosen.ids, &chosen.count, err) ||
	             samples_decide(call->dataset, chosen.ids, NULL, chosen.count, label, &correction, done, err);

	chosen_release(&chosen);
	return failed;
}

int samples_label_many(struct call *call, struct err *err)
{
	const cJSON *object = NULL, *list;
	struct sample_filter filter;
	const char *label;
	size_t done;

	if (call_body(call, err) || json_string(call->body, "label", true, &label, err) ||
	    json_object(call->body, "filter", false, &object, err))
		return -1;
	list = cJSON_GetObjectItemCaseSensitive(call->body, "ids");
	if (cJSON_IsNull(list))
		list = NULL;
	if (!list == !object)
		return err_set(err, ERR_BAD_REQUEST, "Either \"ids\" or \"filter\" says which samples are meant");
	if (list ? label_by_id(call, list, label, &done, err)
	         : filter_of_json(object, &filter, err) || label_by_filter(call, &filter, label, &done, err))
		return -1;
	cJSON *answer = json_new_object();
	json_add_int64(answer, "labelled", (int64_t)done);
	reply_json(call->reply, 200, answer);
	return 0;
}

/* "versions", as long as "ids": *out, else NULL. */
static int read_versions(const cJSON *body, size_t count, int64_t **out, struct err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(body, "versions");
	size_t listed;
	struct err ignored;

	*out = NULL;
	if (!list || cJSON_IsNull(list))
		return 0;
	if (ids_read(list, SAMPLES_DECIDED_MAX, out, &listed, &ignored) == 0 && listed == count)
		return 0;
	free(*out);
	*out = NULL;
	return err_set(err, ERR_BAD_REQUEST, "\"versions\" must be a list of numbers, one for each of \"ids\"");
}

int samples_undo_many(struct call *call, struct err *err)
{
	struct correction correction = samples_correction(call);
	int64_t *ids, *versions = NULL;
	size_t count, done;

	if (call_body(call, err) || json_bool(call->body, "own", false, &correction.own, err) ||
	    ids_read(cJSON_GetObjectItemCaseSensitive(call->body, "ids"), SAMPLES_DECIDED_MAX, &ids, &count, err))
		return -1;
	int failed = read_versions(call->body, count, &versions, err) ||
	             samples_take_back(call->dataset, ids, versions, count, &correction, &done, err);
	free(ids);
	free(versions);
	if (failed)
		return -1;
	cJSON *answer = json_new_object();
	json_add_int64(answer, "undone", (int64_t)done);
	reply_json(call->reply, 200, answer);
	return 0;
}
