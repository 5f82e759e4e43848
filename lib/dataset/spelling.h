/* The spelling of labels: "é" is one character or two (Unicode's forms NFC and NFD, of which macOS's file system
 * writes the latter), but one label. A new label is stored in NFC; an existing label keeps its spelling, and is
 * found by any other. */
#ifndef DATASET_SPELLING_H
#define DATASET_SPELLING_H

#include "dataset/dataset.h"

/* *out is the dataset's spelling of the label, or NFC where it has none; the caller frees it. An ASCII label has
 * only one spelling, so the store is not asked. */
int spelling_of(struct dataset *dataset, const char *label, char **out, struct err *err);

/* Finds the label that is meant by a text that the dataset does not have: by another spelling, or by its present
 * name (label.h). The caller frees *out; NULL: there is none. */
int spelling_meant(struct dataset *dataset, const char *label, char **out, struct err *err);

/* The labels of one merge in the dataset's spelling; those that were renamed, merged or removed since are left out
 * of the list, and samples get what they have become. Release everything together. */
struct spelling_merge {
	const char **labels;
	size_t label_count;
	struct dataset_seed *seeds; /* as many as were given */
	char **owned;
	size_t owned_count;
};
int spelling_of_all(struct dataset *dataset, const char *const *labels, size_t label_count,
                    const struct dataset_seed *seeds, size_t seed_count, struct spelling_merge *out, struct err *err);
void spelling_release(struct spelling_merge *merge);

#endif
