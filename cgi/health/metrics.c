/* GET /metrics: the state of the stores and the counts of the datasets, for Prometheus. */
#include "fastcgi/visible.h"
#include "health.h"

/* Quotes a label's value (Prometheus text format): escapes backslash, quote and newline. */
static void quote(struct buf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			buf_char(out, '\\');
		if (*value == '\n')
			buf_str(out, "\\n");
		else
			buf_char(out, *value);
	}
}

static void add_up(struct buf *out, const char *store, const char *type, const struct err *err)
{
	buf_printf(out, "image_label_store_up{store=\"%s\",type=\"%s\"} %d\n", store, type, err->code == ERR_NONE);
}

/* The format wants each metric whole before the next one begins, so each has a text of its own. */
struct metrics {
	struct buf samples, bytes;
};

static void add_samples(struct buf *out, const char *dataset, const char *state, int64_t count)
{
	buf_str(out, "image_label_samples{dataset=\"");
	quote(out, dataset);
	buf_printf(out, "\",state=\"%s\"} %lld\n", state, (long long)count);
}

static bool metrics_dataset(void *data, struct call *call, const char *name)
{
	const struct dataset_counts *counts = &call->info.counts;
	struct metrics *metrics = data;

	add_samples(&metrics->samples, name, "labelled", counts->labelled);
	add_samples(&metrics->samples, name, "unlabelled", counts->unlabelled);
	add_samples(&metrics->samples, name, "skipped", counts->skipped);
	add_samples(&metrics->samples, name, "unreadable", counts->unreadable);
	add_samples(&metrics->samples, name, "review", counts->review);
	add_samples(&metrics->samples, name, "leased", counts->leased);
	buf_str(&metrics->bytes, "image_label_uploaded_bytes{dataset=\"");
	quote(&metrics->bytes, name);
	buf_printf(&metrics->bytes, "\"} %lld\n", (long long)counts->bytes);
	return true;
}

static void add_datasets(struct buf *out, const struct metrics *metrics)
{
	buf_str(out, "# HELP image_label_samples Samples of a dataset by state; leased ones are unlabelled too.\n"
	             "# TYPE image_label_samples gauge\n");
	buf_add(out, metrics->samples.data, metrics->samples.len);
	buf_str(out, "# HELP image_label_uploaded_bytes Bytes of a dataset's uploaded images.\n"
	             "# TYPE image_label_uploaded_bytes gauge\n");
	buf_add(out, metrics->bytes.data, metrics->bytes.len);
}

/* If the dataset store is down, the rest is still answered, and soon. */
int health_metrics(struct call *call, struct err *err)
{
	struct health health;
	struct metrics metrics;
	struct buf text;
	int failed = 0;

	buf_init(&metrics.samples, REPLY_BODY_MAX);
	buf_init(&metrics.bytes, REPLY_BODY_MAX);
	buf_init(&text, REPLY_BODY_MAX);
	health_check(call->app, &health);
	buf_str(&text, "# HELP image_label_store_up Whether a store works.\n# TYPE image_label_store_up gauge\n");
	add_up(&text, "datasets", call->app->config.dataset_store.type, &health.datasets);
	add_up(&text, "images", call->app->config.image_store.type, &health.images);
	if (health.datasets.code == ERR_NONE) {
		failed = visible_datasets(call, "", call_counts, metrics_dataset, &metrics, err);
		add_datasets(&text, &metrics);
	}
	if (!failed)
		reply_text(call->reply, 200, "text/plain; version=0.0.4; charset=utf-8", buf_text(&text));
	buf_release(&metrics.samples);
	buf_release(&metrics.bytes);
	buf_release(&text);
	return failed;
}
