/* The beginning of each bite of a change that reaches all samples in MongoDB bit by bit. */
#include "dataset/mongodb/catchup.h"

/* Not the one in which this process counts what its users do meanwhile: each bite would conflict with that. */
static unsigned shard_beside(const struct mongodb_store *store)
{
	return (store->shard + 1 + arc4random_uniform(COUNTER_SHARDS - 1)) % COUNTER_SHARDS;
}

int bite_begin(struct bite *bite, struct work *work, struct err *err)
{
	int64_t now;

	if (bite->tried && bite->most > 1)
		bite->most /= 2;
	bite->tried = true;
	bite->last = bite->after;
	settings_release(&bite->settings);
	records_release(&bite->records);
	bite->batch.shard = shard_beside(bite->dataset->store);
	if (work_now(work, &now, err) || settings_read(work, bite->dataset->base.name, &bite->settings, err))
		return -1;
	batch_restart(&bite->batch, work, now);
	return 0;
}
