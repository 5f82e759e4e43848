/* Changing a dataset's labels: the name of one, what is said of it, its place among the others, and its end. As
 * thread-safe as dataset.h says, and with its errors. A key that names no label is ERR_NOT_FOUND, saying so.
 *
 * A new name, and a merge, is one durable write, after which the labels are as they will be; but a million samples are
 * not changed in one. They are changed in bites, between which others write, and the call returns when it is through.
 * A crash in the middle ends at the next start, if not by those who label meanwhile. Until then
 *   - a sample, a vote or an event that a new name has not reached yet is shown with the former one, which no label can
 *     get; the label's count has it already;
 *   - a label that is merged is still listed, with those samples that have it yet, and goes with the last;
 *   - another change of a name, a merge or a removal waits.
 * Whoever gives a label by the name that it had before, since a page is old or was not connected, gives the label
 * that it is now; so does a seed. That ends when another label gets the name. */
#ifndef DATASET_LABEL_H
#define DATASET_LABEL_H

#include "dataset/dataset.h"

/* For qsort: by position, then key; and by key alone. */
int label_by_position(const void *a, const void *b);
int label_by_key(const void *a, const void *b);

/* Sets ERR_NOT_FOUND, which names the key; returns -1. */
int label_unknown(int64_t key, struct err *err);

enum {
	LABEL_DESCRIPTION_MAX = 1000,    /* bytes */
	LABEL_POSITION_MAX = 1000000000, /* positions lie between this and its negative */
};

/* Fields that are NULL, or not set, stay as they are. */
struct label_change {
	const char *name;        /* for samples, votes, decisions and all their history */
	const char *colour;      /* "#rrggbb", in either case; "": none */
	const char *description; /* "": none */
	bool moves;              /* whether position is set */
	double position;
};
/* ERR_BAD_REQUEST for a name, colour, description or position that cannot be one; ERR_CONFLICT when another label has
 * the name, in whatever spelling. */
int dataset_label_change(struct dataset *dataset, int64_t key, const struct label_change *change, struct err *err);

/* What has the label gets the other one, and an event of source "merge" by the user: what was said before stays in the
 * history as it was. The label is gone then. ERR_UNPROCESSABLE when `into` names none, or the same. */
int dataset_label_merge(struct dataset *dataset, int64_t key, int64_t into, const char *user, struct err *err);

/* Removes a label that nothing has: ERR_CONFLICT while a sample, a vote or a decision does. */
int dataset_label_remove(struct dataset *dataset, int64_t key, struct err *err);

#endif
