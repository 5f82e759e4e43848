/* Changes that reach existing samples in bites. Private to lib/dataset/mongodb/. */
#ifndef DATASET_MONGODB_CATCHUP_H
#define DATASET_MONGODB_CATCHUP_H

#include "dataset/mongodb/batch.h"

/* Changes of the overlap (overlap.c) and of labels (relabel.c) reach existing samples in bites, between which others
 * write (catchup.c). catch_up does all that is due; catch_up_step does a small bite, which the leader of leases does
 * so that the change ends even if nobody waits for it. */
int catch_up(struct mongodb_dataset *, struct err *);
int catch_up_step(struct mongodb_dataset *, struct err *);

/* One bite, which is a transaction. */
struct bite {
	struct mongodb_dataset *dataset;
	int64_t after, last; /* ids of samples: where it begins, and how far it came */
	size_t most;         /* samples to look at: halved each time that others wrote to the same ones */
	bool more;           /* there are samples after `last` */
	bool tried;
	struct settings settings;
	struct records records;
	struct batch batch;
};
/* Call it first in a bite's transaction: reads the settings again. */
int bite_begin(struct bite *bite, struct work *work, struct err *err);
struct catch_up {
	/* Whether a change is due; *which identifies it. */
	bool (*due)(const struct settings *settings, bson_oid_t *which);
	work_run *run; /* with a struct bite */
	/* Called after the last bite, unless there was another change meanwhile. Then the settings are read again. */
	int (*end)(struct mongodb_dataset *dataset, const bson_oid_t *which, struct err *err);
};
extern const struct catch_up catch_up_overlap, catch_up_labels;

/* If these samples, just written, have a label by a name that no label has any more, gives them what it has become:
 * the change may have passed them before. */
int relabel_late(struct mongodb_dataset *dataset, const char *label, const int64_t *ids, size_t count, struct err *err);

#endif
