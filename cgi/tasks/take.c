/* Taking tasks: what the user holds, and more of them. */
#include "base/json.h"
#include "dataset/document.h"
#include "fastcgi/serve.h"
#include "tasks.h"

int tasks_held(struct call *call, struct err *err)
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

int tasks_lease(struct call *call, struct err *err)
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
