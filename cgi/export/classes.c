/* Keeps the labels of a dataset in order of name. */
#include "classes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static int classes_order(const void *a, const void *b)
{
	return strcmp(((const struct class *)a)->label, ((const struct class *)b)->label);
}

void classes_init(struct classes *classes, const struct dataset_labels *labels)
{
	classes->count = labels->count;
	classes->item = memory_new(labels->count + 1, sizeof(*classes->item));
	for (size_t i = 0; i < labels->count; i++)
		classes->item[i] = (struct class){.label = labels->item[i].name, .key = labels->item[i].key};
	qsort(classes->item, classes->count, sizeof(*classes->item), classes_order);
}

void classes_release(struct classes *classes)
{
	free(classes->item);
}

int64_t classes_key(const struct classes *classes, const char *label)
{
	struct class wanted = {.label = label};
	const struct class *found = bsearch(&wanted, classes->item, classes->count, sizeof(wanted), classes_order);

	return found ? found->key : -1;
}
