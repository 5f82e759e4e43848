/* What goes on in a dataset: who works on it now, and what was labelled last. From indexes: the cost depends on the
 * leases that are held, not on the number of samples. */
#ifndef DATASET_ACTIVITY_H
#define DATASET_ACTIVITY_H

#include "dataset/dataset.h"

enum { ACTIVITY_WORKING_MAX = 100 }; /* users that are named at most */

struct dataset_activity {
	char **working; /* the users who hold live leases, in byte order */
	size_t working_count;
	int64_t labelled_at; /* the last sample to get its label; 0: none did */
	char *labelled_by;   /* NULL: nobody, or not known */
};
/* but_gold: leaves out the labels of samples whose answer is known (gold.h adds what a user sees of them). The
 * caller releases *out, also after a failure. */
int dataset_activity(struct dataset *dataset, bool but_gold, struct dataset_activity *out, struct err *err);
void dataset_activity_release(struct dataset_activity *activity);

/* For stores: names one more, copying the text; past the maximum it does nothing. */
void activity_add_working(struct dataset_activity *activity, const char *user);

#endif
