/* The classes of an export: the dataset's labels, found by name. One thread. */
#ifndef EXPORT_CLASSES_H
#define EXPORT_CLASSES_H

#include "dataset/dataset.h"

struct class {
	char *label;
	int64_t key;  /* -1: a seed gave it, and it is none of the dataset's labels */
	char *folder; /* NULL: no image was put there */
};
struct classes {
	struct class *item; /* in byte order of label */
	size_t count;
};

void classes_init(struct classes *classes, const struct dataset_labels *labels);
void classes_release(struct classes *classes);

/* The key of a label, by which forms with numbers call a class; or -1. */
int64_t classes_key(const struct classes *classes, const char *label);

/* The folder of a label's images (names_folder); it is known from then on to have some. */
const char *classes_folder(struct classes *classes, const char *label);
/* Sorts those that have a folder to the front, in byte order of it, as loaders number them: how many. The last call. */
size_t classes_by_folder(struct classes *classes);

#endif
