/* Finds labels in any Unicode form. */
#include "dataset/spelling.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "dataset/backend.h"

/* A label of the dataset that may be spelled in several ways. */
struct known {
	char *nfc;
	const char *stored;
};

struct known_labels {
	struct dataset_labels labels;
	struct known *known; /* by nfc, then as stored */
	size_t count;
};

static int spelling_order(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int nfc = strcmp(x->nfc, y->nfc);

	return nfc ? nfc : strcmp(x->stored, y->stored);
}

static int read_known(struct dataset *dataset, struct known_labels *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (dataset->backend->labels(dataset, &out->labels, err)) {
		dataset_labels_release(&out->labels);
		return -1;
	}
	out->known = memory_new(out->labels.count + 1, sizeof(*out->known));
	for (size_t i = 0; i < out->labels.count; i++) {
		const char *stored = out->labels.item[i].name;

		if (!text_is_ascii(stored))
			out->known[out->count++] = (struct known){text_nfc(stored), stored};
	}
	qsort(out->known, out->count, sizeof(*out->known), spelling_order);
	return 0;
}

static void release_known(struct known_labels *labels)
{
	for (size_t i = 0; i < labels->count; i++)
		free(labels->known[i].nfc);
	free(labels->known);
	dataset_labels_release(&labels->labels);
}

/* The label as given, if the dataset has it so; else as the dataset spells it; else in NFC. The caller frees it. */
static char *spell(const struct known_labels *labels, const char *label)
{
	char *nfc = text_nfc(label);
	size_t low = 0, high = labels->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(labels->known[middle].nfc, nfc) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	const char *found = nfc;
	for (size_t i = low; i < labels->count && strcmp(labels->known[i].nfc, nfc) == 0; i++) {
		if (found == nfc || strcmp(labels->known[i].stored, label) == 0)
			found = labels->known[i].stored;
	}
	if (found == nfc)
		return nfc;
	char *copy = memory_text(found);
	free(nfc);
	return copy;
}

int spelling_of(struct dataset *dataset, const char *label, char **out, struct err *err)
{
	struct known_labels labels = {0};

	if (!text_is_ascii(label) && read_known(dataset, &labels, err))
		return -1;
	*out = spell(&labels, label);
	release_known(&labels);
	return 0;
}

static int compare_former(const void *name, const void *label)
{
	return strcmp(name, ((const struct former_label *)label)->name);
}

static const struct former_label *find_former(const struct former_labels *former, const char *name)
{
	return former->count ? bsearch(name, former->item, former->count, sizeof(*former->item), compare_former) : NULL;
}

int spelling_meant(struct dataset *dataset, const char *label, char **out, struct err *err)
{
	struct former_labels former;

	if (spelling_of(dataset, label, out, err))
		return -1;
	if (strcmp(*out, label) != 0)
		return 0;
	free(*out);
	*out = NULL;
	if (dataset->backend->label_former(dataset, &former, err))
		return -1;
	const struct former_label *found = find_former(&former, label);
	*out = found && found->now ? memory_text(found->now) : NULL;
	former_labels_release(&former);
	return 0;
}

/* --- a merge ------------------------------------------------------------------------------------------------------ */

static bool all_ascii(const char *const *labels, size_t label_count, const struct dataset_seed *seeds,
                      size_t seed_count)
{
	for (size_t i = 0; i < label_count; i++)
		if (!text_is_ascii(labels[i]))
			return false;
	for (size_t i = 0; i < seed_count; i++)
		if (!text_is_ascii(seeds[i].label))
			return false;
	return true;
}

static const char *spelling_keep(struct spelling_merge *merge, const struct known_labels *labels, const char *label)
{
	if (text_is_ascii(label))
		return label;
	return merge->owned[merge->owned_count++] = spell(labels, label);
}

/* Some of them are former names of labels. */
static void take_former(struct spelling_merge *merge, size_t seed_count, const struct former_labels *former)
{
	size_t kept = 0;

	for (size_t i = 0; i < merge->label_count; i++) {
		if (!find_former(former, merge->labels[i]))
			merge->labels[kept++] = merge->labels[i];
	}
	merge->label_count = kept;
	for (size_t i = 0; i < seed_count; i++) {
		const struct former_label *label = find_former(former, merge->seeds[i].label);

		if (!label || !label->now)
			continue;
		merge->owned = memory_grow(merge->owned, merge->owned_count + 1, sizeof(*merge->owned));
		merge->seeds[i].label = merge->owned[merge->owned_count++] = memory_text(label->now);
	}
}

int spelling_of_all(struct dataset *dataset, const char *const *labels, size_t label_count,
                    const struct dataset_seed *seeds, size_t seed_count, struct spelling_merge *out, struct err *err)
{
	struct known_labels known = {0};
	struct former_labels former;

	memset(out, 0, sizeof(*out));
	if (dataset->backend->label_former(dataset, &former, err))
		return -1;
	if (!all_ascii(labels, label_count, seeds, seed_count) && read_known(dataset, &known, err)) {
		former_labels_release(&former);
		return -1;
	}
	out->labels = memory_new(label_count + 1, sizeof(*out->labels));
	out->seeds = memory_new(seed_count + 1, sizeof(*out->seeds));
	out->owned = memory_new(label_count + seed_count + 1, sizeof(*out->owned));
	out->label_count = label_count;
	for (size_t i = 0; i < label_count; i++)
		out->labels[i] = spelling_keep(out, &known, labels[i]);
	for (size_t i = 0; i < seed_count; i++) {
		out->seeds[i] = seeds[i];
		out->seeds[i].label = spelling_keep(out, &known, seeds[i].label);
	}
	release_known(&known);
	take_former(out, seed_count, &former);
	former_labels_release(&former);
	return 0;
}

void spelling_release(struct spelling_merge *merge)
{
	for (size_t i = 0; i < merge->owned_count; i++)
		free(merge->owned[i]);
	free(merge->owned);
	free(merge->labels);
	free(merge->seeds);
}
