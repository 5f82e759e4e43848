/* /v1/datasets/{d}/tasks: leases of samples to label, and what is done with them. */
#include "base/json.h"
#include "dataset/document.h"
#include "fastcgi/serve.h"

/* A day: more than any person takes for one image. */
enum { LEAD_TIME_MS_MAX = 24 * 3600 * 1000 };

static int held(struct call *call, struct err *err)
{
	struct task *tasks;
	size_t count;

	if (dataset_held(call->dataset, call->request->user, &tasks, &count, err))
		return -1;
	reply_json(call->reply, 200, document_tasks(dataset_name(call->dataset), tasks, count));
	tasks_release(tasks, count);
	free(tasks);
	return 0;
}

static int lease(struct call *call, struct err *err)
{
	struct task tasks[DATASET_TASKS_MAX];
	int64_t count = 1;
	size_t taken = 0;
	int failed = call_body_or_none(call, err) ||
	             json_int64(call->body, "count", false, 1, DATASET_TASKS_MAX, &count, err) || call_info(call, err) ||
	             serve_lease(call, (size_t)count, tasks, &taken, err);

	if (!failed && taken > 0)
		reply_json(call->reply, 200, document_tasks(dataset_name(call->dataset), tasks, taken));
	else if (!failed)
		reply_empty(call->reply, 204);
	tasks_release(tasks, taken);
	return failed ? -1 : 0;
}

static int label(struct call *call, struct err *err)
{
	struct sample sample;
	const char *given;
	int64_t lead_time_ms = -1;

	if (call_body(call, err) || json_string(call->body, "label", true, &given, err) ||
	    json_int64(call->body, "lead_time_ms", false, 0, LEAD_TIME_MS_MAX, &lead_time_ms, err) ||
	    dataset_label_task(call->dataset, call->request->user, call->param[0], given, lead_time_ms, &sample, err))
		return -1;
	reply_json(call->reply, 200, document_sample(dataset_name(call->dataset), &sample));
	sample_release(&sample);
	return 0;
}

static int renew(struct call *call, struct err *err)
{
	int64_t expires_at;

	if (dataset_renew(call->dataset, call->request->user, call->param[0], &expires_at, err))
		return -1;
	cJSON *answer = json_new_object();
	json_add_time(answer, "expires_at", expires_at);
	reply_json(call->reply, 200, answer);
	return 0;
}

static int release(struct call *call, struct err *err)
{
	reply_empty(call->reply, 204);
	return dataset_release(call->dataset, call->request->user, call->param[0], err);
}

static int skip(struct call *call, struct err *err)
{
	const char *named = NULL;

	if (call_body_or_none(call, err) || json_string(call->body, "policy", false, &named, err) || call_info(call, err))
		return -1;
	enum dataset_skip policy = call->info.policy.skip;
	reply_empty(call->reply, 204);
	return (named && dataset_skip_parse(named, &policy, err)) ||
	                       dataset_skip(call->dataset, call->request->user, call->param[0], policy, err)
	               ? -1
	               : 0;
}

static const struct route routes[] = {
	{"GET", "/v1/datasets/{dataset}/tasks", ROLE_ANNOTATOR, held, false},
	{"POST", "/v1/datasets/{dataset}/tasks", ROLE_ANNOTATOR, lease, false},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/label", ROLE_ANNOTATOR, label, false},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/renew", ROLE_ANNOTATOR, renew, false},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/release", ROLE_ANNOTATOR, release, false},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/skip", ROLE_ANNOTATOR, skip, false},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "tasks", .routes = routes, .threads = 64};

	return app_run(&program, argc, argv);
}
