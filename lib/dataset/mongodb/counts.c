/* A dataset's counts in MongoDB. */
#include "dataset/mongodb/internal.h"

int mongodb_size(struct dataset *base, int64_t *out, struct err *err)
{
	struct mongodb_dataset *dataset = mongodb_dataset(base);
	struct settings settings = {.next_id = 0};
	struct work work;
	int failed = work_begin(&work, dataset->store, err) || settings_read(&work, base->name, &settings, err);

	work_end(&work);
	*out = settings.next_id - settings.gaps;
	settings_release(&settings);
	return failed;
}

struct inquiry {
	struct mongodb_dataset *dataset;
	struct dataset_place *place;   /* NULL: not wanted; */
	struct dataset_labels *labels; /* so are these */
	struct dataset_counts *counts;
	struct label_set found; /* in order of name */
	struct relabelling relabelling;
};

static int read_count(void *data, const bson_t *document, struct err *err)
{
	struct inquiry *inquiry = data;
	struct dataset_counts *counts = inquiry->counts;
	int64_t *const by_state[SAMPLE_STATES] = {&counts->unlabelled, &counts->labelled, &counts->skipped,
	                                          &counts->unreadable, &counts->review};
	const char *name = text_in(document, "_id.name");
	int64_t n = number_in(document, "n");
	enum sample_state state;

	(void)err;
	if (strcmp(text_in(document, "_id.kind"), "gold") == 0)
		counts->gold = n;
	if (strcmp(text_in(document, "_id.kind"), "label") == 0) {
		const struct relabelling *now = &inquiry->relabelling;
		bool renamed = now->from && now->merged < 0 && strcmp(now->from, name) == 0;
		struct dataset_label *label = label_set_find(&inquiry->found, renamed ? now->to : name);

		if (label)
			label->count += n;
		return 0;
	}
	if (sample_state_parse(name, &state))
		*by_state[state] = n;
	return 0;
}

static bson_t *counters_pipeline(const char *name, bool with_labels)
{
	return BCON_NEW("pipeline", "[", "{", "$match", "{", "dataset", BCON_UTF8(name), "kind", "{", "$in", "[",
	                BCON_UTF8("state"), BCON_UTF8("gold"), BCON_UTF8(with_labels ? "label" : "state"), "]", "}", "}", "}",
	                "{", "$group", "{",
	                "_id", "{", "kind", BCON_UTF8("$kind"), "name", BCON_UTF8("$name"), "}", "n", "{", "$sum",
	                BCON_UTF8("$n"), "}", "}", "}", "]");
}

static int read_leased(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	((struct inquiry *)data)->counts->leased = number_in(document, "n");
	return 0;
}

static bson_t *leased_pipeline(const char *name, int64_t now)
{
	return BCON_NEW("pipeline", "[", "{", "$match", "{", "dataset", BCON_UTF8(name), "leases", "{", "$exists",
	                BCON_BOOL(true), "}", "leases.user", "{", "$gte", BCON_UTF8(""), "}", "}", "}", "{", "$unwind",
	                BCON_UTF8("$leases"), "}", "{", "$match", "{", "leases.expires", "{", "$gt", BCON_INT64(now), "}",
	                "}", "}", "{", "$count", BCON_UTF8("n"), "}", "]");
}

static int inquiry_settings(struct work *work, struct inquiry *inquiry, struct err *err)
{
	struct settings settings;

	if (settings_read(work, inquiry->dataset->base.name, &settings, err)) {
		settings_release(&settings);
		return -1;
	}
	inquiry->counts->size = settings.next_id - settings.gaps;
	inquiry->counts->bytes = settings.bytes;
	if (inquiry->place) {
		dataset_place_release(inquiry->place);
		memcpy(inquiry->place->uuid, settings.uuid, sizeof(settings.uuid));
		inquiry->place->base_dir = memory_text(settings.base_dir);
		inquiry->place->policy = policy_resolved(inquiry->dataset, &settings.policy);
	}
	relabelling_release(&inquiry->relabelling);
	inquiry->relabelling = settings.relabelling;
	memset(&settings.relabelling, 0, sizeof(settings.relabelling));
	settings_release(&settings);
	return 0;
}

/* In a transaction, so that the counts agree with each other. */
static int run_inquiry(struct work *work, void *data, struct err *err)
{
	struct inquiry *inquiry = data;
	const char *name = inquiry->dataset->base.name;
	int64_t now;

	label_set_release(&inquiry->found);
	if (inquiry->labels && labels_read_described(work, name, &inquiry->found, err))
		return -1;
	label_set_order_by_name(&inquiry->found);
	return work_now(work, &now, err) || inquiry_settings(work, inquiry, err) ||
	       work_aggregate(work, "counters", counters_pipeline(name, inquiry->labels), read_count, inquiry,
	                      err) ||
	       work_aggregate(work, "images", leased_pipeline(name, now), read_leased, inquiry, err);
}

