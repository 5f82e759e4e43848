/* What tests of labels say of samples, and see of them. */
#include "saying.h"

#include <stdio.h>

#include "dataset/label.h"
#include "dataset/move.h"
#include "fixture.h"

void decide(struct dataset *dataset, int64_t id, const char *label, const struct correction *correction)
{
	struct sample sample;

	must(sample_decide(dataset, id, label, correction, &sample, &failure));
	assert_int_equal(sample.id, id);
	assert_string_equal(sample.label, label);
	sample_release(&sample);
}

const char *undo(struct dataset *dataset, int64_t id, const struct correction *correction)
{
	static char text[512];
	struct sample sample;

	must(sample_undo(dataset, id, correction, &sample, &failure));
	snprintf(text, sizeof(text), "%s %s %s %d", sample.label, sample_state_name(sample.state), sample.labelled_by,
	         (int)sample.version);
	sample_release(&sample);
	return text;
}

void nothing_to_undo(struct dataset *dataset, int64_t id, const struct correction *correction)
{
	struct sample sample;

	refused(sample_undo(dataset, id, correction, &sample, &failure), ERR_CONFLICT);
	assert_string_equal(failure.text, "There is nothing to undo");
}

struct sample sample_of(struct dataset *dataset, int64_t id)
{
	struct sample sample;

	must(dataset_sample(dataset, id, &sample, &failure));
	return sample;
}

bool classify(struct dataset *dataset, const char *user, int id, const char *label)
{
	bool accepted;

	must(dataset_label_path(dataset, user, "/pictures", picture(id), label, &accepted, &failure));
	return accepted;
}

void rename_to(struct dataset *dataset, int64_t key, const char *name)
{
	must(dataset_label_change(dataset, key, &(struct label_change){.name = name}, &failure));
}

void ask(struct dataset *dataset, int overlap)
{
	const struct dataset_change change = {.fields = DATASET_POLICY_OVERLAP, .policy = {.overlap = overlap}};

	must(dataset_update(dataset, &change, &failure));
}

void seed_one(struct dataset *dataset, const char *filepath, const char *label)
{
	const struct dataset_seed one = {filepath, label};
	struct dataset_merged merged = {0};

	must(dataset_merge(dataset, &label, 1, &one, 1, &merged, &failure));
}

int64_t version_of(struct dataset *dataset, int64_t id)
{
	struct sample sample;

	must(dataset_sample(dataset, id, &sample, &failure));
	int64_t found = sample.version;
	sample_release(&sample);
	return found;
}

const char *labels_shown(struct dataset *dataset)
{
	static char text[4096];
	struct dataset_info info;
	size_t len = 0;

	text[0] = '\0';
	must(dataset_info(dataset, &info, &failure));
	for (size_t i = 0; i < info.labels.count; i++) {
		const struct dataset_label *label = &info.labels.item[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%lld %s %lld", i ? "; " : "", (long long)label->key,
		                        label->name, (long long)label->count);
	}
	dataset_info_release(&info);
	return text;
}

struct dataset *without_events(struct fixture *fixture, const char *label, const char *by, int64_t at)
{
	struct dataset_outline outline;
	struct dataset_record record = {.sample = {.filepath = (char[]){"old.png"}, .label = (char *)(uintptr_t)label,
	                                           .state = SAMPLE_LABELLED, .version = 3, .blob_key = (char[]){""},
	                                           .type = (char[]){""}, .sha256 = (char[]){""}, .filename = (char[]){""},
	                                           .uploaded_by = (char[]){""}, .labelled_by = (char *)(uintptr_t)by,
	                                           .labelled_at = at, .flagged_by = (char[]){""}},
	                                .url = (char[]){""}};
	struct dataset *dataset;
	int64_t last;

	must(dataset_restore_open(fixture->store, "old", "elsewhere", &dataset, &last, &failure));
	must(dataset_outline(fixture->dataset, &outline, &failure));
	must(dataset_restore_outline(dataset, &outline, &failure));
	must(dataset_restore_records(dataset, &record, 1, &failure));
	must(dataset_restore_finish(dataset, &failure));
	dataset_outline_release(&outline);
	return open_dataset(fixture->store, "old");
}
