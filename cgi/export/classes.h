/* The classes of an export: the dataset's labels, found by name. One thread. */
#ifndef EXPORT_CLASSES_H
#define EXPORT_CLASSES_H

#include "dataset/dataset.h"

struct class {
	char *label;
	int64_t key;  /* -1: the dataset does not have the label, which a seed gave */
	char *folder; /* NULL: it has no images */
};
struct classes {
	struct class *item; /* in byte order of label */
	size_t count;
};

void classes_init(struct classes *classes, const struct dataset_labels *labels);
void classes_release(struct classes *classes);

/* The key of a label, which formats with numbers use for a class; or -1. */
int64_t classes_key(const struct classes *classes, const char *label);

/* The folder of a label's images (names_folder); marks the label as having images. */
const char *classes_folder(struct classes *classes, const char *label);
/* Sorts the labels with a folder to the front, in byte order of the folder, as loaders number them; returns how
 * many. Call it last. */
size_t classes_by_folder(struct classes *classes);

#endif
