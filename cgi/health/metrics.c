/* GET /metrics: figures for Prometheus. */
#include "metrics.h"

#include "base/version.h"

static const struct metric descriptions[METRICS] = {
	[METRIC_BUILD] = {"image_label_build_info", "gauge", "The version that answers; always 1."},
	[METRIC_READY] = {"image_label_ready", "gauge", "Whether everything can be served, as /readyz says."},
	[METRIC_STORE_UP] = {"image_label_store_up", "gauge", "Whether a store works."},
	[METRIC_DISK_FREE] = {"image_label_disk_free_bytes", "gauge", "Room on the disk of what lies there."},
	[METRIC_DISK_SIZE] = {"image_label_disk_size_bytes", "gauge", "Size of that disk."},
	[METRIC_DISK_FLOOR] = {"image_label_disk_floor_bytes", "gauge",
                               "Room below which the server is not ready (limits.disk_free_bytes)."},
	[METRIC_BROKEN] = {"image_label_datasets_unavailable", "gauge", "Datasets that cannot be served."},
	[METRIC_SAMPLES] = {"image_label_samples", "gauge", "Samples of a dataset by state."},
	[METRIC_QUEUE] = {"image_label_queue_depth", "gauge", "Samples of a dataset that wait for a label."},
	[METRIC_LEASES] = {"image_label_leases", "gauge", "Leases of a dataset that somebody holds now."},
	[METRIC_UPLOADED] = {"image_label_uploaded_bytes", "gauge", "Bytes of a dataset's uploaded images."},
	[METRIC_REQUESTS] = {"image_label_http_requests_total", "counter", "Requests that a program answered."},
	[METRIC_DURATION] = {"image_label_http_request_duration_seconds", "histogram",
                             "Time from a request's arrival at a program to the end of its answer, by route."},
	[METRIC_RECEIVED] = {"image_label_http_received_bytes_total", "counter", "Bytes of requests' bodies."},
	[METRIC_SENT] = {"image_label_http_sent_bytes_total", "counter",
                         "Bytes of answers' bodies, without the files that nginx itself sends."},
	[METRIC_STORE_ERRORS] = {"image_label_store_errors_total", "counter",
                                 "Requests, or images of one, that failed by a store."},
	[METRIC_MEMORY] = {"image_label_process_resident_memory_bytes", "gauge", "Resident memory of a program."},
	[METRIC_CPU] = {"image_label_process_cpu_seconds_total", "counter", "Processor time that a program has used."},
	[METRIC_STARTED] = {"image_label_process_start_time_seconds", "gauge",
                            "When a program was started, since 1970; its counters began then."},
	[METRIC_UPTIME] = {"image_label_process_uptime_seconds", "gauge", "For how long a program has run."},
};

static void add_disks(struct family *families, const struct app *app)
{
	struct health_disk disks[HEALTH_DISKS_MAX];
	size_t count = health_disks(app, disks);

	for (size_t i = 0; i < count; i++) {
		if (!disks[i].known)
			continue;
		family_add(&families[METRIC_DISK_FREE], "", (double)disks[i].free, "disk", disks[i].name, NULL);
		family_add(&families[METRIC_DISK_SIZE], "", (double)disks[i].size, "disk", disks[i].name, NULL);
	}
	family_add(&families[METRIC_DISK_FLOOR], "", (double)app->config.limits.disk_free_bytes, NULL);
}

static void add_health(struct family *families, const struct app *app, const struct health_parts *parts)
{
	const struct config *config = &app->config;
	const struct health *stores = &parts->stores;

	family_add(&families[METRIC_BUILD], "", 1, "version", version_text, NULL);
	family_add(&families[METRIC_READY], "", health_is_ready(parts), NULL);
	family_add(&families[METRIC_STORE_UP], "", stores->datasets.code == ERR_NONE, "store", "datasets", "type",
	           config->dataset_store.type, NULL);
	family_add(&families[METRIC_STORE_UP], "", stores->images.code == ERR_NONE, "store", "images", "type",
	           config->image_store.type, NULL);
	if (stores->datasets.code == ERR_NONE && parts->looked.list.code == ERR_NONE)
		family_add(&families[METRIC_BROKEN], "", (double)parts->looked.broken, NULL);
	add_disks(families, app);
}

/* If the dataset store is down, the rest is still answered, and soon. */
int health_metrics(struct call *call, struct err *err)
{
	struct family families[METRICS];
	struct health_parts parts;
	struct buf text;
	int failed = 0;

	for (size_t i = 0; i < METRICS; i++) {
		families[i].metric = &descriptions[i];
		buf_init(&families[i].samples, REPLY_BODY_MAX);
	}
	health_ask(call->app, &parts);
	add_health(families, call->app, &parts);
	metrics_add_programs(families, call->app);
	if (parts.stores.datasets.code == ERR_NONE)
		failed = metrics_add_datasets(families, call, err);
	buf_init(&text, REPLY_BODY_MAX);
	for (size_t i = 0; i < METRICS; i++)
		family_end(&families[i], &text);
	if (!failed && text.overflow)
		failed = err_set(err, ERR_INTERNAL, "The metrics are larger than an answer may be");
	if (!failed)
		reply_text(call->reply, 200, "text/plain; version=0.0.4; charset=utf-8", buf_text(&text));
	buf_release(&text);
	return failed;
}
