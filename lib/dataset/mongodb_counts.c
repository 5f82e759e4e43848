/* What is counted of a dataset in MongoDB. */
#include "dataset/mongodb.h"

int mongodb_size(struct dataset *base, int64_t *out, struct err *err)
{
	struct mongodb_dataset *dataset = mongodb_dataset(base);
	struct settings settings = {.next_id = 0};
	struct work work;
	int failed = work_begin(&work, dataset->store, err) || settings_read(&work, base->name, &settings, err);

	work_end(&work);
	*out = settings.next_id - settings.gaps; /* no sample is ever removed alone */
	settings_release(&settings);
	return failed ? -1 : 0;
}

struct inquiry {
	struct mongodb_dataset *dataset;
	struct dataset_info *out;
	struct label_set labels;
};

static int read_count(void *data, const bson_t *document, struct err *err)
{
	struct inquiry *inquiry = data;
	struct dataset_counts *counts = &inquiry->out->counts;
	int64_t *const by_state[] = {&counts->unlabelled, &counts->labelled, &counts->skipped, &counts->unreadable};
	const char *name = text_in(document, "_id.name");
	int64_t n = number_in(document, "n");

	(void)err;
	if (strcmp(text_in(document, "_id.kind"), "label") == 0) {
		struct dataset_label *label = label_set_find(&inquiry->labels, name);

		if (label)
			label->count = n;
		return 0;
	}
	for (int state = SAMPLE_UNLABELLED; state <= SAMPLE_UNREADABLE; state++) {
		if (strcmp(name, sample_state_name((enum sample_state)state)) == 0)
			*by_state[state] = n;
	}
	return 0;
}

static bson_t *counters_pipeline(const char *name)
{
	return BCON_NEW("pipeline", "[", "{", "$match", "{", "dataset", BCON_UTF8(name), "}", "}", "{", "$group", "{",
	                "_id", "{", "kind", BCON_UTF8("$kind"), "name", BCON_UTF8("$name"), "}", "n", "{", "$sum",
	                BCON_UTF8("$n"), "}", "}", "}", "]");
}

static int read_leased(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	((struct inquiry *)data)->out->counts.leased = number_in(document, "n");
	return 0;
}

static bson_t *leased_pipeline(const char *name, int64_t now)
{
	return BCON_NEW("pipeline", "[", "{", "$match", "{", "dataset", BCON_UTF8(name), "leases", "{", "$exists",
	                BCON_BOOL(true), "}", "leases.user", "{", "$gte", BCON_UTF8(""), "}", "}", "}", "{", "$unwind",
	                BCON_UTF8("$leases"), "}", "{", "$match", "{", "leases.expires", "{", "$gt", BCON_INT64(now), "}",
	                "}", "}", "{", "$count", BCON_UTF8("n"), "}", "]");
}

static int read_setup(struct work *work, struct inquiry *inquiry, struct err *err)
{
	const char *name = inquiry->dataset->base.name;
	struct settings settings;

	dataset_info_release(inquiry->out);
	label_set_release(&inquiry->labels);
	int failed = settings_read(work, name, &settings, err) || labels_read(work, name, &inquiry->labels, err);
	if (failed) {
		settings_release(&settings);
		return -1;
	}
	memcpy(inquiry->out->uuid, settings.uuid, sizeof(settings.uuid));
	inquiry->out->base_dir = settings.base_dir;
	inquiry->out->policy = policy_resolved(inquiry->dataset, &settings.policy);
	inquiry->out->counts.size = settings.next_id - settings.gaps;
	inquiry->out->counts.bytes = settings.bytes;
	return 0;
}

/* In a transaction, so that the counts agree with each other. */
static int run_info(struct work *work, void *data, struct err *err)
{
	struct inquiry *inquiry = data;
	const char *name = inquiry->dataset->base.name;

	int64_t now;

	return work_now(work, &now, err) || read_setup(work, inquiry, err) ||
	                       work_aggregate(work, "counters", counters_pipeline(name), read_count, inquiry, err) ||
	                       work_aggregate(work, "images", leased_pipeline(name, now), read_leased, inquiry, err)
	               ? -1
	               : 0;
}

/* The labels pass over to the answer. */
static int end_inquiry(struct inquiry *inquiry, int failed)
{
	if (failed) {
		label_set_release(&inquiry->labels);
		return -1;
	}
	label_set_order_by_key(&inquiry->labels);
	inquiry->out->labels = inquiry->labels.label;
	inquiry->out->label_count = inquiry->labels.count;
	return 0;
}

int mongodb_info(struct dataset *base, struct dataset_info *out, struct err *err)
{
	struct inquiry inquiry = {.dataset = mongodb_dataset(base), .out = out};

	return end_inquiry(&inquiry, work_transaction(inquiry.dataset->store, run_info, &inquiry, err));
}

int mongodb_setup(struct dataset *base, struct dataset_info *out, struct err *err)
{
	struct inquiry inquiry = {.dataset = mongodb_dataset(base), .out = out};
	struct work work;
	int failed = work_begin(&work, inquiry.dataset->store, err) || read_setup(&work, &inquiry, err);

	work_end(&work);
	out->counts = (struct dataset_counts){0};
	return end_inquiry(&inquiry, failed);
}
