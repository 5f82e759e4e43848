/* Finds the images of samples, wherever they lie. */
#include "fastcgi/serve.h"

int serve_locate(struct call *call, const char *filepath, struct located *out, struct err *err)
{
	return locate_file(call->info.base_dir, filepath, &call->app->config.image_roots, out, err);
}

int serve_next(struct call *call, struct task *task, struct located *file, struct err *err)
{
	for (;;) {
		if (dataset_next(call->dataset, call->request->user, task, err))
			return -1;
		if (serve_locate(call, task->sample.filepath, file, err) == 0)
			return 0;
		int failed = dataset_mark_unreadable(call->dataset, task->sample.id, err);
		task_release(task);
		if (failed)
			return -1;
	}
}

/* Keeps those of tasks[0..count) that can be read, in order; *kept says how many. */
static int drop_unreadable(struct call *call, struct task *tasks, size_t count, size_t *kept,
                           struct err *err)
{
	int failed = 0;

	*kept = 0;
	for (size_t i = 0; i < count; i++) {
		struct located file;

		if (serve_locate(call, tasks[i].sample.filepath, &file, err) == 0) {
			tasks[(*kept)++] = tasks[i];
			continue;
		}
		if (dataset_mark_unreadable(call->dataset, tasks[i].sample.id, err))
			failed = -1;
		task_release(&tasks[i]);
	}
	return failed;
}

int serve_lease(struct call *call, size_t count, struct task *out, size_t *taken, struct err *err)
{
	*taken = 0;
	while (*taken < count) {
		size_t got, kept;

		if (dataset_lease(call->dataset, call->request->user, count - *taken, out + *taken, &got, err))
			return -1;
		if (got == 0)
			return 0;
		int failed = drop_unreadable(call, out + *taken, got, &kept, err);
		*taken += kept;
		if (failed)
			return -1;
	}
	return 0;
}
