/* The metrics of datasets. */
#include "fastcgi/visible.h"
#include "metrics.h"

static bool add_dataset(void *data, struct call *call, const char *name)
{
	const struct dataset_counts *counts = &call->info.counts;
	struct family *families = data, *samples = &families[METRIC_SAMPLES];

	family_add(samples, "", (double)counts->labelled, "dataset", name, "state", "labelled", NULL);
	family_add(samples, "", (double)counts->unlabelled, "dataset", name, "state", "unlabelled", NULL);
	family_add(samples, "", (double)counts->skipped, "dataset", name, "state", "skipped", NULL);
	family_add(samples, "", (double)counts->unreadable, "dataset", name, "state", "unreadable", NULL);
	family_add(samples, "", (double)counts->review, "dataset", name, "state", "review", NULL);
	family_add(&families[METRIC_QUEUE], "", (double)counts->unlabelled, "dataset", name, NULL);
	family_add(&families[METRIC_LEASES], "", (double)counts->leased, "dataset", name, NULL);
	family_add(&families[METRIC_UPLOADED], "", (double)counts->bytes, "dataset", name, NULL);
	return true;
}

int metrics_add_datasets(struct family *families, struct call *call, struct err *err)
{
	return visible_datasets(call, "", call_counts, add_dataset, families, err);
}
