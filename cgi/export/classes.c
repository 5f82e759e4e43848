/* Keeps a dataset's labels in order of name. */
#include "classes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "names.h"

static int classes_order(const void *a, const void *b)
{
	return strcmp(((const struct class *)a)->label, ((const struct class *)b)->label);
}

static int classes_folder_order(const void *a, const void *b)
{
	const char *one = ((const struct class *)a)->folder, *other = ((const struct class *)b)->folder;

	return one && other ? strcmp(one, other) : !one - !other;
}

void classes_init(struct classes *classes, const struct dataset_labels *labels)
{
	classes->count = labels->count;
	classes->item = memory_new(labels->count + 1, sizeof(*classes->item));
	for (size_t i = 0; i < labels->count; i++)
		classes->item[i] = (struct class){.label = memory_text(labels->item[i].name), .key = labels->item[i].key};
	qsort(classes->item, classes->count, sizeof(*classes->item), classes_order);
}

void classes_release(struct classes *classes)
{
	for (size_t i = 0; i < classes->count; i++) {
		free(classes->item[i].label);
		free(classes->item[i].folder);
	}
	free(classes->item);
}

/* The index of the first label that is not before this one: where it is, or belongs. */
static size_t classes_place(const struct classes *classes, const char *label)
{
	size_t from = 0, to = classes->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (strcmp(classes->item[middle].label, label) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool classes_has(const struct classes *classes, size_t place, const char *label)
{
	return place < classes->count && strcmp(classes->item[place].label, label) == 0;
}

int64_t classes_key(const struct classes *classes, const char *label)
{
	size_t place = classes_place(classes, label);

	return classes_has(classes, place, label) ? classes->item[place].key : -1;
}

const char *classes_folder(struct classes *classes, const char *label)
{
	size_t place = classes_place(classes, label);
	struct buf folder;

	if (!classes_has(classes, place, label)) {
		classes->item = memory_grow(classes->item, classes->count + 1, sizeof(*classes->item));
		memmove(&classes->item[place + 1], &classes->item[place], (classes->count++ - place) * sizeof(*classes->item));
		classes->item[place] = (struct class){.label = memory_text(label), .key = -1};
	}
	if (!classes->item[place].folder) {
		buf_init(&folder, NAMES_FOLDER_MAX);
		names_folder(label, &folder);
		classes->item[place].folder = buf_detach(&folder);
	}
	return classes->item[place].folder;
}

size_t classes_by_folder(struct classes *classes)
{
	size_t count = 0;

	qsort(classes->item, classes->count, sizeof(*classes->item), classes_folder_order);
	while (count < classes->count && classes->item[count].folder)
		count++;
	return count;
}
