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
