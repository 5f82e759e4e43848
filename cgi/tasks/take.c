/* Taking tasks: what the user holds, and more of them. */
#include "base/json.h"
#include "fastcgi/passing.h"
#include "fastcgi/serve.h"
#include "tasks.h"

int tasks_held(struct call *call, struct err *err)
{
	struct task *tasks;
	size_t count;

	if (call_place(call, err) || dataset_held(call->dataset, call->request->user, &tasks, &count, err))
		return -1;
	int failed = serve_tasks(call, tasks, count, err);
	tasks_release(tasks, count);
	free(tasks);
	return failed;
}

int tasks_lease(struct call *call, struct err *err)
{
	struct task tasks[DATASET_TASKS_MAX];
	int64_t count = 1;
	size_t taken = 0;
	int failed = call_body_or_none(call, err) ||
	             json_int64(call->body, "count", false, 1, DATASET_TASKS_MAX, &count, err) || call_place(call, err) ||
	             passing_lease(call, (size_t)count, tasks, &taken, err);

	if (!failed && taken > 0)
		failed = serve_tasks(call, tasks, taken, err);
	else if (!failed)
		reply_empty(call->reply, 204);
	tasks_release(tasks, taken);
	return failed ? -1 : 0;
}
