/* The families of metrics that /metrics tells, and who fills them. */
#ifndef METRICS_H
#define METRICS_H

#include "exposition.h"
#include "health.h"

enum {
	METRIC_BUILD,
	METRIC_READY,
	METRIC_STORE_UP,
	METRIC_DISK_FREE,
	METRIC_DISK_SIZE,
	METRIC_DISK_FLOOR,
	METRIC_BROKEN,
	METRIC_SAMPLES,
	METRIC_QUEUE,
	METRIC_LEASES,
	METRIC_UPLOADED,
	METRIC_REQUESTS,
	METRIC_DURATION,
	METRIC_RECEIVED,
	METRIC_SENT,
	METRIC_STORE_ERRORS,
	METRIC_MEMORY,
	METRIC_CPU,
	METRIC_STARTED,
	METRIC_UPTIME,
	METRICS
};

/* Of the programs, as each has counted for itself. Where that cannot be read, it is left out. */
void metrics_add_programs(struct family *families, const struct app *app);
/* Of each dataset that the user may see, from counts that are kept. */
int metrics_add_datasets(struct family *families, struct call *call, struct err *err);

#endif
