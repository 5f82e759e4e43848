/* GET /healthz: is the store reachable? GET /metrics: counts of the datasets, as Prometheus text. */
#include "base/json.h"
#include "base/log.h"
#include "fastcgi/app.h"

static int healthz(struct call *call, struct err *err)
{
	if (dataset_store_ping(call->app->store, err))
		return -1;
	cJSON *answer = json_new_object();
	json_add_string(answer, "status", "ok");
	reply_json(call->reply, 200, answer);
	return reply_header(call->reply, "Cache-Control", "no-store", err);
}

struct metrics {
	struct call *call;
	struct buf text;
};

/* A label's value (Prometheus text format): backslash, quote and newline are escaped. */
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

static void sample_count(struct buf *out, const char *dataset, const char *state, int64_t count)
{
	buf_str(out, "image_label_samples{dataset=\"");
	quote(out, dataset);
	buf_printf(out, "\",state=\"%s\"} %lld\n", state, (long long)count);
}

static bool add_dataset(void *data, const char *name)
{
	struct metrics *metrics = data;
	struct call *call = metrics->call;
	struct err err = {0};

	if (auth_role(call->app->auth, call->request->user, name) == ROLE_NONE)
		return true;
	if (dataset_open(call->app->store, name, &call->dataset, &err) || call_info(call, &err)) {
		log_write(LOG_WARN, "dataset left out of the metrics", "dataset", name, "error", err.text, NULL);
	} else {
		const struct dataset_counts *counts = &call->info.counts;

		sample_count(&metrics->text, name, "labelled", counts->labelled);
		sample_count(&metrics->text, name, "unlabelled", counts->unlabelled);
		sample_count(&metrics->text, name, "skipped", counts->skipped);
		sample_count(&metrics->text, name, "unreadable", counts->unreadable);
		sample_count(&metrics->text, name, "leased", counts->leased);
	}
	dataset_info_release(&call->info);
	dataset_close(call->dataset);
	call->dataset = NULL;
	return true;
}

static int show_metrics(struct call *call, struct err *err)
{
	struct metrics metrics = {.call = call};

	buf_init(&metrics.text, REPLY_BODY_MAX);
	buf_str(&metrics.text, "# HELP image_label_samples Samples of a dataset by state; leased ones are unlabelled too.\n"
	                       "# TYPE image_label_samples gauge\n");
	int failed = dataset_store_list(call->app->store, "", SIZE_MAX, add_dataset, &metrics, err);
	if (!failed)
		reply_text(call->reply, 200, "text/plain; version=0.0.4; charset=utf-8", buf_text(&metrics.text));
	buf_release(&metrics.text);
	return failed;
}

static const struct route routes[] = {
	{"GET", "/healthz", ROLE_NONE, healthz, false},
	{"GET", "/metrics", ROLE_VIEWER, show_metrics, false},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "health", .routes = routes, .threads = 4};

	return app_run(&program, argc, argv);
}
