/* Changing a dataset's labels: what is said of one, and its place among the others. As thread-safe as dataset.h says,
 * and with its errors. A key that names no label is ERR_NOT_FOUND, saying so. */
#ifndef DATASET_LABEL_H
#define DATASET_LABEL_H

#include "dataset/dataset.h"

/* For qsort: in order of position, then of key; and of key alone. */
int label_by_position(const void *a, const void *b);
int label_by_key(const void *a, const void *b);

/* ERR_NOT_FOUND that names the key; returns -1. */
int label_unknown(int64_t key, struct err *err);

enum {
	LABEL_DESCRIPTION_MAX = 1000,    /* bytes */
	LABEL_POSITION_MAX = 1000000000, /* and its negative; any number between */
};

/* What is NULL, or not meant, stays as it is. */
struct label_change {
	const char *colour;      /* "#rrggbb", in either case; "": none */
	const char *description; /* "": none */
	bool moves;              /* position is meant */
	double position;
};
/* One durable write. ERR_BAD_REQUEST for a colour, description or position that cannot be one. */
int dataset_label_change(struct dataset *dataset, int64_t key, const struct label_change *change, struct err *err);

#endif
