/* Asks the dataset's backend what goes on, and keeps the answer. */
#include "dataset/activity.h"

#include "base/memory.h"
#include "dataset/backend.h"

int dataset_activity(struct dataset *dataset, bool but_gold, struct dataset_activity *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	return dataset->backend->activity(dataset, but_gold, out, err);
}

void activity_add_working(struct dataset_activity *activity, const char *user)
{
	if (activity->working_count == ACTIVITY_WORKING_MAX)
		return;
	if (!activity->working)
		activity->working = memory_new(ACTIVITY_WORKING_MAX, sizeof(*activity->working));
	activity->working[activity->working_count++] = memory_text(user);
}

void dataset_activity_release(struct dataset_activity *activity)
{
	for (size_t i = 0; i < activity->working_count; i++)
		free(activity->working[i]);
	free(activity->working);
	free(activity->labelled_by);
	memset(activity, 0, sizeof(*activity));
}
