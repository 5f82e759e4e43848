/* Whether what a store holds of a dataset is sound: what all backends share. */
#include "dataset/backend.h"

int dataset_store_integrity(struct dataset_store *store, dataset_told *told, void *data, struct err *err)
{
	return store->backend->store_integrity ? store->backend->store_integrity(store, told, data, err) : 0;
}

int dataset_integrity(struct dataset *dataset, bool thorough, dataset_told *told, void *data, struct err *err)
{
	return dataset->backend->integrity ? dataset->backend->integrity(dataset, thorough, told, data, err) : 0;
}

int dataset_fix_counts(struct dataset *dataset, const struct dataset_count_fix *fixes, size_t count, struct err *err)
{
	return count > 0 ? dataset->backend->fix_counts(dataset, fixes, count, err) : 0;
}

int dataset_fix_stats(struct dataset *dataset, const struct dataset_stats_fix *fixes, size_t count, struct err *err)
{
	for (size_t done = 0; done < count; done += DATASET_FIXES_MAX) {
		size_t some = count - done < DATASET_FIXES_MAX ? count - done : DATASET_FIXES_MAX;

		if (dataset->backend->fix_stats(dataset, fixes + done, some, err))
			return -1;
	}
	return 0;
}
