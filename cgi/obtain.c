/* POST /obtain: an image, by its id or the next unlabelled one, with its dataset's labels in X-Response-Json. */
#include <limits.h>

#include "base/json.h"
#include "fastcgi/passing.h"
#include "fastcgi/serve.h"
#include "obtain/answer.h"

/* Leasing keeps others from a sample, so it needs more than looking at one. */
static int find(struct call *call, struct passing *passing, int64_t id, struct task *task, struct located *file,
                struct err *err)
{
	if (id >= 0)
		return dataset_sample(call->dataset, id, &task->sample, err) ||
		                       serve_locate(call, &task->sample, file, err)
		               ? -1
		               : 0;
	if (call->role < ROLE_ANNOTATOR)
		return err_set(err, ERR_FORBIDDEN, "A viewer obtains images by their id; labelling needs the role annotator");
	return passing_next(call, passing, task, file, err);
}

/* In a bucket it only turns out now that an image is gone; then the next one is tried, as with files. */
static int find_and_answer(struct call *call, int64_t id, struct err *err)
{
	struct passing passing = {.passed = 0};

	for (;;) {
		struct task task = {0};
		struct located file;
		bool found = find(call, &passing, id, &task, &file, err) == 0;
		int failed = !found || answer_obtained(call, &task, &file, err);
		bool again = failed && found && id < 0 && passing_over(call, &passing, &task.sample, err) == 0;

		task_release(&task);
		if (!again)
			return failed ? -1 : 0;
	}
}

static int obtain(struct call *call, struct err *err)
{
	const char *name;
	int64_t id = -1;

	return call_body(call, err) || json_string(call->body, "dataset_name", true, &name, err) ||
	                       json_int64(call->body, "id", false, INT64_MIN, INT64_MAX, &id, err) ||
	                       call_dataset(call, name, err) || call_place(call, err) || call_labels(call, err) ||
	                       find_and_answer(call, id, err)
	               ? -1
	               : 0;
}

static const struct route routes[] = {
	{"POST", "/obtain", ROLE_VIEWER, obtain, false, ROUTE_ANY, ROUTE_ANY},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "obtain", .routes = routes, .threads = 64, .images = true};

	return app_run(&program, argc, argv);
}