/* Gives the labels to the caller. */
static int give_labels(struct label_set *found, struct dataset_labels *out, int failed)
{
	if (failed) {
		label_set_release(found);
		return -1;
	}
	label_set_order_by_position(found);
	*out = (struct dataset_labels){.item = found->label, .count = found->count};
	return 0;
}

int mongodb_info(struct dataset *base, struct dataset_info *out, struct err *err)
{
	struct inquiry inquiry = {
		.dataset = mongodb_dataset(base), .place = &out->place, .labels = &out->labels, .counts = &out->counts};
	int failed = work_transaction(inquiry.dataset->store, run_inquiry, &inquiry, err);

	relabelling_release(&inquiry.relabelling);
	return give_labels(&inquiry.found, &out->labels, failed);
}

int mongodb_counts(struct dataset *base, struct dataset_counts *out, struct err *err)
{
	struct inquiry inquiry = {.dataset = mongodb_dataset(base), .counts = out};

	int failed = work_transaction(inquiry.dataset->store, run_inquiry, &inquiry, err);

	relabelling_release(&inquiry.relabelling);
	return failed;
}

int mongodb_labels(struct dataset *base, struct dataset_labels *out, struct err *err)
{
	struct label_set found = {.count = 0};
	struct work work;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err) ||
	             labels_read_described(&work, base->name, &found, err);

	work_end(&work);
	return give_labels(&found, out, failed);
}

/* --- for a check -------------------------------------------------------------------------------------------------- */

int counts_pass(struct work *work, struct mongodb_dataset *dataset, const struct dataset_export *to, struct err *err)
{
	struct dataset_counts counts = {.size = 0};
	struct dataset_labels labels = {.count = 0};
	struct inquiry inquiry = {.dataset = dataset, .labels = &labels, .counts = &counts};
	struct stats_kept stats = {.count = {0}};

	pthread_mutex_lock(&dataset->mutex);
	bool keeps_stats = dataset->settings.stats_kept;
	pthread_mutex_unlock(&dataset->mutex);
	int failed = labels_read_described(work, dataset->base.name, &inquiry.found, err);

	label_set_order_by_name(&inquiry.found);
	failed = failed || inquiry_settings(work, &inquiry, err) ||
	         work_aggregate(work, "counters", counters_pipeline(dataset->base.name, true), read_count, &inquiry, err);
	relabelling_release(&inquiry.relabelling);
	if (give_labels(&inquiry.found, &labels, failed))
		return -1;
	failed = (keeps_stats && stats_read(work, dataset->base.name, &stats, err)) ||
	         to->counts(to->data, &counts, &labels, keeps_stats ? &stats : NULL, err);
	stats_kept_release(&stats);
	dataset_labels_release(&labels);
	return failed;
}

struct fixing {
	const char *dataset;
	const struct dataset_count_fix *fixes;
	size_t count;
};

/* A dataset's size is what its ids leave beside their gaps. */
static int fix_settings(struct work *work, const char *dataset, const char *field, int64_t by, struct err *err)
{
	return work_update(work, "datasets", filter_dataset(dataset), BCON_NEW("$inc", "{", field, BCON_INT64(by), "}"), false,
	                   NULL, err);
}

static int fix_counter(struct work *work, const char *dataset, const struct dataset_count_fix *fix, struct err *err)
{
	static const char *const kinds[] = {"", "state", "label", "gold", ""};
	const char *name = fix->kind == DATASET_COUNT_STATE   ? sample_state_name(fix->state)
	                   : fix->kind == DATASET_COUNT_LABEL ? fix->label
	                                                      : "";
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(dataset), "kind", BCON_UTF8(kinds[fix->kind]), "name",
	                          BCON_UTF8(name), "shard", BCON_INT32(0));

	return work_update(work, "counters", filter, BCON_NEW("$inc", "{", "n", BCON_INT64(fix->by), "}"), true, NULL, err);
}

static int run_fixes(struct work *work, void *data, struct err *err)
{
	const struct fixing *fixing = data;
	int failed = 0;

	for (size_t i = 0; !failed && i < fixing->count; i++) {
		const struct dataset_count_fix *fix = &fixing->fixes[i];

		if (fix->kind == DATASET_COUNT_SIZE)
			failed = fix_settings(work, fixing->dataset, "gaps", -fix->by, err);
		else if (fix->kind == DATASET_COUNT_BYTES)
			failed = fix_settings(work, fixing->dataset, "bytes", fix->by, err);
		else
			failed = fix_counter(work, fixing->dataset, fix, err);
	}
	return failed;
}

int mongodb_fix_counts(struct dataset *base, const struct dataset_count_fix *fixes, size_t count, struct err *err)
{
	struct fixing fixing = {base->name, fixes, count};

	return work_transaction(mongodb_dataset(base)->store, run_fixes, &fixing, err);
}
