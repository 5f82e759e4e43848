/* Leases: those that a user holds, and new ones. */
#include "tasks.h"

#include "base/json.h"
#include "dataset/task.h"
#include "fastcgi/ids.h"
#include "fastcgi/passing.h"
#include "fastcgi/serve.h"

int tasks_held(struct call *call, struct err *err)
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
		return passing_lease(&passing, (size_t)count, out, taken, err);
	if (cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(call->body, "count")))
		return err_set(err, ERR_BAD_REQUEST, "Either \"ids\" or \"count\" says which samples are meant");
	int failed = ids_read(list, DATASET_TASKS_MAX, &ids, &chosen, err) ||
	             passing_lease_chosen(&passing, ids, chosen, out, taken, err);
	free(ids);
	return failed;
}

int tasks_lease(struct call *call, struct err *err)
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
