/* GET /healthz: is the store reachable? GET /metrics: counts of the datasets, as Prometheus text. */
#include "base/json.h"
#include "fastcgi/visible.h"

static int healthz(struct call *call, struct err *err)
{
	if (dataset_store_ping(call->app->store, err))
		return -1;
	cJSON *answer = json_new_object();
	json_add_string(answer, "status", "ok");
	reply_json(call->reply, 200, answer);
	return reply_header(call->reply, "Cache-Control", "no-store", err);
}

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

static bool add_dataset(void *data, struct call *call, const char *name)
{
	const struct dataset_counts *counts = &call->info.counts;

	sample_count(data, name, "labelled", counts->labelled);
	sample_count(data, name, "unlabelled", counts->unlabelled);
	sample_count(data, name, "skipped", counts->skipped);
	sample_count(data, name, "unreadable", counts->unreadable);
	sample_count(data, name, "leased", counts->leased);
	return true;
}

static int metrics(struct call *call, struct err *err)
{
	struct buf text;

	buf_init(&text, REPLY_BODY_MAX);
	buf_str(&text, "# HELP image_label_samples Samples of a dataset by state; leased ones are unlabelled too.\n"
	               "# TYPE image_label_samples gauge\n");
	int failed = visible_datasets(call, "", add_dataset, &text, err);
	if (!failed)
		reply_text(call->reply, 200, "text/plain; version=0.0.4; charset=utf-8", buf_text(&text));
	buf_release(&text);
	return failed;
}

static const struct route routes[] = {
	{"GET", "/healthz", ROLE_NONE, healthz, false},
	{"GET", "/metrics", ROLE_VIEWER, metrics, false},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "health", .routes = routes, .threads = 4};

	return app_run(&program, argc, argv);
}
