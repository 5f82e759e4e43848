/* The beginning of each bite of a change that reaches all samples in MongoDB bit by bit. */
#include "dataset/mongodb/catchup.h"

int bite_begin(struct bite *bite, struct work *work, struct err *err)
{
	if (bite->tried && bite->most > 1)
		bite->most /= 2;
	bite->tried = true;
	bite->last = bite->after;
	settings_release(&bite->settings);
	records_release(&bite->records);
	bite->batch.shard = batch_shard_beside(bite->dataset->store);
	return batch_restart(&bite->batch, work, err) ||
	       settings_read(work, bite->dataset->base.name, &bite->settings, err);
}
