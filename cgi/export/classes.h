/* The classes of an export: the dataset's labels, found by name. One thread. */
#ifndef EXPORT_CLASSES_H
#define EXPORT_CLASSES_H

#include "dataset/dataset.h"

struct class {
	const char *label; /* borrowed */
	int64_t key;
};
struct classes {
	struct class *item; /* in byte order of label */
	size_t count;
};

/* labels must outlive it. */
void classes_init(struct classes *classes, const struct dataset_labels *labels);
void classes_release(struct classes *classes);

/* The key of a label, by which forms with numbers call a class; -1: a seed gave it, and it is none of the dataset's. */
int64_t classes_key(const struct classes *classes, const char *label);

#endif
