/* /v1/datasets/{d}/tasks: leases of samples to label, and what is done with them. */
#include "base/json.h"
#include "fastcgi/ids.h"
#include "fastcgi/passing.h"
#include "fastcgi/serve.h"
#include "dataset/task.h"
#include "program.h"

static int tasks_held(struct call *call, struct err *err)
{
	struct task *tasks;
	size_t count;

	if (call_place(call, err) || lease_held(call->dataset, call->request->user, &tasks, &count, err))
		return -1;
	int failed = serve_tasks(call, tasks, count, err);
	tasks_release(tasks, count);
	free(tasks);
	return failed;
}

/* Those of "ids", else the next ones, "count" of them. */
static int tasks_take(struct call *call, struct task *out, size_t *taken, struct err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(call->body, "ids");
	int64_t count = 1, *ids;
	size_t chosen;
	struct passing passing = passing_begin(call);

	if (json_int64(call->body, "count", false, 1, DATASET_TASKS_MAX, &count, err))
		return -1;
	if (!list || cJSON_IsNull(list))
		return call_place(call, err) || passing_lease(&passing, (size_t)count, out, taken, err);
	if (cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(call->body, "count")))
		return err_set(err, ERR_BAD_REQUEST, "Either \"ids\" or \"count\" says which samples are meant");
	int failed = ids_read(list, DATASET_TASKS_MAX, &ids, &chosen, err) || call_place(call, err) ||
	             passing_lease_chosen(&passing, ids, chosen, out, taken, err);
	free(ids);
	return failed;
}

static int tasks_lease(struct call *call, struct err *err)
{
	struct task tasks[DATASET_TASKS_MAX];
	size_t taken = 0;
	int failed = call_body_or_none(call, err) || tasks_take(call, tasks, &taken, err);

	if (!failed && taken > 0)
		failed = serve_tasks(call, tasks, taken, err);
	else if (!failed)
		reply_empty(call->reply, 204);
	tasks_release(tasks, taken);
	return failed;
}

/* a day: more than any person needs for one image */
enum { LEAD_TIME_MS_MAX = 24 * 3600 * 1000 };

static int tasks_label(struct call *call, struct err *err)
{
	struct sample sample;
	const char *given;
	int64_t lead_time_ms = -1;

	if (call_body(call, err) || call_place(call, err) || json_string(call->body, "label", true, &given, err) ||
	    json_int64(call->body, "lead_time_ms", false, 0, LEAD_TIME_MS_MAX, &lead_time_ms, err) ||
	    lease_label_once(call->dataset, call->request->user, call->param[0], given, lead_time_ms, call->request->id,
	                     &sample, err))
		return -1;
	cJSON *document = serve_document(call, &sample, err);
	sample_release(&sample);
	if (document)
		reply_json(call->reply, 200, document);
	return !document;
}

static int tasks_renew(struct call *call, struct err *err)
{
	int64_t expires_at;

	if (call_body_or_none(call, err) ||
	    lease_renew(call->dataset, call->request->user, call->param[0], &expires_at, err))
		return -1;
	cJSON *answer = json_new_object();
	json_add_time(answer, "expires_at", expires_at);
	reply_json(call->reply, 200, answer);
	return 0;
}

static int tasks_release_one(struct call *call, struct err *err)
{
	reply_empty(call->reply, 204);
	return call_body_or_none(call, err) ||
	       lease_give_back(call->dataset, call->request->user, call->param[0], err);
}

/* --- many at once ------------------------------------------------------------------------------------------------- */

typedef int task_use(struct call *call, const char *token, cJSON *done, struct err *err);

/* Uses each of the body's "tokens"; what is no longer its holder's is left out of the answer's list, called `name`. */
static int tasks_use_many(struct call *call, task_use *use, const char *name, struct err *err)
{
	const cJSON *list, *token;

	if (call_body(call, err))
		return -1;
	list = cJSON_GetObjectItemCaseSensitive(call->body, "tokens");
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > DATASET_TASKS_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"tokens\" must be a list of at most %d tasks' tokens", DATASET_TASKS_MAX);
	cJSON_ArrayForEach(token, list) {
		if (!cJSON_IsString(token))
			return err_set(err, ERR_BAD_REQUEST, "\"tokens\" must be a list of texts");
	}
	cJSON *answer = json_new_object(), *done = json_new_array();
	json_add(answer, name, done);
	cJSON_ArrayForEach(token, list) {
		if (use(call, token->valuestring, done, err) && err->code != ERR_CONFLICT) {
			cJSON_Delete(answer);
			return -1;
		}
	}
	reply_json(call->reply, 200, answer);
	return 0;
}

static int use_renew(struct call *call, const char *token, cJSON *done, struct err *err)
{
	int64_t expires_at;

	if (lease_renew(call->dataset, call->request->user, token, &expires_at, err))
		return -1;
	cJSON *item = json_new_object();
	json_add_string(item, "token", token);
	json_add_time(item, "expires_at", expires_at);
	json_append(done, item);
	return 0;
}

static int use_release(struct call *call, const char *token, cJSON *done, struct err *err)
{
	if (lease_give_back(call->dataset, call->request->user, token, err))
		return -1;
	json_append_string(done, token);
	return 0;
}

static int tasks_renew_many(struct call *call, struct err *err)
{
	return tasks_use_many(call, use_renew, "renewed", err);
}

static int tasks_release_many(struct call *call, struct err *err)
{
	return tasks_use_many(call, use_release, "released", err);
}

static int tasks_skip(struct call *call, struct err *err)
{
	const char *named = NULL;

	if (call_body_or_none(call, err) || json_string(call->body, "policy", false, &named, err) || call_place(call, err))
		return -1;
	enum dataset_skip policy = call->info.place.policy.skip;
	reply_empty(call->reply, 204);
	return (named && dataset_skip_parse(named, &policy, err)) ||
	       lease_skip(call->dataset, call->request->user, call->param[0], policy, err);
}

static const struct route routes[] = {
	{"GET", "/v1/datasets/{dataset}/tasks", ROLE_ANNOTATOR, tasks_held, false, "", ""},
	{"POST", "/v1/datasets/{dataset}/tasks", ROLE_ANNOTATOR, tasks_lease, false, "", "count ids"},
	{"POST", "/v1/datasets/{dataset}/tasks/renew", ROLE_ANNOTATOR, tasks_renew_many, false, "", "tokens"},
	{"POST", "/v1/datasets/{dataset}/tasks/release", ROLE_ANNOTATOR, tasks_release_many, false, "", "tokens"},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/label", ROLE_ANNOTATOR, tasks_label, false, "", "label lead_time_ms"},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/renew", ROLE_ANNOTATOR, tasks_renew, false, "", ""},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/release", ROLE_ANNOTATOR, tasks_release_one, false, "", ""},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/skip", ROLE_ANNOTATOR, tasks_skip, false, "", "policy"},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "tasks", .routes = routes, .threads = 64, .images = true};

	return program_run(&program, argc, argv);
}
