/* What one person says of a dataset's samples: the label that this person gave each of them last, and has not taken
 * back, whatever others said and whatever the sample's label is. By an index: the cost depends on the page alone. As
 * thread-safe as dataset.h says, and with its errors. */
#ifndef DATASET_SAYINGS_H
#define DATASET_SAYINGS_H

#include "dataset/dataset.h"

/* The place of a label event in the list: when it was, of which sample, and its number there. */
struct saying_place {
	int64_t at, id, n;
};
#define SAYINGS_NEWEST ((struct saying_place){.at = INT64_MAX}) /* before all */

struct saying {
	struct sample sample;
	char *label; /* as the dataset has it now */
	int64_t at;
};
struct sayings_page {
	struct saying_place after; /* in the list, the newest first; of the same time, the greater id first */
	size_t limit;              /* 1..DATASET_PAGE_MAX */
	struct saying *item;       /* NULL after a failure; else for sayings_release */
	size_t count;              /* may be less than limit, even 0, though there are more */
	bool more;                 /* and the next page comes after: */
	struct saying_place reached;
};
/* seen_by: as this user sees the samples, who is asked (gold.h); NULL: as they are. */
int dataset_sayings(struct dataset *dataset, const char *user, const char *seen_by, struct sayings_page *page,
                    struct err *err);
void sayings_release(struct sayings_page *page);

#endif
