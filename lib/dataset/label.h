/* Changing a dataset's labels: a label's name and details, its place among the others, and its removal. As
 * thread-safe as dataset.h says, and with its errors. A key without a label is ERR_NOT_FOUND, which says so.
 *
 * A new name, or a merge, is one durable write, after which the list of labels is final; but a million samples
 * cannot be changed in one write. They are changed in bites, between which others write, and the call returns when
 * all are done. If a crash interrupts it, the next start completes it, if others who label have not done so before.
 * Until then:
 *   - a sample, a vote or an event that a new name has not reached yet shows the former one, which no other label
 *     can get; the label's count includes it already;
 *   - a merged label is still listed, with the samples that still have it, and disappears with the last one;
 *   - another change of a name, merge or removal waits.
 * A label that is given by a former name, because a page is old or was offline, counts as the label that it is now;
 * so it does in a seed. That ends when another label gets the name. */
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
	const char *name;        /* also for samples, votes, decisions and their whole history */
	const char *colour;      /* "#rrggbb", in either case; "": none */
	const char *description; /* "": none */
	bool moves;              /* whether position is set */
	double position;
};
/* ERR_BAD_REQUEST for a malformed name, colour, description or position; ERR_CONFLICT when another label has the
 * name, in any spelling. */
int dataset_label_change(struct dataset *dataset, int64_t key, const struct label_change *change, struct err *err);

/* Everything with this label gets the other one, and an event with source "merge" by the user: earlier history stays
 * as it was. Then the label is gone. ERR_UNPROCESSABLE when `into` is unknown, or the same label. */
int dataset_label_merge(struct dataset *dataset, int64_t key, int64_t into, const char *user, struct err *err);

/* Removes an unused label: ERR_CONFLICT while a sample, a vote or a decision has it. */
int dataset_label_remove(struct dataset *dataset, int64_t key, struct err *err);

#endif
