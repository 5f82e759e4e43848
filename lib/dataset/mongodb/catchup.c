/* How changes of a dataset reach its existing samples in MongoDB: in bites, between which others write. */
#include "dataset/mongodb/catchup.h"

enum {
	BITE_MAX = 500, /* samples in a transaction */
	STEP_MAX = 50,  /* in one that is part of a user's request for a task */
};

static const struct catch_up *const kinds[] = {&catch_up_overlap, &catch_up_labels};

/* The change that is due, as far as this process knows; NULL: none. */
static const struct catch_up *due_now(struct mongodb_dataset *dataset, bson_oid_t *which)
{
	const struct catch_up *found = NULL;

	pthread_mutex_lock(&dataset->mutex);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && !found; i++)
		found = kinds[i]->due(&dataset->settings, which) ? kinds[i] : NULL;
	pthread_mutex_unlock(&dataset->mutex);
	return found;
}

/* *most is set for the next bite: fewer samples where others write, more again where they do not. */
static int take_bite(struct mongodb_dataset *dataset, const struct catch_up *kind, int64_t *after, size_t *most,
                     bool *more, struct err *err)
{
	struct bite bite = {.dataset = dataset, .after = *after, .last = *after, .most = *most};

	bite.batch.dataset = dataset->base.name;
	int failed = work_transaction(dataset->store, kind->run, &bite, err);
	*after = bite.last;
	*more = bite.more;
	*most = bite.most < BITE_MAX / 2 ? bite.most * 2 : BITE_MAX;
	settings_release(&bite.settings);
	records_release(&bite.records);
	batch_clear(&bite.batch);
	return failed;
}

/* Completes one change after the other. */
int catch_up(struct mongodb_dataset *dataset, struct err *err)
{
	const struct catch_up *kind;
	bson_oid_t which;

	while ((kind = due_now(dataset, &which))) {
		int64_t after = -1;
		size_t most = BITE_MAX;

		for (bool more = true; more;) {
			if (take_bite(dataset, kind, &after, &most, &more, err))
				return -1;
		}
		if (kind->end(dataset, &which, err))
			return -1;
	}
	return 0;
}

int catch_up_step(struct mongodb_dataset *dataset, struct err *err)
{
	bson_oid_t which;
	const struct catch_up *kind = due_now(dataset, &which);
	size_t most = STEP_MAX;
	bool more;

	if (!kind)
		return 0;
	if (!bson_oid_equal(&which, &dataset->step_due)) {
		dataset->step_due = which;
		dataset->step_after = -1;
	}
	if (take_bite(dataset, kind, &dataset->step_after, &most, &more, err) || more)
		return more ? 0 : -1;
	dataset->step_after = -1; /* in case it must begin again */
	return kind->end(dataset, &which, err);
}
