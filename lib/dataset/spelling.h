/* The spelling of labels: "é" is one character or two (Unicode's forms NFC and NFD, of which macOS's file system
 * writes the latter), and one label. A new label is stored in NFC; one that is there keeps its spelling, and every
 * other finds it. */
#ifndef DATASET_SPELLING_H
#define DATASET_SPELLING_H

#include "dataset/dataset.h"

/* *out is the spelling that the dataset's label has, or NFC where it has none of them; the caller frees it. What is
 * ASCII is what it is, and asks the store nothing. */
int spelling_of(struct dataset *dataset, const char *label, char **out, struct err *err);

/* The labels of one merge as they are spelled in the dataset. All of it is released together. */
struct spelling_merge {
	const char **labels;        /* as many as were given */
	struct dataset_seed *seeds; /* the same */
	char **owned;
	size_t owned_count;
};
int spelling_of_all(struct dataset *dataset, const char *const *labels, size_t label_count,
                    const struct dataset_seed *seeds, size_t seed_count, struct spelling_merge *out, struct err *err);
void spelling_release(struct spelling_merge *merge);

#endif
